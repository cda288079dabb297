// Streamed answers to clients that read slowly or not at all: what fits --response-buffer holds no thread, what
// doesn't waits; no byte is lost, nothing that was cut off looks complete, and no file is left.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSession } from 'node:http2';
import type { ClientHttp2Stream } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import type { Gate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import type { RawClient } from '../helpers/raw-client.ts';
import type { ServerProcess } from '../helpers/server-process.ts';
import {
  askWithoutReading,
  block,
  digest,
  digestOf,
  done,
  noFileIsLeft,
  onUnixSocket,
  spoolFiles,
  turn,
  unchunk,
  underWay,
} from '../helpers/slow-reader.ts';

const logged = ['--access-logfile=-', '--access-logformat=%(U)s %(outcome)s %(B)s.'];

after(stopFixtures);

describe('an answer that fits --response-buffer', () => {
  test('leaves its thread free, although its client reads nothing', async () => {
    await using gate = await openGate();
    const server = await fixture('kept_answers');
    using slow = await askWithoutReading(server.port, gate, 192);
    assert.equal(await gate.said(), 'gave all');
    assert.equal(await done(server.port), 'all');
    assert.ok(slow.socket.bytesRead < underWay);
    slow.socket.resume();
    assert.equal(digest((await slow.readResponse()).body), digestOf(192));
    await noFileIsLeft(server, server.port);
  });

  test('is kept for many clients at once, each of its own', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket();
    const counts = [40, 7, 33, 64, 21];
    const clients: RawClient[] = [];
    for (const count of counts) {
      clients.push(await askWithoutReading(path, gate, count));
      assert.equal(await gate.said(), 'gave all');
    }
    for (const [index, client] of clients.entries()) {
      client.socket.resume();
      assert.equal(digest((await client.readResponse()).body), digestOf(counts[index] ?? 0));
    }
    await noFileIsLeft(server, path);
  });

  test('keeps its connection, for the next request', async () => {
    await using gate = await openGate();
    const { path } = await onUnixSocket();
    using slow = await askWithoutReading(path, gate, 64);
    assert.equal(await gate.said(), 'gave all');
    await slow.send(requestBytes('/done'));
    slow.socket.resume();
    assert.equal(digest((await slow.readResponse()).body), digestOf(64));
    assert.equal((await slow.readResponse()).text, 'all');
  });

  test('that the app breaks off arrives as far as it went, and is cut', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket();
    using slow = await askWithoutReading(path, gate, 64, '/fails');
    assert.equal(await gate.said(), 'gave all');
    await done(path);
    slow.socket.resume();
    const received = await slow.readUntilClosed();
    assert.ok(!received.subarray(-5).equals(Buffer.from('0\r\n\r\n')), 'no last chunk');
    const begin = received.indexOf('\r\n\r\n') + 4;
    assert.equal(digest(unchunk(received.subarray(begin))), digestOf(64));
    await noFileIsLeft(server, path);
  });

  test('that the app breaks off is cut also behind another answer of its connection', async () => {
    await using gate = await openGate();
    await using other = await openGate();
    const { path } = await onUnixSocket('--threads=2');
    using client = await connect(path);
    client.socket.pause();
    await client.send(requestBytes(`/?blocks=64&${gate.query}`));
    assert.equal(await gate.said(), 'begun');
    await client.send(requestBytes(`/fails?blocks=1&${other.query}`));
    assert.equal(await other.said(), 'begun');
    assert.equal(await other.said(), 'gave all');
    assert.equal(await gate.said(), 'gave all');
    await done(path);
    client.socket.resume();
    assert.equal(digest((await client.readResponse()).body), digestOf(64));
    const received = await client.readUntilClosed();
    const begin = received.indexOf('\r\n\r\n') + 4;
    assert.equal(digest(unchunk(received.subarray(begin))), digestOf(1));
  });

  test('is forgotten when its client leaves', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket(...logged);
    const slow = await askWithoutReading(path, gate, 128);
    assert.equal(await gate.said(), 'gave all');
    slow.close();
    const [, bytes] = await server.waitForOutput(/^\/ client_gone (\d+)\.$/m);
    assert.ok(Number(bytes) > 0 && Number(bytes) < underWay, `${String(bytes)} bytes`);
    await noFileIsLeft(server, path);
  });

  for (const blocks of [4, 64]) {
    test(`of ${String(blocks)} blocks is cut off when its client stays behind the minimum rate`, async () => {
      await using gate = await openGate();
      const { server, path } = await onUnixSocket(
        ...['--response-timeout=1', '--minimum-rate=1000000000'],
        ...['--access-logfile=-', '--access-logformat=%(q)s %(outcome)s %(B)s.'],
      );
      using slow = await askWithoutReading(path, gate, blocks);
      assert.equal(await gate.said(), 'gave all');
      const line = new RegExp(`^blocks=${String(blocks)}&\\S+ timeout (\\d+)\\.$`, 'm');
      await server.waitForOutput(line);
      slow.socket.resume();
      assert.doesNotMatch((await slow.readUntilClosed()).toString('latin1'), /\r\n0\r\n\r\n$/);
      await noFileIsLeft(server, path);
    });
  }

  test('needs no file where it is short', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket();
    using slow = await askWithoutReading(path, gate, 1);
    assert.equal(await gate.said(), 'gave all');
    await turn(path);
    const [worker = 0] = server.workerPids();
    assert.equal(spoolFiles(worker), 0);
    slow.socket.resume();
    assert.equal((await slow.readResponse()).body.length, block);
  });
});

