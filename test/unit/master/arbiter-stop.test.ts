// Whom the arbiter ends and when: the silent, and all of them at a stop; and what other signals do.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MasterSignal } from '../../../src/master/signals.ts';
import { Story } from './arbiter-story.ts';

suite('a silent worker', () => {
  test('is aborted after the timeout, killed at the next look, and replaced', () => {
    const story = new Story(1, 5000).ready(1);
    assert.deepEqual(story.passes(5).actions, []);
    story.passes(1);
    assert.deepEqual(story.logged(), ['critical: WORKER TIMEOUT (pid:101)']);
    assert.deepEqual(story.sent(), [[1, 'SIGABRT']]);
    assert.deepEqual(story.passes(1).sent(), [[1, 'SIGKILL']]);
    assert.deepEqual(story.passes(5).actions, [], 'it is killed once');
    story.exits(1, null, 'SIGKILL');
    assert.deepEqual(story.spawned(), [2]);
    assert.deepEqual(story.logged(), [], 'it was not out of memory: it was us');
  });

  test('is left alone as long as its heart beats', () => {
    const story = new Story(1, 5000).ready(1);
    for (let round = 0; round < 5; round++) {
      assert.deepEqual(story.passes(4).actions, []);
      story.happens({ type: 'heartbeat', id: 1, requests: 0 });
    }
  });

  test('is left alone when the timeout is 0', () => {
    assert.deepEqual(new Story(1, 0).ready(1).passes(1000).actions, []);
  });

  test('is left alone when it was the master that could not hear', () => {
    const story = new Story(1, 5000).ready(1).passes(1);
    story.now += 3_600_000;
    assert.deepEqual(story.happens({ type: 'tick' }).actions, []);
    assert.deepEqual(story.passes(3).sent(), [[1, 'SIGABRT']]);
  });

  test('may import the app for as long as it likes, and that is said every 30 s', () => {
    const story = new Story(1, 5000).passes(65);
    assert.deepEqual(story.logged(), [
      'info: Worker (pid:101) is still importing the app after 30 s',
      'info: Worker (pid:101) is still importing the app after 60 s',
    ]);
    assert.deepEqual(story.sent(), []);
  });
});

suite('stopping', () => {
  test('TERM closes the listeners and asks all to finish; 0 when the last one has gone', () => {
    const story = new Story(2).ready(1, 2).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.actions, [
      { type: 'log', level: 'info', message: 'Handling signal: term' },
      { type: 'close-listeners' },
      { type: 'stop', id: 1, graceful: true, signal: 'SIGTERM' },
      { type: 'stop', id: 2, graceful: true, signal: 'SIGTERM' },
    ]);
    assert.deepEqual(story.exits(1).actions, []);
    assert.deepEqual(story.exits(2).actions, [
      { type: 'log', level: 'info', message: 'Shutting down: Master' },
      { type: 'log', level: 'info', message: 'Served 0 requests, cut off 0, waited 0.0 s' },
      { type: 'finish', exitCode: 0 },
    ]);
  });

  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    test(`${signal} asks all to leave at once`, () => {
      const story = new Story(1).ready(1).happens({ type: 'signal', signal });
      assert.deepEqual(story.actions.slice(1), [
        { type: 'close-listeners' },
        { type: 'stop', id: 1, graceful: false, signal: 'SIGQUIT' },
      ]);
      assert.equal(story.exits(1).finish(), 0);
    });
  }

  test('whoever still runs after the graceful timeout is killed', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.passes(9).actions, []);
    story.passes(1);
    assert.deepEqual(story.sent(), [[1, 'SIGKILL']]);
    assert.deepEqual(story.logged(), ['error: Worker (pid:101) did not stop in time: killing it']);
    assert.equal(story.exits(1, null, 'SIGKILL').finish(), 0);
  });

  test('INT during a graceful stop leaves two seconds', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    story.happens({ type: 'signal', signal: 'SIGINT' });
    assert.deepEqual(story.logged(), [
      'info: Handling signal: int',
      'info: Quick shutdown requested',
    ]);
    assert.deepEqual(story.sent(), [[1, 'SIGQUIT']]);
    assert.deepEqual(story.passes(2).sent(), [[1, 'SIGKILL']]);
  });

  test('a third one changes nothing, nor does a second TERM', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.happens({ type: 'signal', signal: 'SIGTERM' }).sent(), []);
    story.happens({ type: 'signal', signal: 'SIGINT' });
    assert.deepEqual(story.happens({ type: 'signal', signal: 'SIGINT' }).sent(), []);
  });

  test('a worker that still imports gets two seconds', () => {
    const story = new Story(1).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.sent(), [[1, 'SIGTERM']]);
    assert.deepEqual(story.passes(2).sent(), [[1, 'SIGKILL']]);
  });

  test('a worker that dies is not replaced any more', () => {
    const story = new Story(2).ready(1, 2).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.exits(1, 1).spawned(), []);
    assert.equal(story.exits(2, 3).finish(), 0);
  });

  test('a failed boot does not change the exit code of a stop', () => {
    const story = new Story(1).happens({ type: 'signal', signal: 'SIGTERM' });
    story.happens({ type: 'boot-failed', id: 1, exitCode: 4 });
    assert.equal(story.exits(1, 4).finish(), 0);
  });
});

