// How many requests a worker may hold before it leaves new connections to the others: pure arithmetic, used
// by the acceptor on every connection and answer. It must never look at a clock by itself.
//
// A request that waits here can't be taken by an idle worker any more, so a worker takes no more than it will
// begin soon. With views of less than 0.3 ms that is sixteen. A connection that nobody takes for a while has no
// better place, though, however busy those are who are here already.

import type { Load } from '../bridge/load.ts';

/** However fast views were so far, the next ones may not be: no more than so many are kept from other workers. */
export const mostWaiting = 16;

/** Milliseconds: what will begin within this time may wait here, and who is silent for longer is stalled. */
export const soon = 5;

/**
 * How many requests the worker may hold: one for each thread, and what the threads will have begun `soon`.
 * Once all of them have been taken for so long without an answer there is no telling, and none may wait.
 *
 * @param takenSince when the last idle thread was taken; Infinity while one is idle
 */
export function capacity(load: Load, takenSince: number, now: number): number {
  const { threads, serviceTime, lastAnswerAt } = load;
  if (serviceTime === 0 || now - Math.max(takenSince, lastAnswerAt) > soon) return threads;
  return threads + Math.min(mostWaiting, Math.floor((threads * soon) / serviceTime));
}

/**
 * Below how many requests a worker that paused accepts again: half of those that may wait must have begun, so
 * that a busy worker doesn't open and close its gate at every request.
 */
export function resumption(limit: number, threads: number): number {
  return threads + (limit - threads) / 2;
}

/**
 * How long, in milliseconds, a worker leaves connections to the others before it takes what they don't: longer where
 * its answers keep it waiting, and for ever where none comes any more.
 *
 * @param takenSince as in {@link capacity}
 */
export function patience({ lastAnswerAt }: Load, takenSince: number, now: number): number {
  return soon + 2 * Math.max(0, now - Math.max(takenSince, lastAnswerAt));
}
