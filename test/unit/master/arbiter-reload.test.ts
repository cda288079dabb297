// How workers are replaced: one at a time, nobody before somebody else can serve; and how a reload is given up.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Story } from './arbiter-story.ts';

const settings = {
  workers: 2,
  timeout: 30_000,
  bootTimeout: 0,
  gracefulTimeout: 10_000,
  drainDelay: 0,
};

/** A reload with settings that were found good. */
function reloaded(story: Story, generation: number, changes: Partial<typeof settings> = {}): Story {
  return story.happens({ type: 'reloaded', generation, settings: { ...settings, ...changes } });
}

const types = (story: Story): string[] => story.actions.map(({ type }) => type);

suite('a reload', () => {
  test('HUP has the settings read, and touches no worker', () => {
    const story = new Story(2).ready(1, 2).happens({ type: 'signal', signal: 'SIGHUP' });
    assert.deepEqual(types(story), ['log', 'reload']);
    assert.deepEqual(story.logged(), ['info: Handling signal: hup']);
  });

  test('starts one worker, and when it is ready replaces one after the other, the oldest first', () => {
    const story = reloaded(new Story(3).ready(1, 2, 3), 2, { workers: 3 });
    assert.deepEqual(story.spawned(), [4]);
    assert.deepEqual(story.sent(), []);
    story.ready(4);
    assert.deepEqual(story.sent(), [[1, 'SIGTERM']]);
    assert.deepEqual(story.spawned(), [5]);
    assert.deepEqual(story.exits(1).actions, []);
    story.ready(5);
    assert.deepEqual(story.sent(), [[2, 'SIGTERM']]);
    assert.deepEqual(story.spawned(), [6]);
    story.ready(6);
    assert.deepEqual(story.sent(), [[3, 'SIGTERM']]);
    assert.deepEqual(story.spawned(), []);
    assert.deepEqual(story.exits(2).exits(3).spawned(), []);
  });

  test('at no moment serve fewer than before, nor are there more than one too many', () => {
    const story = new Story(4).ready(1, 2, 3, 4);
    reloaded(story, 2, { workers: 4 });
    for (let id = 5; id <= 8; id++) {
      const { workers } = story.state;
      assert.equal(workers.filter(({ phase }) => phase === 'ready').length, 4);
      assert.equal(workers.filter(({ phase }) => phase === 'booting').length, 1);
      const stopped = story.ready(id).sent();
      for (const [old] of stopped) story.exits(old);
    }
    assert.deepEqual(
      story.state.workers.map(({ generation, phase }) => [generation, phase]),
      [2, 2, 2, 2].map((generation) => [generation, 'ready']),
    );
  });

  test('is kept when its first worker is ready, once', () => {
    const story = reloaded(new Story(2).ready(1, 2), 2).ready(3);
    assert.ok(types(story).includes('keep'));
    assert.ok(!types(story.ready(4)).includes('keep'));
  });

  test('keeps the old workers up meanwhile, with a pause where they die before they are ready', () => {
    const story = reloaded(new Story(2).ready(1, 2), 2);
    assert.deepEqual(story.exits(1, 1).spawned(), [4]);
    assert.deepEqual(story.exits(4, 1).spawned(), []);
    assert.match(story.logged().at(-1) ?? '', /died before it was ready: next try in 1 s/);
    assert.deepEqual(story.passes(1).spawned(), [5]);
    assert.deepEqual(story.exits(5, 1).spawned(), []);
    assert.deepEqual(story.passes(1).spawned(), []);
    assert.deepEqual(story.passes(1).spawned(), [6]);
    // The new one has shown that it works: nobody is waited for.
    assert.deepEqual(story.exits(6, 1).ready(3).spawned(), [7]);
    assert.deepEqual(
      story.state.workers.map(({ id, generation }) => [id, generation]),
      [
        [2, 1],
        [3, 2],
        [7, 2],
      ],
    );
  });

  for (const [what, fail] of [
    [
      'an app that cannot be loaded',
      (story: Story) => story.happens({ type: 'boot-failed', id: 3, exitCode: 4 }),
    ],
    ['a worker that dies at boot', (story: Story) => story.exits(3, 7)],
    [
      'a worker that cannot even be started',
      (story: Story) =>
        story.happens({ type: 'exited', id: 3, code: null, signal: null, failure: 'EAGAIN' }),
    ],
  ] as const) {
    test(`${what} gives it up: the old workers go on, under the old settings`, () => {
      const story = reloaded(new Story(2).ready(1, 2), 2, { workers: 5 });
      fail(story);
      assert.ok(types(story).includes('discard'));
      assert.equal(
        story.logged().at(-1),
        'error: The reload failed: no worker could start. The old ones go on as they were.',
      );
      assert.deepEqual(story.sent(), []);
      assert.equal(story.state.target, 2);
      assert.deepEqual(story.exits(3, 4).sent(), []);
      assert.deepEqual(story.exits(1, 1).spawned(), [4], 'a dead one is replaced by an old one');
      assert.equal(story.state.workers.at(-1)?.generation, 1);
    });
  }

  test('two in a row, both broken: what is gone back to is what served', () => {
    const story = reloaded(new Story(1).ready(1), 2, { workers: 1 });
    reloaded(story, 3, { workers: 1 });
    assert.deepEqual(story.sent(), [[2, 'SIGTERM']]);
    assert.deepEqual(story.spawned(), [3]);
    story.exits(2, null, 'SIGTERM');
    assert.ok(!types(story).includes('discard'), 'it was not its turn any more');
    story.happens({ type: 'boot-failed', id: 3, exitCode: 3 });
    assert.ok(types(story).includes('discard'));
    assert.equal(story.state.generation, 1);
  });

  test('a worker of before that still boots is not waited for, once the new ones work', () => {
    const story = reloaded(new Story(2).ready(1), 2);
    assert.deepEqual(story.sent(), []);
    assert.deepEqual(story.spawned(), [3]);
    assert.deepEqual(story.ready(3).sent(), [[2, 'SIGTERM']]);
    assert.deepEqual(story.spawned(), [4]);
    assert.deepEqual(story.ready(4).sent(), [[1, 'SIGTERM']]);
  });

  test('while it is not known to work, workers that die are replaced as they were', () => {
    const story = reloaded(new Story(2).ready(1, 2), 2);
    assert.deepEqual(story.spawned(), [3]);
    assert.deepEqual(story.exits(1, null, 'SIGKILL').spawned(), [4]);
    assert.equal(story.state.workers.at(-1)?.generation, 1);
    assert.deepEqual(story.exits(2, null, 'SIGKILL').spawned(), [5]);
    story.ready(4, 5);
    assert.deepEqual(story.happens({ type: 'boot-failed', id: 3, exitCode: 3 }).sent(), []);
    assert.equal(story.state.generation, 1);
  });

  test('before anybody serves goes on with those that boot until one of the new is ready', () => {
    const story = reloaded(new Story(1), 2, { workers: 1 });
    assert.deepEqual(story.sent(), []);
    assert.deepEqual(story.spawned(), [2]);
    assert.deepEqual(story.ready(2).sent(), [[1, 'SIGTERM']]);
  });

  test('to fewer workers stops nobody before the first new one is ready', () => {
    const story = reloaded(new Story(3).ready(1, 2, 3), 2, { workers: 1 });
    assert.deepEqual(story.sent(), []);
    assert.deepEqual(story.spawned(), [4]);
    assert.deepEqual(
      story
        .ready(4)
        .sent()
        .map(([id]) => id),
      [1, 2, 3],
    );
    const broken = reloaded(new Story(3).ready(1, 2, 3), 2, { workers: 1 });
    broken.happens({ type: 'boot-failed', id: 4, exitCode: 3 });
    assert.deepEqual(broken.sent(), []);
    assert.equal(broken.exits(4, 3).state.workers.length, 3);
  });

  test('what TTIN did is over, as with gunicorn', () => {
    const story = new Story(2).ready(1, 2).happens({ type: 'signal', signal: 'SIGTTIN' }).ready(3);
    reloaded(story, 2);
    assert.equal(story.state.target, 2);
  });

  test('does nothing to a server that stops', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(reloaded(story, 2).actions, []);
    assert.deepEqual(types(story.happens({ type: 'signal', signal: 'SIGHUP' })), ['log']);
  });

  test('crashes after a good reload are crashes, with pauses', () => {
    const story = reloaded(new Story(1).ready(1), 2, { workers: 1 }).ready(2).exits(1);
    story.exits(2, 1).exits(3, 1);
    assert.match(story.logged().at(-1) ?? '', /next try in 1 s/);
  });
});

