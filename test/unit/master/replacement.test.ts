// What the arbiter does when the app's files have changed (--reload), told event by event.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { initialState } from '../../../src/master/supervision.ts';
import type { Action } from '../../../src/master/supervision.ts';
import { Story } from './arbiter-story.ts';

const changed = { type: 'changed', paths: ['app.py', 'shop/models.py'] } as const;

/** A server with --reload whose one worker is booting. */
function reloading(): Story {
  const story = new Story(1);
  const times = { timeout: 0, bootTimeout: 0, gracefulTimeout: 30_000, drainDelay: 0 };
  story.state = initialState({ workers: 1, ...times, reload: true }, story.now);
  return story.happens({ type: 'tick' });
}

function stops(story: Story): Extract<Action, { type: 'stop' }>[] {
  return story.actions.flatMap((action) => (action.type === 'stop' ? [action] : []));
}

suite('when files have changed', () => {
  test('it is logged in gunicorn’s words, all workers stop, and as many others start', () => {
    const story = new Story(2).ready(1, 2).happens(changed);
    assert.deepEqual(story.logged(), ['info: Worker reloading: app.py, shop/models.py modified']);
    assert.deepEqual(
      stops(story).map(({ id, graceful }) => [id, graceful]),
      [
        [1, true],
        [2, true],
      ],
    );
    assert.deepEqual(story.spawned(), [3, 4]);
    // Who waits for the old ones waits for nothing: they stop first.
    assert.deepEqual(
      story.actions.map(({ type }) => type),
      ['log', 'stop', 'stop', 'spawn', 'spawn'],
    );
  });

  test('those that serve get a second, then must be quick; one that ignores that is killed', () => {
    const story = new Story(1).ready(1).happens(changed);
    assert.deepEqual(
      stops(story).map(({ hurryAfter, signal }) => [hurryAfter, signal]),
      [[1000, 'SIGTERM']],
    );
    assert.deepEqual(story.passes(2).sent(), []);
    assert.deepEqual(story.passes(1).sent(), [[1, 'SIGKILL']]);
  });

  test('one that boots is stopped too: it may have read what was there before', () => {
    const story = new Story(1).happens(changed);
    assert.deepEqual(
      stops(story).map(({ id, hurryAfter }) => [id, hurryAfter]),
      [[1, undefined]],
    );
    assert.deepEqual(story.spawned(), [2]);
    // It must not be taken for one that could not boot.
    assert.deepEqual(story.exits(1, null, 'SIGTERM').spawned(), []);
    assert.equal(story.finish(), undefined);
  });

  test('one that is stopping already is left alone', () => {
    const story = new Story(1).ready(1).happens(changed).happens(changed);
    assert.deepEqual(
      stops(story).map(({ id }) => id),
      [2],
    );
    assert.deepEqual(story.spawned(), [3]);
  });

  test('nobody starts once the server stops', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.happens(changed).actions, []);
  });
});

suite('an app that crashes while it is imported', () => {
  test('does not end the server, not even at its first start', () => {
    const story = reloading().exits(1, null, 'SIGSEGV');
    assert.equal(story.finish(), undefined);
    assert.deepEqual(story.spawned(), []);
    assert.match(story.logged().join(), /A worker died before it was ready: next try in 1 s/);
  });

  test('is tried again at once after a change, and the pauses begin anew', () => {
    const story = reloading().exits(1, 1);
    story.passes(1).exits(2, 1);
    assert.equal(story.state.crashes, 2);
    assert.deepEqual(story.happens(changed).spawned(), [3]);
    story.exits(3, 1);
    assert.match(story.logged().join(), /next try in 1 s/);
  });
});
