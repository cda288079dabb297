// Someone's Node program, run by tls-in-both.test.ts as a process of its own: it serves fixtures/apps/tls_client.py
// over HTTPS, and beside that an HTTPS server all of Node, which the Python code asks. Its arguments: the paths of a
// certificate, its key and the Python. It says where it listens, and at SIGTERM what its second server has seen;
// then it has nothing left to do, and ends.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createHandler } from '../../src/index.ts';
import { inRepository } from '../helpers/repository.ts';

/** Its first line. */
export interface Listening {
  readonly app: number;
  readonly own: number;
}

/** Its last line. */
export interface Seen {
  readonly requests: number;
  readonly handshakes: number;
}

const [cert = '', key = '', python = ''] = process.argv.slice(2);
const secrets = { cert: readFileSync(cert), key: readFileSync(key) };
const seen = { requests: 0, handshakes: 0 };

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const chdir = inRepository('fixtures', 'apps');
const handler = createHandler('tls_client:app', { threads: 8, chdir, python });
await handler.ready;
const app = createServer(secrets, handler);
const own = createServer(secrets, (request, response) => {
  seen.requests += 1;
  response.end(
    createHash('sha256')
      .update(request.url ?? '')
      .digest('hex'),
  );
});
own.keepAliveTimeout = 0; // however slow the machine, a connection is closed by who opened it
own.on('secureConnection', () => {
  seen.handshakes += 1;
});

process.once('SIGTERM', () => {
  app.close().closeAllConnections();
  own.close().closeAllConnections();
  void handler.close().then(() => {
    console.log(JSON.stringify(seen satisfies Seen));
  });
});
console.log(JSON.stringify({ app: await listen(app), own: await listen(own) } satisfies Listening));
