import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Watchdog } from '../../../src/bridge/watchdog.ts';

function watched(threads: number): {
  watchdog: Watchdog;
  state: { progress: number | null; silences: number; looks: number };
} {
  const state = { progress: 0 as number | null, silences: 0, looks: 0 };
  const watchdog = new Watchdog(threads, {
    progress: () => state.progress,
    onSilence: () => {
      state.silences++;
    },
    onLook: () => {
      state.looks++;
    },
  });
  return { watchdog, state };
}

test('silence is told once a tick for each thread and a few more, then rarely', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { watchdog, state } = watched(2);
    watchdog.watch();
    mock.timers.tick(20);
    assert.equal(state.silences, 10);
    mock.timers.tick(980);
    assert.equal(state.silences, 10 + 500 / 25);
  } finally {
    mock.timers.reset();
  }
});

test('an answer ends the silence, and looks come ten times a second', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { watchdog, state } = watched(1);
    watchdog.watch();
    mock.timers.tick(1000);
    const before = state.silences;
    state.progress = 1;
    mock.timers.tick(5);
    assert.equal(state.silences, before);
    mock.timers.tick(25);
    assert.equal(state.silences, before + 5);
    assert.equal(state.looks, 10);
  } finally {
    mock.timers.reset();
  }
});

test('nothing is told when nothing is outstanding', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const { watchdog, state } = watched(1);
    watchdog.watch();
    state.progress = null;
    mock.timers.tick(1000);
    assert.deepEqual([state.silences, state.looks], [0, 0]);
  } finally {
    mock.timers.reset();
  }
});
