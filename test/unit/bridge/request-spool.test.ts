// A body on its way in: what comes out is what was put, in order, in memory or in a file; who fills it faster than
// the file system takes it is told; and no file outlives a body that nobody wants.

import assert from 'node:assert/strict';
import { closeSync, fstatSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { once, EventEmitter } from 'node:events';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RequestSpool } from '../../../src/bridge/request-spool.ts';
import type { WsgiTsError } from '../../../src/errors.ts';

const KIB = 1024;

/** A spool, and an emitter of what it says. */
function spool(folder: string | null = null): {
  readonly body: RequestSpool;
  readonly said: EventEmitter;
} {
  const said = new EventEmitter();
  const body = new RequestSpool(folder, {
    onWritten: () => said.emit('written'),
    onError: (error) => said.emit('failed', error),
  });
  return { body, said };
}

/** This process' files without a name. */
function files(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('/wsgi-ts-');
    } catch {
      return false; // the one that reads the folder
    }
  }).length;
}

/** Ends a body, and gives its bytes and where they were. */
async function finish(body: RequestSpool): Promise<{ kind: string; bytes: Buffer }> {
  const received = await body.finish();
  if (received.kind === 'inline') return { kind: 'inline', bytes: Buffer.concat(received.pieces) };
  const bytes = Buffer.alloc(received.length);
  assert.equal(fstatSync(received.fd).size, received.length);
  readSync(received.fd, bytes, 0, received.length, null);
  closeSync(received.fd);
  return { kind: 'file', bytes };
}

/** Puts `bytes`, cut into pieces of `size`; each is overwritten when it has been put, as the caller's memory is. */
async function fill(
  body: RequestSpool,
  said: EventEmitter,
  bytes: Buffer,
  size: number,
): Promise<void> {
  const memory = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(memory, 0, at, at + size);
    body.put(memory.subarray(0, length));
    memory.fill(0);
    if (body.isFull) await once(said, 'written');
  }
}

describe('the spool of a body', () => {
  test('gives back what was put, in pieces of any size', async () => {
    const source = randomBytes(3_000_000);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: source.length }),
        fc.integer({ min: 100, max: 400_000 }),
        async (length, size) => {
          const { body, said } = spool();
          await fill(body, said, source.subarray(0, length), size);
          const { kind, bytes } = await finish(body);
          assert.equal(kind, length > 64 * KIB ? 'file' : 'inline');
          assert.ok(bytes.equals(source.subarray(0, length)));
        },
      ),
      { numRuns: 30 },
    );
    assert.equal(files(), 0);
  });

  test('keeps a short body in memory, also one that comes byte by byte', async () => {
    for (const [length, size] of [
      [0, 1],
      [1, 1],
      [5000, 1],
      [64 * KIB, 7],
      [64 * KIB, 64 * KIB],
    ] as const) {
      const { body, said } = spool();
      const bytes = randomBytes(length);
      await fill(body, said, bytes, size);
      assert.deepEqual(await finish(body), { kind: 'inline', bytes });
    }
  });

  test('is full while 1 MiB waits for the file system, and not for long', async () => {
    const { body, said } = spool();
    body.put(Buffer.alloc(1024 * KIB - 1, 'a'));
    assert.equal(body.isFull, false);
    body.put(Buffer.from('b'));
    assert.equal(body.isFull, true);
    await once(said, 'written');
    assert.equal(body.isFull, false);
    const { bytes } = await finish(body);
    assert.equal(bytes.length, 1024 * KIB);
    assert.equal(bytes.at(-1), 'b'.charCodeAt(0));
  });

  test('writes at once what comes when all bodies together have too much in memory', async () => {
    const others = Array.from({ length: 130 }, () => spool().body);
    for (const other of others) other.put(Buffer.alloc(256 * KIB));
    const { body, said } = spool();
    body.put(Buffer.alloc(65 * KIB, 'a'));
    await once(said, 'written');
    await Promise.all(others.map((other) => other.discard()));
    body.put(Buffer.from('b'));
    assert.equal((await finish(body)).bytes.toString(), `${'a'.repeat(65 * KIB)}b`);
    // They have given back what they had: there is room for one that comes slowly.
    const next = spool().body;
    next.put(Buffer.alloc(65 * KIB));
    assert.equal(files(), 0);
    await next.discard();
  });

  test('says that it could not be stored, at once and at the end', async () => {
    const { body, said } = spool('/nowhere');
    const failed = once(said, 'failed') as Promise<[WsgiTsError]>;
    body.put(Buffer.alloc(400 * KIB));
    assert.equal((await failed)[0].code, 'ERR_WSGI_SPOOL');
    await assert.rejects(body.finish(), { code: 'ERR_WSGI_SPOOL' });
    await body.discard();
    const late = spool('/nowhere').body;
    late.put(Buffer.alloc(65 * KIB));
    await assert.rejects(late.finish(), { code: 'ERR_WSGI_SPOOL' });
    await late.discard();
  });

  test('closes its file when the body is given up, but not while it is written', async () => {
    const { body, said } = spool();
    body.put(Buffer.alloc(400 * KIB));
    await once(said, 'written');
    body.put(Buffer.alloc(400 * KIB));
    const discarded = body.discard();
    assert.equal(files(), 1);
    await discarded;
    while (files() > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
