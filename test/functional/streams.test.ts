// Responses that stream: complete and unchanged at any size, closed when the client leaves, unimpeded by
// children that the app forks, and leaving nothing behind.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { ask, fixture, open, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import { isAlive } from '../helpers/server-process.ts';

const block = 65_536;

/** The SHA-256 of what fixtures/apps/downloads.py sends. */
function expectedDigest(length: number): string {
  const hash = createHash('sha256');
  for (let start = 0; start < length; start += block) {
    hash.update(Buffer.alloc(Math.min(block, length - start), (start / block) % 251));
  }
  return hash.digest('hex');
}

function digest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** How many descriptors and threads a process has. */
interface Resources {
  readonly descriptors: number;
  readonly threads: number;
}

/** What a worker holds, but for the duplicates of its listener: the accept gate keeps a varying few of them. */
function resources(pid: number, listener: string): Resources {
  const descriptors = descriptorsOf(pid).filter((target) => target !== `socket:[${listener}]`);
  const threads = readdirSync(`/proc/${String(pid)}/task`).length;
  return { descriptors: descriptors.length, threads };
}

/** What a process's descriptors are open on (proc(5)). */
function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${String(pid)}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${String(pid)}/fd/${fd}`);
    } catch {
      return []; // closed since the folder was read
    }
  });
}

/** The inodes of a process's sockets. */
function socketsOf(pid: number): string[] {
  return descriptorsOf(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
}

/** The inodes of TCP sockets that listen on a port of 127.0.0.1 (proc(5): state 0A). */
function listenersOn(port: number): string[] {
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(address) && state === '0A')
    .map((fields) => fields[9] ?? '');
}

describe('a streamed response', () => {
  after(stopFixtures);

  for (const path of ['/file', '/generator', '/generator-with-length', '/write']) {
    test(`of ${path} arrives complete and unchanged`, async () => {
      for (const length of [0, 1, 65_535, 131_072, 131_073, 1_048_576, 8_388_609]) {
        const answer = await ask('downloads', `${path}?${String(length)}`);
        assert.equal(answer.body.length, length);
        assert.equal(digest(answer.body), expectedDigest(length), `${String(length)} bytes`);
      }
    });
  }

  test('that nobody reads for a while arrives complete', async () => {
    using client = await open('downloads');
    client.socket.pause();
    await client.send(requestBytes('/generator?8388608'));
    using other = await open('environ_shown');
    await other.send(requestBytes('/'));
    await other.readResponse();
    client.socket.resume();
    const { body } = await client.readResponse();
    assert.equal(digest(body), expectedDigest(8_388_608));
  });

  test('is closed when its client leaves, although a child forked by the app lives', async () => {
    await using gate = await openGate();
    const client = await open('forked_child');
    await client.send(requestBytes(`/endless?${gate.query}`));
    const said = [await gate.said(), await gate.said()].sort();
    assert.equal(said[1], 'streaming');
    const child = Number(said[0]?.replace('child ', ''));
    assert.ok(isAlive(child));
    client.close();
    assert.equal(await gate.said(), 'closed, child alive: True');
  });

  test('ends for the client, although a child forked by the app lives', async () => {
    await using gate = await openGate();
    using client = await open('forked_child');
    await client.send(requestBytes(`/ends?${gate.query}`));
    assert.equal((await client.readResponse()).text, 'first\nlast\n');
    const child = Number((await gate.said()).replace('child ', ''));
    assert.ok(isAlive(child));
  });

  test('that breaks is cut for the client, although a child forked by the app lives', async () => {
    await using gate = await openGate();
    using client = await open('forked_child');
    await client.send(requestBytes(`/breaks?${gate.query}`));
    const child = Number((await gate.said()).replace('child ', ''));
    const received = (await client.readUntilClosed()).toString('latin1');
    assert.ok(received.includes('first\n') && !received.endsWith('0\r\n\r\n'), received);
    assert.ok(isAlive(child));
  });

  test('leaves to a forked child none of the sockets of the server', async () => {
    await using gate = await openGate();
    using client = await open('forked_child');
    await client.send(requestBytes(`/ends?${gate.query}`));
    await client.readResponse();
    const child = Number((await gate.said()).replace('child ', ''));
    const [listener] = listenersOn((await fixture('forked_child')).port);
    assert.ok(listener !== undefined);
    const sockets = socketsOf(child);
    assert.ok(!sockets.includes(listener), 'the child holds the port');
    assert.equal(sockets.length, 1, 'the gate, and nothing else');
  });

  test('that is left or completed three hundred times leaves no descriptor and no thread', async () => {
    const server = await fixture('downloads');
    const [worker = 0] = server.workerPids();
    const [listener] = listenersOn(server.port);
    assert.ok(listener !== undefined);
    const round = async (): Promise<void> => {
      for (const target of ['/file?200000', '/generator?200000', '/generator?10', '/write?10']) {
        await ask('downloads', target);
      }
      const leaving = await connect(server.port);
      await leaving.send(requestBytes('/generator?10000000'));
      await leaving.readBytes(1000);
      leaving.reset();
      const leavingFile = await connect(server.port);
      await leavingFile.send(requestBytes('/file?3000000'));
      await leavingFile.readBytes(1000);
      leavingFile.reset();
    };
    for (let count = 0; count < 10; count++) await round();
    await ask('downloads', '/generator?1');
    const before = resources(worker, listener);
    for (let count = 0; count < 50; count++) await round();
    // Connections that were reset just now are closed by the loop's next turns: let it turn.
    let left = resources(worker, listener);
    for (let turn = 0; turn < 100 && left.descriptors > before.descriptors; turn++) {
      await ask('downloads', '/generator?1');
      left = resources(worker, listener);
    }
    assert.ok(left.descriptors <= before.descriptors, `${left.descriptors} descriptors left`);
    assert.equal(left.threads, before.threads);
  });
});

describe('a view that sleeps in one of two threads', () => {
  after(stopFixtures);

  test('holds up no other request', async () => {
    await using gate = await openGate();
    const { port } = await fixture('sleeping', '--threads', '2');
    using asleep = await connect(port);
    await asleep.send(requestBytes(`/sleep?${gate.query}`));
    assert.equal(await gate.said(), 'asleep');
    for (let count = 0; count < 50; count++) {
      using client = await connect(port);
      await client.send(requestBytes('/'));
      assert.equal((await client.readResponse()).text, 'awake\n');
    }
    assert.equal(asleep.socket.bytesRead, 0);
    gate.letGo();
    assert.equal((await asleep.readResponse()).text, 'slept\n');
  });

  test('holds up nobody who connected before it', async () => {
    await using gate = await openGate();
    const { port } = await fixture('sleeping', '--threads', '2');
    using early = await connect(port);
    await early.send(requestBytes('/'));
    await early.readResponse();
    using asleep = await connect(port);
    await asleep.send(requestBytes(`/sleep?${gate.query}`));
    assert.equal(await gate.said(), 'asleep');
    await early.send(requestBytes('/'));
    assert.equal((await early.readResponse()).text, 'awake\n');
    gate.letGo();
    assert.equal((await asleep.readResponse()).text, 'slept\n');
  });
});
