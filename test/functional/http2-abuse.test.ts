// What clients of HTTP/2 can do to harm a server, frame by frame: their connection ends, with a line where there is
// something to say, and others are served. What node:http2 limits by itself is shown to be limited here too.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import {
  END_HEADERS,
  END_STREAM,
  frame,
  PREFACE,
  readUntilFrame,
  requestFields,
  settings,
  Type,
} from '../helpers/http2-frames.ts';
import { connect, type RawClient } from '../helpers/raw-client.ts';

after(stopFixtures);

const nothing = Buffer.alloc(0);
const open = END_HEADERS;
const whole = END_HEADERS | END_STREAM;

async function begin(
  port: number,
  values: Readonly<Record<number, number>> = {},
): Promise<RawClient> {
  const client = await connect(port);
  await client.send(Buffer.concat([Buffer.from(PREFACE), settings(values)]));
  return client;
}

/** Streams of a client: 1, 3, 5, … */
function streams(count: number): number[] {
  return Array.from({ length: count }, (_, at) => 2 * at + 1);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Shows that somebody else is answered, over HTTP/2. */
async function serves(port: number): Promise<void> {
  using client = await begin(port);
  await client.send(frame(Type.headers, whole, 1, requestFields()));
  const { stream } = await readUntilFrame(client, Type.headers);
  assert.equal(stream, 1);
}

describe('a connection of HTTP/2 that sends', () => {
  const floods: Readonly<Record<string, readonly Buffer[]>> = {
    'requests that it resets at once (CVE-2023-44487)': streams(5000).flatMap((id) => [
      frame(Type.headers, whole, id, requestFields()),
      frame(Type.reset, 0, id, number(8)),
    ]),
    'a head without an end (CVE-2024-27983)': [
      frame(Type.headers, END_STREAM, 1, requestFields()),
      ...Array.from({ length: 5000 }, () =>
        frame(Type.continuation, 0, 1, requestFields('/', 'GET', [['x', 'y'.repeat(100)]])),
      ),
    ],
    'empty pieces of a body (CVE-2019-9518)': [
      frame(Type.headers, open, 1, requestFields('/', 'POST')),
      ...Array.from({ length: 5000 }, () => frame(Type.data, 0, 1, nothing)),
    ],
    'resets of streams that never were': streams(5000).map((id) =>
      frame(Type.reset, 0, id, number(8)),
    ),
    'windows that overflow on stream after stream': streams(5000).flatMap((id) => [
      frame(Type.headers, open, id, requestFields('/', 'POST')),
      frame(Type.windowUpdate, 0, id, number(2 ** 31 - 1)),
    ]),
  };
  for (const [what, frames] of Object.entries(floods)) {
    test(`${what} is ended, and others are served`, async () => {
      const { port, workerPids } = await fixtureFacts();
      using client = await begin(port);
      client.socket.on('error', () => undefined);
      // It may be over before all is sent.
      await client.send(Buffer.concat(frames)).catch(() => undefined);
      await client.readUntilClosed().catch(() => undefined);
      assert.ok(client.socket.readableEnded || client.socket.destroyed);
      await serves(port);
      assert.equal(workerPids.length, 1);
    });
  }

  test('SETTINGS and PINGs without reading the answers is ended', async () => {
    const { port } = await fixtureFacts();
    for (const one of [settings(), frame(Type.ping, 0, 0, Buffer.alloc(8))]) {
      using client = await begin(port);
      const { socket } = client;
      socket.on('error', () => undefined).pause();
      const flood = Buffer.concat(Array.from({ length: 20_000 }, () => one));
      for (let i = 0; i < 200 && !socket.destroyed; i++) {
        await client.send(flood).catch(() => socket.destroy());
      }
      assert.ok(socket.errored, 'it was never ended');
      await serves(port);
    }
  });

  test('more requests at once than it may has those refused', async () => {
    const server = await fixture('sleeping', '--http2-max-concurrent-streams', '3');
    using client = await begin(server.port);
    const posts = streams(5).map((id) => frame(Type.headers, open, id, requestFields('/', 'POST')));
    await client.send(Buffer.concat(posts));
    const refused = await readUntilFrame(client, Type.reset);
    assert.equal(refused.payload.readUInt32BE(0), 7); // REFUSED_STREAM: to be tried again
    assert.equal(refused.stream, 7);
  });
});

async function fixtureFacts(): Promise<{ port: number; workerPids: number[] }> {
  const server = await fixture('does_nothing', '--keep-alive', '1');
  return { port: server.port, workerPids: server.workerPids() };
}

describe('a connection of HTTP/2 that is in error', () => {
  test('is closed although node:http2 reads no more of it', async () => {
    const server = await fixture('does_nothing', '--keep-alive', '1');
    using client = await begin(server.port);
    await client.send(frame(Type.continuation, END_HEADERS, 1, requestFields()));
    await readUntilFrame(client, Type.goaway);
    await client.readUntilClosed();
  });
});
