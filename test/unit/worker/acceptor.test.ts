import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect } from '../../helpers/raw-client.ts';
import type { GateEvent } from './gate-worker.ts';

const program = fileURLToPath(new URL('gate-worker.js', import.meta.url));

/** A forked gate-worker. */
class GateWorker {
  readonly events: GateEvent[] = [];
  readonly #child: ChildProcess;

  constructor(fd: number, threads: number, duplicates: number) {
    const descriptors = new Array<number>(1 + duplicates).fill(fd);
    this.#child = spawn(process.execPath, [program, `${threads}`, `${duplicates}`], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
    });
    this.#child.setMaxListeners(0).on('message', (event: GateEvent) => {
      this.events.push(event);
    });
    after(() => this.#child.kill('SIGKILL'));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until it has told `event` so many times since it began. */
  async told(event: GateEvent, count = 1): Promise<void> {
    while (this.count(event) < count) {
      await once(this.#child, 'message');
    }
  }

  count(event: GateEvent): number {
    return this.events.filter((told) => told === event).length;
  }

  /** Waits until its gate is shut. */
  async isShut(): Promise<void> {
    while (this.events.findLast((event) => event === 'open' || event === 'shut') !== 'shut') {
      await once(this.#child, 'message');
    }
  }

  /** Tells it to stop, and waits until it has. */
  async stop(): Promise<void> {
    this.#child.send('stop');
    await this.told('over');
  }
}

/** Workers that share one listening socket, which nobody else accepts from. */
async function start({ workers = 1, threads = 1, duplicates = 200 } = {}) {
  const listener: Server = createServer();
  listener.listen(0, '127.0.0.1', 511);
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const gates = Array.from({ length: workers }, () => new GateWorker(fd, threads, duplicates));
  listener.close();
  await Promise.all(gates.map((gate) => gate.told('ready')));
  return { gates, port };
}

/** One request on a connection of its own; gives the pid of the worker that answered. */
async function request(port: number, path: string): Promise<number> {
  using client = await connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return Number((await client.readResponse()).text);
}

void test('a burst of 64 views of 0.1 s is shared by four workers', async () => {
  const { gates, port } = await start({ workers: 4 });
  const pids = await Promise.all(Array.from({ length: 64 }, () => request(port, '/100')));
  const shares = gates.map(({ pid }) => pids.filter((by) => by === pid).length);
  assert.ok(Math.max(...shares) <= 20, shares.join('/'));
});

void test('while three of four workers are held up, the fourth answers every new connection', async () => {
  const { gates, port } = await start({ workers: 4 });
  for (let i = 0; i < 20; i += 1) await request(port, '/0');
  const before = new Map(gates.map((gate) => [gate, gate.count('request')]));
  let free = gates;
  while (free.length > 1) {
    const client = await connect(port);
    await client.send('GET /hang HTTP/1.1\r\nHost: x\r\n\r\n');
    await Promise.race(free.map((gate) => gate.told('request', (before.get(gate) ?? 0) + 1)));
    const held = free.find((gate) => gate.count('request') > (before.get(gate) ?? 0));
    await held?.isShut();
    free = free.filter((gate) => gate !== held);
  }
  const pids = await Promise.all(Array.from({ length: 50 }, () => request(port, '/1')));
  assert.deepEqual(new Set(pids), new Set([free[0]?.pid]));
});

void test('a worker holds one connection for each thread until it knows how fast it is', async () => {
  const { gates, port } = await start({ threads: 2 });
  const [gate] = gates;
  const answers = Promise.allSettled(Array.from({ length: 8 }, () => request(port, '/hang')));
  await gate?.told('request', 2);
  await gate?.isShut();
  assert.equal(gate?.count('connection'), 2);
  await gate.stop();
  await answers;
});

void test('a view that hangs on a kept connection shuts the gate, too', async () => {
  const { gates, port } = await start();
  using client = await connect(port);
  for (let i = 0; i < 10; i += 1) {
    await client.send('GET /0 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.readResponse();
  }
  await client.send('GET /hang HTTP/1.1\r\nHost: x\r\n\r\n');
  await gates[0]?.told('request', 11);
  await gates[0]?.isShut();
});

void test('silent connections do not hold the gate', async () => {
  const { port } = await start();
  for (let i = 0; i < 8; i += 1) await connect(port);
  assert.ok((await request(port, '/0')) > 0);
});

void test('one after the other, many more connections come through than there are duplicates at a time', async () => {
  const { port } = await start({ duplicates: 1000 });
  await Promise.all(Array.from({ length: 200 }, () => request(port, '/1')));
});

void test('a stop leaves the queue to the others', async () => {
  const { gates, port } = await start({ workers: 2 });
  const [first, second] = gates;
  await first?.stop();
  const pids = await Promise.all(Array.from({ length: 10 }, () => request(port, '/1')));
  assert.deepEqual(new Set(pids), new Set([second?.pid]));
});

for (const path of ['/0', '/20']) {
  void test(`connections that are always busy keep no new one out (${path})`, async () => {
    const { port } = await start();
    let over = false;
    // There is always a request that waits for the one that runs.
    const regulars = Array.from({ length: 6 }, async () => {
      using client = await connect(port);
      while (!over) {
        await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await client.readResponse();
      }
    });
    for (let i = 0; i < 5; i += 1) await request(port, path);
    over = true;
    await Promise.all(regulars);
  });
}
