// What is overdue in a worker's life, and when: the clock's part in the arbiter's decisions. Called at each tick.
// Pure: it compares times and gives a word; what follows from the word is the arbiter's.

import { importNoticeEvery } from './supervision.ts';
import type { ArbiterSettings, Worker } from './supervision.ts';

/**
 * What is overdue: it did not stop when it was told to; it was sent SIGABRT, and still runs; its event loop was
 * silent for too long; it takes too long to load the app; it is time to say that it is still loading.
 */
export type Overdue = 'stop' | 'abort' | 'silent' | 'boot' | 'notice';

/** What is overdue for `worker`, if anything. */
export function overdue(worker: Worker, settings: ArbiterSettings, now: number): Overdue | null {
  if (worker.killed) return null;
  if (worker.killAt !== null && now >= worker.killAt) return 'stop';
  if (worker.aborted) return 'abort';
  if (worker.phase === 'booting') {
    const since = now - worker.spawnedAt;
    if (settings.bootTimeout > 0 && since > settings.bootTimeout) return 'boot';
    return noticesDue(worker, now) > worker.importNotices ? 'notice' : null;
  }
  const serves = worker.phase === 'ready' || worker.phase === 'retiring';
  const silent = serves && settings.timeout > 0 && now - worker.lastBeat > settings.timeout;
  return silent ? 'silent' : null;
}

/** How often it should have been said that `worker` is still importing. */
export function noticesDue(worker: Worker, now: number): number {
  return Math.floor((now - worker.spawnedAt) / importNoticeEvery);
}
