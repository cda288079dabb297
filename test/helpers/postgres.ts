// As much of a PostgreSQL server as lets a client in over TLS and out again: it shows what a database driver
// does in a server's process, where no database is. (The protocol: PostgreSQL's documentation, chapter 54.)

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Certificate } from './certificates.ts';

/** A message: its letter, its length, what it says. */
function message(letter: string, ...content: (string | number)[]): Buffer {
  const parts = content.map((part) => {
    if (typeof part === 'string') return Buffer.from(`${part}\0`);
    const number = Buffer.alloc(4);
    number.writeInt32BE(part);
    return number;
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5, letter);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** AuthenticationOk, what drivers want to know, BackendKeyData, ReadyForQuery (idle). */
const welcome = Buffer.concat([
  message('R', 0),
  message('S', 'server_version', '17.0'),
  message('S', 'client_encoding', 'UTF8'),
  message('S', 'DateStyle', 'ISO, MDY'),
  message('S', 'standard_conforming_strings', 'on'),
  message('K', 1, 1),
  Buffer.from('Z\0\0\0\x05I'),
]);

/** A running one. */
export interface Postgres {
  readonly port: number;
  close(): void;
}

/** Starts one on a free port of 127.0.0.1. */
export async function startPostgres({ cert, key }: Certificate): Promise<Postgres> {
  const secrets = { cert: readFileSync(cert), key: readFileSync(key) };
  const ignore = (): void => undefined; // what is wrong the client says
  const sockets = new Set<Socket>();
  const server = createServer((plain) => {
    sockets.add(plain);
    plain.on('error', ignore).on('close', () => sockets.delete(plain));
    // An SSLRequest, and nothing behind it before it is answered.
    plain.once('data', () => {
      plain.write('S');
      const secure = new TLSSocket(plain, { isServer: true, ...secrets });
      secure.on('error', ignore);
      // The first is the start-up message, the next and last one Terminate, with which the client closes.
      secure.once('data', () => secure.write(welcome));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
