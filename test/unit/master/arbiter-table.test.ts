// Every event in every phase of a worker: what becomes of it.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decide } from '../../../src/master/arbiter.ts';
import type { Phase } from '../../../src/master/supervision.ts';
import { Story } from './arbiter-story.ts';
import type { Untimed } from './arbiter-story.ts';

suite('the table, walked whole', () => {
  /** A story whose worker 1 is in that phase. */
  const reach: Readonly<Record<Phase, () => Story>> = {
    booting: () => new Story(2).ready(2),
    ready: () => new Story(2).ready(1, 2),
    retiring: () =>
      new Story(2).ready(1, 2).happens({ type: 'retire', id: 1, reason: 'x', expected: false }),
    stopping: () => new Story(2).ready(1, 2).happens({ type: 'signal', signal: 'SIGTTOU' }),
    failed: () => new Story(2).ready(2).happens({ type: 'boot-failed', id: 1, exitCode: 4 }),
  };
  /** The phase of worker 1 after each event; null: it is gone. */
  const table: Readonly<Record<string, readonly [Untimed, Readonly<Record<Phase, Phase | null>>]>> =
    {
      ready: [
        { type: 'ready', id: 1 },
        {
          booting: 'ready',
          ready: 'ready',
          retiring: 'retiring',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      heartbeat: [
        { type: 'heartbeat', id: 1, requests: 0 },
        {
          booting: 'booting',
          ready: 'ready',
          retiring: 'retiring',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      retire: [
        { type: 'retire', id: 1, reason: 'x', expected: false },
        {
          booting: 'booting',
          ready: 'retiring',
          retiring: 'retiring',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      'boot-failed': [
        { type: 'boot-failed', id: 1, exitCode: 3 },
        {
          booting: 'failed',
          ready: 'ready',
          retiring: 'retiring',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      exited: [
        { type: 'exited', id: 1, code: 1, signal: null },
        { booting: null, ready: null, retiring: null, stopping: null, failed: null },
      ],
      tick: [
        { type: 'tick' },
        {
          booting: 'booting',
          ready: 'ready',
          retiring: 'retiring',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      changed: [
        { type: 'changed', paths: ['app.py'] },
        {
          booting: 'stopping',
          ready: 'stopping',
          retiring: 'stopping',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      term: [
        { type: 'signal', signal: 'SIGTERM' },
        {
          booting: 'stopping',
          ready: 'stopping',
          retiring: 'stopping',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
      int: [
        { type: 'signal', signal: 'SIGINT' },
        {
          booting: 'stopping',
          ready: 'stopping',
          retiring: 'stopping',
          stopping: 'stopping',
          failed: 'failed',
        },
      ],
    };
  for (const [name, [event, row]] of Object.entries(table)) {
    for (const phase of Object.keys(row) as Phase[]) {
      test(`${name} while ${phase}`, () => {
        const story = reach[phase]();
        const phaseOf = (): Phase | null =>
          story.state.workers.find(({ id }) => id === 1)?.phase ?? null;
        assert.equal(phaseOf(), phase);
        story.happens(event);
        assert.equal(phaseOf(), row[phase]);
        const { workers, stop, target, delayed } = story.state;
        const active = workers.filter((w) => w.phase === 'booting' || w.phase === 'ready').length;
        assert.equal(active + delayed, stop === null ? target : delayed, 'nobody is missing');
      });
    }
  }

  test('an event of a worker that is gone changes nothing', () => {
    const story = new Story(1).ready(1).exits(1, 1);
    const before = story.state;
    for (const [event] of Object.values(table))
      if ('id' in event) assert.deepEqual(story.happens(event).state, before);
  });

  test('after the end nothing is done', () => {
    const story = new Story(1).ready(1).happens({ type: 'signal', signal: 'SIGTERM' }).exits(1);
    assert.deepEqual(story.happens({ type: 'signal', signal: 'SIGINT' }).actions, []);
    assert.deepEqual(story.passes(60).actions, []);
  });

  test('the state that was given is never changed', () => {
    const { state } = new Story(1).ready(1);
    const copy = structuredClone(state);
    decide(state, { type: 'signal', signal: 'SIGTERM', now: 9999 });
    decide(state, { type: 'exited', id: 1, code: 1, signal: null, now: 9999 });
    assert.deepEqual(state, copy);
  });
});
