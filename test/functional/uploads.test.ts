// Request bodies of every size and framing: the app gets all of it unchanged, or no call at all; and nobody
// waits for a client that is slow to send.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { ask, fixture, json, open, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { connect, type RawResponse } from '../helpers/raw-client.ts';
import { noFileIsLeft } from '../helpers/slow-reader.ts';

/** What fixtures/apps/uploads.py answers. */
interface Received {
  readonly length: number;
  readonly sha256: string;
  readonly contentLength: string | null;
}

function assertReceived(answer: RawResponse, body: Uint8Array): void {
  const { length, sha256 } = json(answer) as Received;
  assert.equal(length, body.length);
  assert.equal(sha256, createHash('sha256').update(body).digest('hex'));
}

const post = { method: 'POST' } as const;
const large = randomBytes(3_000_000);

/** `body` in chunks of these many bytes (RFC 9112, section 7.1). */
function chunked(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < body.length; start += size) {
    const chunk = body.subarray(start, start + size);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

describe('an upload', () => {
  after(stopFixtures);

  test('of any size arrives complete and unchanged', async () => {
    for (const length of [0, 1, 16_384, 65_536, 65_537, 131_072, 262_145, 1_048_576, 8_388_609]) {
      const body = randomBytes(length);
      const answer = await ask('uploads', '/', { ...post, body });
      assertReceived(answer, body);
      assert.equal((json(answer) as Received).contentLength, String(length));
    }
  });

  test('in chunks arrives complete and unchanged', async () => {
    const headers = [['Transfer-Encoding', 'chunked']] as const;
    for (const [length, size] of [
      [1, 1],
      [1000, 7],
      [1_048_576, 1000],
      [1_048_576, 300_000],
    ] as const) {
      const body = large.subarray(0, length);
      using client = await open('uploads');
      await client.send(requestBytes('/', { ...post, headers }));
      await client.send(chunked(body, size));
      assertReceived(await client.readResponse(), body);
    }
  });

  test('byte by byte arrives complete and unchanged', async () => {
    const body = randomBytes(50);
    using client = await open('uploads');
    for (const byte of requestBytes('/', { ...post, body })) await client.send(Buffer.of(byte));
    assertReceived(await client.readResponse(), body);
  });

  test('that the app leaves unread does not disturb the next request of its connection', async () => {
    for (const path of ['/unread', '/half']) {
      using client = await open('uploads');
      await client.send(requestBytes(path, { ...post, body: large }));
      assert.equal((await client.readResponse()).status, 200);
      await client.send(requestBytes('/', { ...post, body: 'next' }));
      assertReceived(await client.readResponse(), Buffer.from('next'));
    }
  });

  test('that is slow to come holds up nobody, although there is one thread', async () => {
    using slow = await open('uploads');
    const bytes = requestBytes('/', { ...post, body: large });
    await slow.send(bytes.subarray(0, 2_000_000));
    for (let count = 0; count < 5; count++) {
      assertReceived(await ask('uploads', '/', { ...post, body: 'quick' }), Buffer.from('quick'));
    }
    await slow.send(bytes.subarray(2_000_000));
    assertReceived(await slow.readResponse(), large);
  });

  test('that comes faster than it can be stored arrives complete, and so does what is behind it', async () => {
    const body = randomBytes(30_000_000);
    using client = await open('uploads');
    const next = requestBytes('/', { ...post, body: 'next' });
    await client.send(Buffer.concat([requestBytes('/', { ...post, body }), next, next]));
    assertReceived(await client.readResponse(), body);
    for (let count = 0; count < 2; count++) {
      assertReceived(await client.readResponse(), Buffer.from('next'));
    }
  });

  test('in one long chunk arrives complete, and what is behind it is no part of it', async () => {
    const headers = [['Transfer-Encoding', 'chunked']] as const;
    using client = await open('uploads');
    const next = requestBytes('/', { ...post, body: 'next' });
    const head = requestBytes('/', { ...post, headers });
    await client.send(Buffer.concat([head, chunked(large, large.length), next]));
    assertReceived(await client.readResponse(), large);
    assertReceived(await client.readResponse(), Buffer.from('next'));
  });

  test('of several clients whose packets alternate arrives unmixed', async () => {
    const bodies = [randomBytes(500_000), randomBytes(500_000), randomBytes(500_000)];
    const clients = await Promise.all(bodies.map(() => open('uploads')));
    const requests = bodies.map((body) => requestBytes('/', { ...post, body }));
    for (let at = 0; at < 501_000; at += 10_000) {
      for (const [index, client] of clients.entries()) {
        await client.send((requests[index] ?? Buffer.alloc(0)).subarray(at, at + 10_000));
      }
    }
    for (const [index, client] of clients.entries()) {
      assertReceived(await client.readResponse(), bodies[index] ?? Buffer.alloc(0));
      client.close();
    }
  });

  test('that turns out to be malformed or too long in the middle is refused, and nothing is left of it', async () => {
    const server = await fixture('uploads', '--limit-request-body=2000000');
    const [worker = 0] = server.workerPids();
    const headers = [['Transfer-Encoding', 'chunked']] as const;
    for (const [size, behind, status] of [
      [1_000_000, 'no size', 400],
      [3_000_000, '', 413],
    ] as const) {
      using client = await connect(server.port);
      const chunk = `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n${behind}\r\n`;
      await client.send(
        Buffer.concat([requestBytes('/', { ...post, headers }), Buffer.from(chunk)]),
      );
      const answer = await client.readResponse();
      assert.equal(answer.status, status);
      assert.equal(answer.header('connection'), 'close');
    }
    using client = await connect(server.port);
    await client.send(requestBytes('/', { ...post, body: 'next' }));
    assertReceived(await client.readResponse(), Buffer.from('next'));
    await noFileIsLeft(server, server.port);
    assert.deepEqual(server.workerPids(), [worker]);
  });

  test('several of which come at once arrives unmixed', async () => {
    const bodies = Array.from({ length: 8 }, () => randomBytes(700_000));
    await Promise.all(
      bodies.map(async (body) => {
        assertReceived(await ask('uploads', '/', { ...post, body }), body);
      }),
    );
  });

  for (const [how, length] of [
    ['small', 100],
    ['large', 1_000_000],
  ] as const) {
    test(`that ends before its ${how} Content-Length never reaches the app as if complete`, async () => {
      using client = await open('uploads');
      const headers = [['Content-Length', String(length)]] as const;
      await client.send(requestBytes('/', { ...post, headers, body: 'short' }));
      client.socket.end();
      const received = (await client.readUntilClosed()).toString('latin1');
      assert.doesNotMatch(received, /^HTTP\/1\.1 2/);
      assertReceived(await ask('uploads', '/', { ...post, body: 'next' }), Buffer.from('next'));
    });
  }

  test('whose client leaves in the middle costs nothing', async () => {
    const server = await fixture('uploads');
    const client = await open('uploads');
    await client.send(requestBytes('/', { ...post, body: large }).subarray(0, 1_000_000));
    client.reset();
    assertReceived(await ask('uploads', '/', { ...post, body: 'next' }), Buffer.from('next'));
    assert.equal(server.workerPids().length, 1);
  });

  test('of a form with a file arrives in Flask', async () => {
    const mark = 'a-boundary';
    const part = (disposition: string, content: Uint8Array): Buffer =>
      Buffer.concat([
        Buffer.from(`--${mark}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
        content,
        Buffer.from('\r\n'),
      ]);
    const body = Buffer.concat([
      part('name="field"', Buffer.from('its value')),
      part('name="file"; filename="picture.png"', large),
      Buffer.from(`--${mark}--\r\n`),
    ]);
    const headers = [['Content-Type', `multipart/form-data; boundary=${mark}`]] as const;
    const answer = await ask('flask_upload', '/', { ...post, headers, body });
    assertReceived(answer, large);
    const { name, field } = json(answer) as { name: string; field: string };
    assert.deepEqual([name, field], ['picture.png', 'its value']);
  });
});
