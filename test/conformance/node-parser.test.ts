// What `node:http` alone takes of the rows that are refused here: the list in docs/http.md. The parser changes with
// Node, so that the list is of one version of it.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { bytesOf, readHttpTable, type TableRow } from '../helpers/http-table.ts';

/** The parser that the list is about, of Node 20. */
const llhttp = '9.3.1';
const skip = process.versions['llhttp'] === llhttp ? false : `the list is of llhttp ${llhttp}`;

let server: Server;
let taken = 0;

before(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on('error', () => undefined);
    request.on('end', () => {
      taken++;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => {
  server.close();
});

/** Sends a row to the bare server, and waits for the end of the connection. */
async function takes(row: TableRow): Promise<boolean> {
  taken = 0;
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
    socket.resume();
    socket.end(Buffer.from(bytesOf(row), 'latin1'));
  });
  return taken > 0;
}

for (const { title, rows } of readHttpTable()) {
  const lax = rows.filter(({ node_takes }) => node_takes === true).length;
  if (lax === 0) continue;
  test(
    `${title}: node:http alone takes ${lax} of the rows that are refused here`,
    { skip },
    async () => {
      for (const row of rows) {
        const refused = row.answers.every((status) => status >= 400);
        if (refused) assert.equal(await takes(row), row.node_takes === true, row.input);
        else assert.notEqual(row.node_takes, true, row.input);
      }
    },
  );
}
