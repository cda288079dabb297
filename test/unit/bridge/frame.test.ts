// The golden vectors in fixtures/frames, which python/tests/test_frame.py holds the other side to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeFields,
  decodeFileRange,
  decodeFrames,
  decodeResponseHead,
  encodeEntry,
  encodeFrame,
  encodeNumber,
  encodeRequest,
  encodeRequestFile,
  FrameKind,
  LOG_LEVELS,
} from '../../../src/bridge/frame.ts';

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly id: number;
  readonly hex: string;
  readonly head?: string;
  readonly fields?: string;
  readonly body?: string;
  readonly fd?: number;
  readonly number?: number;
  readonly offset?: number;
  readonly length?: number;
  readonly duplicate?: number;
  readonly outcome?: number;
  readonly level?: string;
  readonly text?: string;
  readonly judged?: boolean;
  readonly time?: number;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../fixtures/frames/frames.json', import.meta.url), 'utf8'),
) as { kinds: Record<string, number>; levels: string[]; frames: Vector[] };

const kindOf = (vector: Vector): number => vectors.kinds[vector.kind] ?? 0;

test('kinds and levels are those of the vectors', () => {
  const kinds = Object.fromEntries(
    Object.entries(FrameKind).map(([name, kind]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      kind,
    ]),
  );
  assert.deepEqual(kinds, vectors.kinds);
  assert.deepEqual([...LOG_LEVELS], vectors.levels);
});

for (const vector of vectors.frames.filter((each) => kindOf(each) < 32)) {
  test(`to Python: ${vector.name}`, () => {
    const { id, head = '', fd, number } = vector;
    const kind = kindOf(vector) as FrameKind;
    let frame;
    if (kind === FrameKind.request) {
      const body = Buffer.from(vector.body ?? '', 'hex');
      frame = encodeRequest(id, head, [body.subarray(0, 100), body.subarray(100)]);
    } else if (fd !== undefined) {
      frame = encodeRequestFile(id, head, fd);
    } else if (vector.time !== undefined) {
      const level = vectors.levels.indexOf(vector.level ?? '');
      frame = encodeEntry(level, vector.judged ?? false, vector.time, vector.text ?? '');
    } else {
      frame =
        number === undefined
          ? encodeFrame(kind, id, Buffer.from(vector.text ?? ''))
          : encodeNumber(kind, id, number);
    }
    assert.equal(frame.toString('hex'), vector.hex);
  });
}

for (const vector of vectors.frames.filter((each) => kindOf(each) >= 32)) {
  test(`from Python: ${vector.name}`, () => {
    const bytes = Buffer.from(vector.hex, 'hex');
    let seen = 0;
    const consumed = decodeFrames(bytes, (kind, id, buffer, start, end) => {
      seen++;
      assert.deepEqual([kind, id], [kindOf(vector), vector.id]);
      let rest = start;
      if (vector.head !== undefined) {
        const head = decodeResponseHead(buffer, start);
        assert.equal(head.fields.join('\n'), vector.head);
        rest = head.end;
      }
      if (vector.body !== undefined) {
        assert.equal(buffer.toString('hex', rest, end), vector.body);
      } else if (vector.offset !== undefined) {
        const { fd, offset, length } = vector;
        assert.deepEqual(decodeFileRange(buffer, rest), { fd, offset, length });
      } else if (vector.fd !== undefined) {
        assert.equal(buffer.readUInt32LE(rest), vector.fd);
      } else if (vector.duplicate !== undefined) {
        assert.equal(buffer.readUInt32LE(rest), vector.number);
        assert.equal(buffer.readUInt32LE(rest + 4), vector.duplicate);
      } else if (vector.outcome !== undefined) {
        assert.equal(buffer[rest], vector.outcome);
      } else if (vector.level !== undefined) {
        assert.equal(LOG_LEVELS[buffer[rest] ?? 99], vector.level);
        assert.equal(buffer.toString('utf8', rest + 1, end), vector.text);
      } else if (vector.number !== undefined) {
        assert.equal(buffer.readUInt32LE(rest), vector.number);
      } else if (vector.fields !== undefined) {
        assert.equal(decodeFields(buffer, rest, end).join('\n'), vector.fields);
      } else {
        assert.equal(buffer.toString('utf8', rest, end), vector.text ?? '');
      }
    });
    assert.deepEqual([seen, consumed], [1, bytes.length]);
  });
}

test('frames are the same however their bytes are cut', () => {
  const stream = Buffer.from(vectors.frames.map((vector) => vector.hex).join(''), 'hex');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }), (sizes) => {
      const seen: string[] = [];
      let rest = Buffer.alloc(0);
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        const buffer = Buffer.concat([rest, stream.subarray(at, at + size)]);
        at += size;
        const consumed = decodeFrames(buffer, (kind, id, bytes, start, end) => {
          seen.push(`${kind} ${id} ${bytes.toString('hex', start, end)}`);
        });
        rest = buffer.subarray(consumed);
      }
      assert.equal(rest.length, 0);
      assert.equal(seen.length, vectors.frames.length);
    }),
  );
});