suite('workers that ask to be replaced', () => {
  test('all at once are replaced one at a time', () => {
    const story = new Story(3).ready(1, 2, 3);
    for (const id of [1, 2, 3]) story.happens({ type: 'retire', id, reason: 'x', expected: true });
    assert.deepEqual(
      story.state.workers.map(({ phase }) => phase),
      ['retiring', 'retiring', 'retiring', 'booting'],
    );
    assert.deepEqual(story.ready(4).sent(), [[1, 'SIGTERM']]);
    assert.deepEqual(story.spawned(), [5]);
    assert.deepEqual(story.ready(5).sent(), [[2, 'SIGTERM']]);
    assert.deepEqual(story.ready(6).sent(), [[3, 'SIGTERM']]);
  });

  test('as the settings want it is no warning', () => {
    const event = {
      type: 'retire',
      id: 1,
      reason: 'it has served 5 requests',
      expected: true,
    } as const;
    assert.deepEqual(new Story(1).ready(1).happens(event).logged(), [
      'info: Replacing worker (pid:101): it has served 5 requests',
    ]);
  });

  test('whose replacement cannot boot go on serving', () => {
    const story = new Story(1)
      .ready(1)
      .happens({ type: 'retire', id: 1, reason: 'x', expected: true });
    assert.deepEqual(story.exits(2, 3).sent(), []);
    assert.deepEqual(story.passes(1).spawned(), [3]);
    assert.deepEqual(story.ready(3).sent(), [[1, 'SIGTERM']]);
  });
});

