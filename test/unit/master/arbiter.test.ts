// How many workers there are, which death is replaced and which one ends the server.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Story } from './arbiter-story.ts';

suite('keeping workers', () => {
  test('the first event spawns all workers', () => {
    assert.deepEqual(new Story(3).spawned(), [1, 2, 3]);
  });

  test('no more boot at a time than there are processors', () => {
    const story = new Story(4, 30_000, 10_000, { processors: 2 });
    assert.deepEqual(story.spawned(), [1, 2]);
    assert.deepEqual(story.ready(2).spawned(), [3]);
    assert.deepEqual(story.ready(1).spawned(), [4]);
    assert.deepEqual(story.ready(3, 4).spawned(), []);
  });

  test('those that take long to boot hold nobody up', () => {
    const story = new Story(4, 30_000, 10_000, { processors: 1 });
    assert.deepEqual(story.spawned(), [1]);
    assert.deepEqual(story.passes(1).spawned(), [2]);
    assert.deepEqual(story.passes(2).spawned(), [3, 4]);
    assert.deepEqual(story.passes(1).spawned(), []);
  });

  test('a worker that had been ready is replaced at once, whatever it ended with', () => {
    for (const [code, signal] of [
      [0, null],
      [1, null],
      [3, null],
      [4, null],
      [null, 'SIGSEGV'],
    ] as const) {
      const story = new Story().ready(1, 2).exits(1, code, signal);
      assert.deepEqual(story.spawned(), [3]);
      assert.equal(story.finish(), undefined);
    }
  });

  test('a worker that was killed by somebody else is said to have been', () => {
    assert.deepEqual(new Story().ready(1, 2).exits(1, null, 'SIGKILL').logged(), [
      'error: Worker (pid:101) was sent SIGKILL! Perhaps out of memory?',
    ]);
    assert.deepEqual(new Story().ready(1, 2).exits(1, null, 'SIGSEGV').logged(), [
      'warning: Worker (pid:101) was sent SIGSEGV!',
    ]);
    assert.deepEqual(new Story().ready(1, 2).exits(1, null, 'SIGTERM').logged(), [
      'info: Worker (pid:101) was sent SIGTERM!',
    ]);
    assert.deepEqual(new Story().ready(1, 2).exits(1, 7).logged(), [
      'error: Worker (pid:101) exited with code 7.',
    ]);
  });

  test('readiness is said at debug level', () => {
    assert.deepEqual(new Story().ready(2).logged(), ['debug: Worker ready (pid: 102)']);
  });

  test('TTIN adds a worker, TTOU stops the oldest, but never the last', () => {
    const story = new Story(1).ready(1);
    story.happens({ type: 'signal', signal: 'SIGTTIN' });
    assert.deepEqual(story.spawned(), [2]);
    assert.deepEqual(story.logged(), ['info: Handling signal: ttin']);
    story.ready(2).happens({ type: 'signal', signal: 'SIGTTOU' });
    assert.deepEqual(story.sent(), [[1, 'SIGTERM']]);
    story.exits(1).happens({ type: 'signal', signal: 'SIGTTOU' });
    assert.deepEqual(story.sent(), []);
    assert.equal(story.state.workers.length, 1);
  });

  test('a worker that TTOU stopped and that does not go is killed', () => {
    const story = new Story(2).ready(1, 2).happens({ type: 'signal', signal: 'SIGTTOU' });
    assert.deepEqual(story.passes(9).sent(), []);
    assert.deepEqual(story.passes(1).sent(), [[1, 'SIGKILL']]);
  });

  test('a worker that asks for it is replaced: the new one is ready before the old one is stopped', () => {
    const story = new Story(1)
      .ready(1)
      .happens({ type: 'retire', id: 1, reason: 'stuck thread', expected: false });
    assert.deepEqual(story.logged(), ['warning: Replacing worker (pid:101): stuck thread']);
    assert.deepEqual(story.spawned(), [2]);
    assert.deepEqual(story.sent(), []);
    assert.deepEqual(story.ready(2).sent(), [[1, 'SIGTERM']]);
    assert.deepEqual(story.exits(1).spawned(), []);
  });
});

