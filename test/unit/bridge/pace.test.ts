// The minimum rate: who is cut off for being slow, and who isn't, by a clock that the test sets.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { Pace } from '../../../src/bridge/pace.ts';

let now = 0;
let bytes = 0;
let slow = 0;

/** Lets a second pass in which the client takes `taken` bytes. */
function second(t: TestContext, taken: number): void {
  now += 1000;
  bytes += taken;
  t.mock.timers.tick(1000);
}

/** Watches a transfer at 500 bytes a second, with a grace of 2 seconds. */
function watch(t: TestContext, waits?: () => boolean): () => void {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const onSlow = (): void => {
    slow++;
  };
  return new Pace(500, () => now).watch(2, () => bytes, onSlow, waits);
}

describe('a transfer', () => {
  beforeEach(() => {
    now = 10_000;
    bytes = 7000;
    slow = 0;
  });

  test('that stands still is slow once its grace is over, and is told so once', (t) => {
    watch(t);
    second(t, 0);
    second(t, 0);
    assert.equal(slow, 0);
    second(t, 0);
    assert.equal(slow, 1);
    second(t, 0);
    assert.equal(slow, 1);
  });

  test('that keeps the rate is never slow', (t) => {
    watch(t);
    for (let i = 0; i < 100; i++) second(t, 500);
    assert.equal(slow, 0);
  });

  test('that falls behind by more than its grace is slow', (t) => {
    watch(t);
    for (let i = 0; i < 4; i++) second(t, 250);
    assert.equal(slow, 0);
    second(t, 250);
    assert.equal(slow, 1);
  });

  test('that was quick may rest for as long as it was ahead', (t) => {
    watch(t);
    second(t, 5000);
    for (let i = 0; i < 11; i++) second(t, 0);
    assert.equal(slow, 0);
    second(t, 0);
    assert.equal(slow, 1);
  });

  test('is not slow while nobody waits for it, and has all of its grace afterwards', (t) => {
    let waits = false;
    watch(t, () => waits);
    for (let i = 0; i < 100; i++) second(t, 0);
    waits = true;
    second(t, 0);
    second(t, 0);
    assert.equal(slow, 0);
    second(t, 0);
    assert.equal(slow, 1);
  });

  test('is watched no more once that is over', (t) => {
    const unwatch = watch(t);
    unwatch();
    for (let i = 0; i < 10; i++) second(t, 0);
    assert.equal(slow, 0);
  });

  test('is not watched where there is no limit', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    new Pace(500, () => now).watch(
      0,
      () => bytes,
      () => {
        slow++;
      },
    );
    for (let i = 0; i < 10; i++) second(t, 0);
    assert.equal(slow, 0);
  });
});