suite('a stop with a delay', () => {
  const slow = (): Story => new Story(1, 30_000, 10_000, { drainDelay: 5000 }).ready(1);

  test('serves on, says that it is unwell, and stops when the time is over', () => {
    const story = slow().happens({ type: 'signal', signal: 'SIGTERM' });
    assert.deepEqual(types(story), ['log', 'log', 'health']);
    assert.deepEqual(story.passes(4).sent(), []);
    assert.deepEqual(story.passes(1).sent(), [[1, 'SIGTERM']]);
    assert.equal(story.exits(1).finish(), 0);
  });

  test('replaces a worker that dies meanwhile, and tells it too', () => {
    const story = slow().happens({ type: 'signal', signal: 'SIGTERM' }).exits(1, 1);
    assert.deepEqual(story.spawned(), [2]);
    assert.deepEqual(story.ready(2).actions.at(-1), {
      type: 'health',
      healthy: false,
      draining: true,
    });
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    test(`${signal} ends it at once`, () => {
      const story = slow().happens({ type: 'signal', signal: 'SIGTERM' });
      story.happens({ type: 'signal', signal });
      assert.deepEqual(story.sent(), [[1, signal === 'SIGTERM' ? 'SIGTERM' : 'SIGQUIT']]);
    });
  }

  test('is no matter of SIGINT', () => {
    const story = slow().happens({ type: 'signal', signal: 'SIGINT' });
    assert.deepEqual(story.sent(), [[1, 'SIGQUIT']]);
  });
});

suite('health', () => {
  test('is bad from the second crash in a row on, until a worker is ready', () => {
    const story = new Story(1).ready(1).exits(1, 1).exits(2, 1);
    assert.ok(!types(story).includes('health'));
    story.passes(1).exits(3, 1);
    assert.deepEqual(story.actions.at(-1), { type: 'health', healthy: false, draining: false });
    story.passes(2).ready(4);
    assert.deepEqual(story.actions.at(-1), { type: 'health', healthy: true, draining: false });
  });
});

suite('the proof at the end', () => {
  test('counts what all workers have answered, and names what was cut off', () => {
    const story = new Story(2).ready(1, 2);
    story.happens({ type: 'heartbeat', id: 1, requests: 10 }).exits(1, 1).ready(3);
    story.happens({ type: 'signal', signal: 'SIGTERM' });
    story.now += 1500;
    story.happens({ type: 'ended', id: 2, requests: 5, cut: ['GET /slow'] }).exits(2);
    story.happens({ type: 'ended', id: 3, requests: 1, cut: [] }).exits(3);
    assert.deepEqual(story.logged(), [
      'info: Shutting down: Master',
      'info: Served 16 requests, cut off 1 (GET /slow), waited 1.5 s',
    ]);
  });

  test('names the first ten, and counts all', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' });
    const cut = Array.from({ length: 12 }, (_, index) => `GET /${index}`);
    story.happens({ type: 'ended', id: 1, requests: 0, cut }).exits(1);
    assert.match(story.logged()[1] ?? '', /cut off 12 \(GET \/0, .*, GET \/9, …\)/);
  });

  test('has the requests of a worker that was killed, too', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' }).passes(10);
    assert.deepEqual(story.sent(), [[1, 'SIGKILL']]);
    const lost = ['GET /a'];
    story.happens({ type: 'exited', id: 1, code: null, signal: 'SIGKILL', lost });
    assert.match(
      story.logged().at(-1) ?? '',
      /^info: Served 0 requests, cut off 1 \(GET \/a\), waited/,
    );
  });
});

suite('a boot that takes too long', () => {
  test('is aborted and killed, and counts as failed', () => {
    const story = new Story(1, 30_000, 10_000, { bootTimeout: 3000 });
    assert.deepEqual(story.passes(3).sent(), []);
    story.passes(1);
    assert.deepEqual(story.logged(), [
      'critical: Worker (pid:101) did not load the app within 3 s',
    ]);
    assert.deepEqual(story.sent(), [[1, 'SIGABRT']]);
    assert.deepEqual(story.passes(1).sent(), [[1, 'SIGKILL']]);
    assert.equal(story.exits(1, null, 'SIGKILL').finish(), 3);
  });
});
