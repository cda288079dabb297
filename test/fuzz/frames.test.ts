// Random frames in random pieces, and bytes that are none: both languages read the same frames, and keep the same
// rest. What each kind of frame holds is in fixtures/frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFrames, encodeFrame } from '../../src/bridge/frame.ts';
import type { FrameKind } from '../../src/bridge/frame.ts';
import { fuzz } from '../helpers/fuzzing.ts';
import { PythonOpinion, u32 } from '../helpers/python-opinion.ts';
import { inRepository } from '../helpers/repository.ts';

/** Frames as (kind, id, payload in hexadecimal), and the rest. */
type Reading = readonly [frames: readonly (readonly [number, number, string])[], rest: string];

const frame = fc
  .tuple(fc.nat(0xff), fc.nat(0xffffffff), fc.uint8Array({ maxLength: 40 }))
  .map(([kind, id, payload]) => encodeFrame(kind as FrameKind, id, payload));

/** Frames, sometimes with something in between that shifts what follows. */
const bytes = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: frame },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((noise) => Buffer.from(noise)) },
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));

function cut(stream: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(stream.subarray(at, at + length));
    at += length;
  }
  return [...pieces, stream.subarray(at)];
}

function readHere(pieces: readonly Buffer[]): Reading {
  const frames: (readonly [number, number, string])[] = [];
  let rest: Buffer = Buffer.alloc(0);
  for (const piece of pieces) {
    const buffer = Buffer.concat([rest, piece]);
    const consumed = decodeFrames(buffer, (kind, id, from, start, end) => {
      frames.push([kind, id, from.toString('hex', start, end)]);
    });
    rest = buffer.subarray(consumed);
  }
  return [frames, rest.toString('hex')];
}

test('Node and Python read the same frames of every stream, in whatever pieces', async () => {
  const python = new PythonOpinion<Reading>('frames_reading.py', inRepository('python'));
  await fuzz(
    0.2,
    fc.asyncProperty(bytes, fc.array(fc.nat(60), { maxLength: 6 }), async (stream, lengths) => {
      const pieces = cut(stream, lengths);
      const sizes = u32(pieces.length, ...pieces.map(({ length }) => length));
      const here = readHere(pieces);
      assert.deepEqual(await python.ask(Buffer.concat([sizes, stream])), here);
      assert.deepEqual(readHere([stream]), here);
    }),
  );
});
