// The ring in a file: what is taken is what was put, in order, however the two alternate and wherever the ring ends.

import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ResponseSpool } from '../../../src/bridge/response-spool.ts';

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

/** Takes everything that is kept. */
async function takeAll(spool: ResponseSpool): Promise<Buffer> {
  const pieces: Buffer[] = [];
  while (spool.length > 0) pieces.push(await spool.take());
  return Buffer.concat(pieces);
}

describe('a spool', () => {
  test('gives back what it was given, however it is put and taken', async () => {
    const step = fc.oneof(
      fc.record({ put: fc.uint8Array({ minLength: 1, maxLength: 60 }) }),
      fc.constant('take' as const),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(step, { maxLength: 40 }),
        async (limit, steps) => {
          const spool = new ResponseSpool(limit);
          const put: Uint8Array[] = [];
          const taken: Uint8Array[] = [];
          try {
            for (const each of steps) {
              if (each === 'take') {
                taken.push(await spool.take());
              } else if (spool.hasRoom(each.put.length)) {
                await spool.put(Buffer.from(each.put));
                put.push(each.put);
              }
              assert.ok(spool.length <= limit);
            }
            taken.push(await takeAll(spool));
            assert.deepEqual(Buffer.concat(taken), Buffer.concat(put));
          } finally {
            spool.close();
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('may be taken from and put into at the same time', async () => {
    const spool = new ResponseSpool(100_000);
    await spool.put(Buffer.alloc(70_000, 'a'));
    const [first] = await Promise.all([spool.take(), spool.put(Buffer.alloc(30_000, 'b'))]);
    const rest = await takeAll(spool);
    spool.close();
    const expected = Buffer.concat([Buffer.alloc(70_000, 'a'), Buffer.alloc(30_000, 'b')]);
    assert.ok(Buffer.concat([first, rest]).equals(expected));
  });

  test('opens no file before it is given something, and has room for nothing where the limit is 0', () => {
    const before = files();
    const spool = new ResponseSpool(1000);
    assert.equal(spool.hasRoom(1000), true);
    assert.equal(spool.hasRoom(1001), false);
    assert.equal(new ResponseSpool(0).hasRoom(1), false);
    spool.close();
    assert.equal(files(), before);
  });

  test('that is closed while it writes finishes that, and closes its file', async () => {
    const spool = new ResponseSpool(1_000_000);
    const written = spool.put(Buffer.alloc(500_000));
    spool.close();
    assert.equal(spool.hasRoom(1), false);
    await written;
    while (files() > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(files(), 0);
  });
});
