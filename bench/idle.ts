// What an idle connection costs: `npm run bench:idle` opens 5,000, has one request answered on each, and compares the
// memory of the server's processes with that before. Beside granian and gunicorn's gthread, from the environment of the
// bench. Option: --connections N (5000).

import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { inRepository } from '../test/helpers/repository.ts';
import { peerEnvironment } from './compare/environment.ts';
import { recipe, servers } from './compare/servers.ts';
import { start, type Contender } from './measuring/contender.ts';
import { mebibytes } from './measuring/process-memory.ts';
import { proportional } from './measuring/process-tree.ts';

const { values } = parseArgs({ options: { connections: { type: 'string', default: '5000' } } });
const count = Number(values.connections);
const peers = peerEnvironment();
const service = {
  ...{ target: 'does_nothing:app', directory: inRepository('fixtures', 'apps'), env: {} },
  ...{ workers: 1, threads: 16 },
};

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    });
    socket.once('data', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

async function measure(contender: Contender): Promise<void> {
  const { port } = contender;
  for (let i = 0; i < 200; i++) (await open(port)).destroy();
  await pause(1000);
  const before = proportional(contender.pid);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => open(port)))));
  }
  await pause(1000);
  const after = proportional(contender.pid);
  const closed = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
  process.stdout.write(
    `${contender.name.padEnd(20)}${mebibytes(before).padStart(12)} before, ` +
      `${mebibytes(after).padStart(12)} with ${count - closed} connections: ` +
      `${((after - before) / 1024 / (count - closed)).toFixed(1)} KiB each\n`,
  );
  for (const socket of sockets) socket.destroy();
}

for (const key of ['wsgi-ts', 'granian', 'gthread'] as const) {
  const contender = await start(recipe(servers[key].name, servers[key], service, peers.bin));
  try {
    await measure(contender);
  } finally {
    await contender.stop();
  }
}