suite('other signals', () => {
  test('USR1 reopens the logs, here and in the workers, once they can be told', () => {
    const story = new Story(2).ready(1).happens({ type: 'signal', signal: 'SIGUSR1' });
    assert.ok(story.actions.some(({ type }) => type === 'reopen-logs'));
    assert.deepEqual(story.sent(), [[1, 'SIGUSR1']]);
    assert.deepEqual(story.ready(2).sent(), [[2, 'SIGUSR1']]);
  });

  test('USR2 starts another master, and no worker', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGUSR2' });
    assert.ok(story.actions.some(({ type }) => type === 'upgrade'));
    assert.deepEqual(story.sent(), []);
  });

  test('WINCH, which a terminal sends at each change of its size, is no news', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGWINCH' });
    assert.deepEqual(story.logged(), ['debug: SIGWINCH ignored. Not daemonized']);
  });

  test('WINCH ends a daemon’s workers, and none is started before HUP or TTIN', () => {
    const story = new Story(2).ready(1, 2);
    const daemonized = { ...story.state.settings, daemonized: true };
    story.state = { ...story.state, settings: daemonized };
    const term = (...ids: number[]) => ids.map((id) => [id, 'SIGTERM'] as const);
    const signal = (name: MasterSignal) => story.happens({ type: 'signal', signal: name });
    assert.deepEqual(signal('SIGWINCH').sent(), term(1, 2));
    assert.deepEqual(story.exits(1).exits(2).spawned(), []);
    assert.deepEqual(signal('SIGTTOU').spawned(), []);
    assert.deepEqual(signal('SIGTTIN').spawned(), [3]);
    story.ready(3);
    assert.deepEqual(signal('SIGWINCH').sent(), term(3));
    assert.deepEqual(signal('SIGHUP').spawned(), []);
    story.happens({ type: 'reloaded', generation: 2, settings: daemonized });
    assert.deepEqual(story.spawned(), [4], 'the first shows whether it works');
    assert.deepEqual(story.ready(4).spawned(), [5]);
  });
});

suite('a server whose starter is gone', () => {
  const gone = { type: 'abandoned', why: 'npm is gone', mayFinish: true } as const;

  test('tells all to leave at once, and kills who has not left in 0.4 s', () => {
    const story = new Story(2).ready(1).happens(gone);
    assert.deepEqual(story.logged(), ['warning: npm is gone: stopping']);
    assert.deepEqual(
      story.actions.flatMap((action) =>
        action.type === 'stop' ? [[action.id, action.graceful]] : [],
      ),
      [
        [1, false],
        [2, false],
      ],
    );
    story.exits(2);
    story.now += 400;
    assert.deepEqual(story.happens({ type: 'tick' }).sent(), [[1, 'SIGKILL']]);
    story.exits(1, null, 'SIGKILL');
    assert.deepEqual(story.actions.at(-1), { type: 'finish', exitCode: 0 });
  });

  test('finishes a stop that is under way, unless it was a program that waited for it', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(story.happens(gone).actions, []);
    story.happens({ ...gone, mayFinish: false });
    story.now += 400;
    assert.deepEqual(story.happens({ type: 'tick' }).sent(), [[1, 'SIGKILL']]);
  });
});
