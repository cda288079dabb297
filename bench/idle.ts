// What an idle connection costs: `npm run bench:idle` opens 5,000, has one request answered on each, and compares the
// memory of the server's processes with that before. Beside gunicorn's gthread, and granian where it is installed in
// the environment of the tests (`pip install granian`). Option: --connections N (5000).

import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { testPythonEnvironment } from '../test/helpers/python-environment.ts';
import { type Contender, gunicorn, type Recipe, start, wsgiTs } from './contender.ts';
import { mebibytes, proportional } from './process-memory.ts';

const { values } = parseArgs({ options: { connections: { type: 'string', default: '5000' } } });
const count = Number(values.connections);
const hello = 'Hello, World!\n';

const granian = `${testPythonEnvironment().bin}/granian`;
const recipes: Recipe[] = [
  wsgiTs('wsgi-ts', 'apps', hello, 'does_nothing:app'),
  gunicorn(
    'gunicorn gthread',
    'apps',
    hello,
    ...['--worker-class', 'gthread', '--threads', '16', '--worker-connections', '10000'],
    ...['--keep-alive', '75', 'does_nothing:app'],
  ),
];
if (existsSync(granian)) {
  const args = [
    '--interface',
    'wsgi',
    '--host',
    '127.0.0.1',
    '--port',
    '18765',
    'does_nothing:app',
  ];
  recipes.push({ ...wsgiTs('granian', 'apps', hello), program: granian, args });
}

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
  const port = Number(new URL(contender.url).port);
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

for (const recipe of recipes) {
  const contender = await start(recipe);
  try {
    await measure(contender);
  } finally {
    await contender.stop();
  }
}