describe('an answer that does not fit --response-buffer', () => {
  for (const limit of [0, 1, 100_000, 1_048_576]) {
    test(`of ${String(limit)} bytes waits for its client, and arrives complete`, async () => {
      await using gate = await openGate();
      const { server, path } = await onUnixSocket(
        '--threads=2',
        `--response-buffer=${String(limit)}`,
      );
      using slow = await askWithoutReading(path, gate, 128);
      await turn(path);
      assert.deepEqual(gate.unread, []);
      slow.socket.resume();
      assert.equal(await gate.said(), 'gave all');
      assert.equal(digest((await slow.readResponse()).body), digestOf(128));
      await noFileIsLeft(server, path);
    });
  }

  test('of 0 bytes holds the only thread until its client reads', async () => {
    await using gate = await openGate();
    const { path } = await onUnixSocket('--response-buffer=0');
    using slow = await askWithoutReading(path, gate, 64);
    using waiting = await connect(path);
    await waiting.send(requestBytes('/done'));
    assert.equal(waiting.socket.bytesRead, 0);
    assert.deepEqual(gate.unread, []);
    slow.socket.resume();
    await slow.readBytes(block);
    // In the order of the thread's work: had it been free earlier, nothing would have been given by then.
    assert.equal((await waiting.readResponse()).text, 'all');
    assert.equal(await gate.said(), 'gave all');
    assert.equal((await slow.readUntil('0\r\n\r\n')).subarray(-5).toString(), '0\r\n\r\n');
  });

  test('is ended when its client leaves while the app waits', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket('--response-buffer=200000');
    const slow = await askWithoutReading(path, gate, 128);
    slow.close();
    assert.equal(await gate.said(), 'left');
    await noFileIsLeft(server, path);
  });

  test('arrives complete where its client reads in fits and starts', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket('--response-buffer=700000');
    using slow = await askWithoutReading(path, gate, 400);
    slow.socket.on('data', () => {
      slow.socket.pause();
      setImmediate(() => slow.socket.resume());
    });
    slow.socket.resume();
    assert.equal(digest((await slow.readResponse()).body), digestOf(400));
    assert.equal(await gate.said(), 'gave all');
    await noFileIsLeft(server, path);
  });
});

describe('over HTTP/2, an answer that its client does not read', () => {
  async function openStream(
    server: ServerProcess,
    gate: Gate,
    path: string,
    blocks: number,
  ): Promise<{ readonly stream: ClientHttp2Stream; readonly close: () => void }> {
    const session = connectSession(server.url);
    const stream = session.request({ ':path': `${path}?blocks=${String(blocks)}&${gate.query}` });
    stream.end();
    await once(stream, 'response');
    assert.equal(await gate.said(), 'begun');
    return {
      stream,
      close: () => {
        session.destroy();
      },
    };
  }

  const args = ['--http2-cleartext=prior-knowledge'];

  test('leaves its thread free, and arrives complete', async () => {
    await using gate = await openGate();
    const server = await fixture('kept_answers', ...args);
    const { stream, close } = await openStream(server, gate, '/', 128);
    assert.equal(await gate.said(), 'gave all');
    assert.equal(await done(server.port), 'all');
    assert.equal(digest(await buffer(stream)), digestOf(128));
    close();
    await noFileIsLeft(server, server.port);
  });

  test('is not taken from its file before there is room for it', async () => {
    await using gate = await openGate();
    const server = await fixture('kept_answers', ...args, ...logged);
    const { close } = await openStream(server, gate, '/', 128);
    assert.equal(await gate.said(), 'gave all');
    await turn(server.port);
    close();
    const [, bytes] = await server.waitForOutput(/^\/ client_gone (\d+)\.$/m);
    assert.ok(Number(bytes) < underWay, `${String(bytes)} bytes`);
    await noFileIsLeft(server, server.port);
  });

  test('arrives as far as it went where the app breaks it off, and is reset', async () => {
    await using gate = await openGate();
    const server = await fixture('kept_answers', ...args);
    const { stream, close } = await openStream(server, gate, '/fails', 64);
    assert.equal(await gate.said(), 'gave all');
    await done(server.port);
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    await once(stream, 'error');
    assert.equal(digest(Buffer.concat(pieces)), digestOf(64));
    close();
    await noFileIsLeft(server, server.port);
  });
});