suite('an app that cannot be loaded', () => {
  for (const [exitCode, reason] of [
    [3, 'Worker failed to boot.'],
    [4, 'App failed to load.'],
  ] as const) {
    test(`ends the server with ${exitCode} before any worker has been ready`, () => {
      const story = new Story(2).happens({ type: 'boot-failed', id: 1, exitCode });
      assert.deepEqual(story.sent(), [[2, 'SIGTERM']]);
      assert.deepEqual(story.exits(1, exitCode).logged(), [
        `error: Worker (pid:101) exited with code ${exitCode}.`,
      ]);
      story.exits(2, null, 'SIGTERM');
      assert.deepEqual(story.logged().slice(-2), [
        'error: Shutting down: Master',
        `error: Reason: ${reason}`,
      ]);
      assert.equal(story.finish(), exitCode);
    });
  }

  test('a death before ready with no message ends it with 3, also when the process itself said 4', () => {
    assert.equal(new Story(1).exits(1, 4).finish(), 3);
    assert.equal(new Story(1).exits(1, 0).finish(), 3);
    assert.equal(new Story(1).exits(1, null, 'SIGSEGV').finish(), 3);
  });

  test('a worker that could not even be started ends it, and the reason is said', () => {
    const story = new Story(1);
    story.happens({ type: 'exited', id: 1, code: null, signal: null, failure: 'spawn ENOMEM' });
    assert.equal(story.logged()[0], 'error: A worker could not be started: spawn ENOMEM');
    assert.equal(story.finish(), 3);
  });

  test('a worker whose boot failed and that does not exit is killed', () => {
    const story = new Story(1).happens({ type: 'boot-failed', id: 1, exitCode: 3 });
    assert.equal(story.finish(), undefined);
    assert.deepEqual(story.passes(2).sent(), [[1, 'SIGKILL']]);
    assert.equal(story.exits(1, null, 'SIGKILL').finish(), 3);
  });

  test('a worker that still imports is killed after two seconds', () => {
    const story = new Story(2).happens({ type: 'boot-failed', id: 1, exitCode: 3 }).exits(1, 3);
    assert.deepEqual(story.passes(2).sent(), [[2, 'SIGKILL']]);
  });

  test('once a worker has been ready, deaths before ready are followed by longer and longer pauses', () => {
    const story = new Story(1).ready(1).exits(1, 1);
    const pauses: number[] = [];
    for (let id = 2; id <= 8; id++) {
      if (id % 2 === 0) story.happens({ type: 'boot-failed', id, exitCode: 3 });
      story.exits(id, 3);
      let seconds = 0;
      do seconds++;
      while (story.passes(1).spawned().length === 0);
      pauses.push(seconds);
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 30, 30]);
    assert.equal(story.finish(), undefined);
  });

  test('the pause is said', () => {
    const story = new Story(1).ready(1).exits(1, 1).exits(2, 1);
    assert.equal(story.logged()[1], 'error: A worker died before it was ready: next try in 1 s.');
    story.passes(1).exits(3, 1);
    assert.equal(
      story.logged()[1],
      'error: A worker died before it was ready 2 times in a row: next try in 2 s.',
    );
  });

  test('workers that die together count as one crash', () => {
    const story = new Story(3).ready(1, 2, 3).exits(1, 1).exits(2, 1).exits(3, 1);
    story.exits(4, 1).exits(5, 1).exits(6, 1);
    assert.equal(story.state.crashes, 1);
    assert.deepEqual(story.passes(1).spawned(), [7, 8, 9]);
  });

  test('a worker that had been ready is replaced at once also during a pause', () => {
    const story = new Story(2).ready(1, 2).exits(1, 1).exits(3, 1);
    assert.deepEqual(story.spawned(), []);
    assert.deepEqual(story.exits(2, 1).spawned(), [4]);
  });

  test('the first worker that is ready ends the pauses', () => {
    const story = new Story(2).ready(1, 2).exits(1, 1).exits(3, 1).exits(2, 1).ready(4);
    assert.deepEqual(story.spawned(), [5]);
    assert.equal(story.exits(5, 1).state.crashes, 1);
  });
});
