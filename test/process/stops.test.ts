// What is under way when the server stops, and who is told of it: handshakes, and signals to the whole group.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSession } from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { makeCertificate } from '../helpers/certificates.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];

/** A client in the midst of its handshake: the server has answered, and the client's last word is held back. */
class HalfDone {
  readonly client: TLSSocket;
  readonly #held: Buffer[];
  readonly #upstream: Socket;
  #through = false;

  private constructor(client: TLSSocket, upstream: Socket, held: Buffer[]) {
    this.client = client;
    this.#upstream = upstream;
    this.#held = held;
  }

  static async begin(port: number): Promise<HalfDone> {
    const between = createServer().listen(0, '127.0.0.1');
    await once(between, 'listening');
    const accepted = once(between, 'connection') as Promise<[Socket]>;
    const client = connectTls({
      ...{ host: '127.0.0.1', port: (between.address() as AddressInfo).port },
      ...{ rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
    });
    client.on('error', () => undefined);
    const [downstream] = await accepted;
    between.close();
    const upstream = connect(port, '127.0.0.1');
    const held: Buffer[] = [];
    const half = new HalfDone(client, upstream, held);
    let first = true;
    downstream.on('data', (data: Buffer) => {
      if (first || half.#through) upstream.write(data);
      else held.push(data);
      first = false;
    });
    upstream.on('data', (data: Buffer) => downstream.write(data));
    upstream.on('close', () => downstream.destroy()).on('error', () => undefined);
    downstream.on('close', () => upstream.destroy()).on('error', () => undefined);
    await once(client, 'secureConnect'); // TLS 1.3: the client is done when it has heard the server
    return half;
  }

  /** Says the last word, and whatever came after it. */
  goOn(): void {
    this.#through = true;
    for (const data of this.#held.splice(0)) this.#upstream.write(data);
  }
}

suite('a handshake that is under way is finished, and its request answered, at', () => {
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    test(signal, async () => {
      const { cert, key } = makeCertificate();
      const tls = ['--certfile', cert, '--keyfile', key];
      await using server = await startServer([...tls, ...apps, 'does_nothing:app']);
      const halves = await Promise.all(
        Array.from({ length: 5 }, () => HalfDone.begin(server.port)),
      );
      const answers = halves.map(async ({ client }) => {
        using raw = new RawClient(client);
        await raw.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
        return (await raw.readResponse()).text;
      });
      // HTTP/2 has a word for it: then the worker stops indeed.
      const session = connectSession(server.url, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      await once(session, 'connect');
      server.signal(signal);
      await once(session, 'goaway');
      for (const half of halves) half.goOn();
      assert.deepEqual(
        await Promise.all(answers),
        halves.map(() => 'Hello, World!\n'),
      );
      await server.waitForOutput(/Worker exiting/);
      if (signal === 'SIGTERM') assert.equal(await server.waitForEnd(), 0);
      assert.doesNotMatch(server.stderr(), /handshake failed/);
    });
  }
});

suite('signals to the whole group (a terminal’s, a supervisor’s)', () => {
  const statusOf = async (url: string): Promise<number> =>
    (await fetch(url, { headers: { connection: 'close' } })).status;

  test('TERM leaves the workers at work for as long as --drain-delay says', async () => {
    const args = ['-w', '2', '--drain-delay', '20', '--health-path', '/up'];
    await using server = await startServer([...args, ...apps, 'timed_views:app']);
    const workers = server.workerPids();
    process.kill(-server.pid, 'SIGTERM');
    await server.waitForOutput(/Serving for 20 s more/);
    while ((await statusOf(`${server.url}/up`)) === 200) await turn();
    // Longer than a worker waits for the master's word.
    for (let i = 0; i < 3; i++) assert.equal(await statusOf(`${server.url}/200`), 200);
    assert.deepEqual(server.workerPids(), workers);
    assert.doesNotMatch(server.stderr(), /Worker exiting/);
    // The second one ends the wait.
    process.kill(-server.pid, 'SIGTERM');
    assert.equal(await server.waitForEnd(), 0);
    assert.match(server.stderr(), /cut off 0, waited/);
  });

  test('TERM without a delay stops once, gracefully; HUP and USR1 harm no worker', async () => {
    await using server = await startServer(['--threads', '2', ...apps, 'timed_views:app']);
    for (const signal of ['SIGUSR1', 'SIGHUP'] as const) process.kill(-server.pid, signal);
    await server.waitForReadyWorkers(2);
    const slow = statusOf(`${server.url}/500`);
    assert.equal(await statusOf(`${server.url}/1`), 200);
    process.kill(-server.pid, 'SIGTERM');
    assert.equal(await slow, 200);
    assert.equal(await server.waitForEnd(), 0);
    assert.doesNotMatch(server.stderr(), /was sent|exited with code/);
  });
});
