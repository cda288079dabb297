// When a worker asks for its replacement.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recycler } from '../../../src/worker/recycler.ts';

const never = { requests: 0, requestsJitter: 0, lifetime: 0, memory: 0 };
const young = { requests: 0, age: 0, memory: 0 };
const mebibyte = 1024 * 1024;

test('with no limit never', () => {
  const due = recycler(never, () => 0);
  assert.equal(due({ requests: 1e9, age: 1e9, memory: 1e12 }), null);
});

test('after so many requests, and asks once', () => {
  const due = recycler({ ...never, requests: 5 }, () => 0.999);
  assert.equal(due({ ...young, requests: 4 }), null);
  assert.equal(due({ ...young, requests: 5 }), 'it has served 5 requests (--max-requests)');
  assert.equal(due({ ...young, requests: 6 }), null);
});

for (const [random, limit] of [
  [0, 100],
  [0.5, 105],
  [0.999, 110],
] as const) {
  test(`the jitter adds up to its number: ${limit} where chance says ${random}`, () => {
    const due = recycler({ ...never, requests: 100, requestsJitter: 10 }, () => random);
    assert.equal(due({ ...young, requests: limit - 1 }), null);
    assert.notEqual(due({ ...young, requests: limit }), null);
  });
}

test('after so much time, and a tenth more at most', () => {
  const due = recycler({ ...never, lifetime: 60 }, () => 0.5);
  assert.equal(due({ ...young, age: 62_999 }), null);
  assert.equal(due({ ...young, age: 63_000 }), 'it has lived for 63 s (--max-worker-lifetime)');
});

test('with so much memory, but not within its first minute', () => {
  const due = recycler({ ...never, memory: 100 * mebibyte }, () => 0);
  assert.equal(due({ requests: 0, age: 59_000, memory: 200 * mebibyte }), null);
  assert.equal(due({ requests: 0, age: 60_000, memory: 100 * mebibyte }), null);
  const why = due({ requests: 0, age: 60_000, memory: 101 * mebibyte });
  assert.equal(why, 'it holds 101 MiB (--max-worker-memory)');
});
