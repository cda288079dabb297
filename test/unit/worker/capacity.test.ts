import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Load } from '../../../src/bridge/load.ts';
import { capacity, patience, resumption } from '../../../src/worker/capacity.ts';

const now = 10_000;

function load(threads: number, serviceTime: number, lastAnswerAt = now): Load {
  return { outstanding: threads, threads, serviceTime, lastAnswerAt };
}

void test('before the first answer there is room for one request a thread', () => {
  assert.equal(capacity(load(1, 0), Infinity, now), 1);
  assert.equal(capacity(load(16, 0), now, now), 16);
});

void test('there is room for what the threads will have begun within 5 ms', () => {
  assert.equal(capacity(load(1, 0.5), now, now), 11);
  assert.equal(capacity(load(2, 1), now, now), 12);
  assert.equal(capacity(load(4, 4), now, now), 9);
});

void test('however fast the views were, sixteen may wait at the most', () => {
  assert.equal(capacity(load(1, 0.1), now, now), 17);
  assert.equal(capacity(load(4, 0.1), now, now), 20);
});

void test('behind a view of more than 5 ms nothing waits', () => {
  assert.equal(capacity(load(1, 5.1), now, now), 1);
  assert.equal(capacity(load(1, 60_000), now, now), 1);
});

void test('once all threads are taken for 5 ms without an answer, nothing waits', () => {
  assert.equal(capacity(load(1, 0.1, 0), now - 4, now), 17);
  assert.equal(capacity(load(1, 0.1, 0), now - 6, now), 1);
  assert.equal(capacity(load(1, 0.1, now - 4), now - 100, now), 17);
  assert.equal(capacity(load(1, 0.1, now - 6), now - 100, now), 1);
});

void test('an idle thread is no sign of a stall, however long the last answer is ago', () => {
  assert.equal(capacity(load(1, 0.1, 0), Infinity, now), 17);
});

void test('a paused worker goes on when half of what may wait has begun', () => {
  assert.equal(resumption(51, 1), 26);
  assert.equal(resumption(24, 4), 14);
});

void test('with room for the threads alone, a worker goes on when one of them is idle', () => {
  assert.equal(resumption(4, 4), 4);
  assert.equal(resumption(1, 1), 1);
});

void test('what nobody takes for a while is taken, the sooner the less a worker keeps its requests waiting', () => {
  assert.equal(patience(load(1, 0.1, now), now - 100, now), 5);
  assert.equal(patience(load(1, 10, now - 10), now - 100, now), 25);
  assert.equal(patience(load(1, 0.1, now - 100), Infinity, now), 5);
  assert.ok(patience(load(1, 10, now - 60_000), now - 60_000, now) > 60_000);
});
