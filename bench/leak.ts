// Clients that leave in the middle, thousands of times over: is every body closed, and does anything stay
// behind? `npm run bench:leak`; exit code 1 where descriptors or threads grow, or memory by 2 MiB or more after
// the first tenth, with garbage collected on both sides.
// The server is a process of its own that uses createHandler, so that it can be asked to collect its garbage:
// the same handler as a worker's. This file is both: with --serve it is the server.
// Option: --times N (10,000).

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createHandler } from '../src/index.ts';
import { activatedEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';
import { descriptors, mebibytes, resident, threads } from './process-memory.ts';

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '10000' },
    serve: { type: 'boolean', default: false },
  },
});

async function serve(): Promise<void> {
  const handler = createHandler('left_alone:app', {
    chdir: inRepository('fixtures', 'apps'),
    threads: 2,
  });
  await handler.ready;
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.on('message', () => {
    globalThis.gc?.();
    process.send?.('collected');
  });
  process.once('disconnect', () => process.exit());
  process.send?.((server.address() as AddressInfo).port);
}

/** Ways of a client, one a turn; each leaves in the middle but the last two. */
const ways: readonly ((socket: Socket) => Promise<void>)[] = [
  async (socket) => {
    await ask(socket, 'GET /endless');
    socket.destroy();
  },
  async (socket) => {
    await ask(socket, 'GET /endless');
    socket.resetAndDestroy();
  },
  async (socket) => {
    await ask(socket, 'GET /file');
    socket.resetAndDestroy();
  },
  async (socket) => {
    await send(socket, `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n`);
    await send(socket, Buffer.alloc(200_000));
    socket.resetAndDestroy();
  },
  async (socket) => {
    await send(socket, `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n`);
    await send(socket, Buffer.alloc(200_000));
    await once(socket, 'data');
    socket.destroy();
  },
  async (socket) => {
    await ask(socket, 'GET /closed');
    socket.destroy();
  },
];

async function send(socket: Socket, data: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.write(data, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Sends a request and waits for the answer's first bytes. */
async function ask(socket: Socket, what: string): Promise<string> {
  await send(socket, `${what} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString('latin1');
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
}

async function measure(times: number): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['--serve'], {
    env: activatedEnvironment({}),
    execArgv: ['--expose-gc'],
  });
  const pid = child.pid ?? 0;
  const [port] = (await once(child, 'message')) as [number];
  const get = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${String(port)}${path}`)).text();

  const settled = async (): Promise<{ fds: number; tasks: number; bytes: number }> => {
    for (let round = 0; round < 3; round++) {
      await get('/collect');
      child.send('collect');
      await once(child, 'message');
    }
    return { fds: descriptors(pid), tasks: threads(pid), bytes: resident(pid) };
  };

  let done = 0;
  const until = async (count: number): Promise<void> => {
    for (; done < count; done++) await ways[done % ways.length]?.(await open(port));
  };

  const first = Math.ceil(times / 10);
  await until(first);
  const before = await settled();
  const steps = 9;
  let now = before;
  for (let step = 1; step <= steps; step++) {
    await until(first + Math.round(((times - first) * step) / steps));
    now = await settled();
    process.stdout.write(
      `${String(done).padStart(6)} times: ${String(now.fds)} descriptors, ${String(now.tasks)} threads, ${mebibytes(now.bytes)}\n`,
    );
  }
  const share = (index: number): number => Math.ceil((times - index) / ways.length);
  const expected = `${String(share(0) + share(1))},${String(share(2))}`;
  const closed = await get('/closed');
  const grown = now.bytes - before.bytes;
  const results: readonly (readonly [boolean, string])[] = [
    [closed === expected, `closed ${closed}; streams and files left: ${expected}`],
    [now.fds <= before.fds, `descriptors ${String(before.fds)} → ${String(now.fds)}`],
    [now.tasks <= before.tasks, `threads ${String(before.tasks)} → ${String(now.tasks)}`],
    [grown < 2 * 1024 * 1024, `memory ${mebibytes(before.bytes)} → ${mebibytes(now.bytes)}`],
  ];
  for (const [passed, what] of results) {
    if (!passed) process.exitCode = 1;
    process.stdout.write(`${passed ? 'pass' : 'FAIL'}  ${what}\n`);
  }
  child.disconnect();
}

await (values.serve ? serve() : measure(Number(values.times)));
