// When a worker asks for its replacement: after so many requests, so much time, with so much memory. Made by
// worker.ts; looks at each heartbeat, on the event loop's thread. It asks once, and never stops anything by
// itself: the next worker has to be ready first.

import type { Recycling } from '../messages.ts';

/** Milliseconds for which a worker is kept however much memory it holds: else one would follow the other. */
const memoryGrace = 60_000;
/** Part of the lifetime that is added at random, at most. */
const lifetimeJitter = 0.1;
const mebibyte = 1024 * 1024;

/** What a worker is, at a moment. */
export interface WorkerAge {
  /** Requests answered. */
  readonly requests: number;
  /** Milliseconds since the worker was ready. */
  readonly age: number;
  /** Bytes of resident memory. */
  readonly memory: number;
}

/**
 * Makes the function that tells whether a worker is due, and why: a text once, null before and ever after.
 *
 * @param random - from 0 to less than 1, as Math.random
 */
export function recycler(
  { requests, requestsJitter, lifetime, memory }: Recycling,
  random: () => number,
): (now: WorkerAge) => string | null {
  const requestLimit = requests + Math.floor(random() * (requestsJitter + 1));
  const ageLimit = lifetime * 1000 * (1 + random() * lifetimeJitter);
  let asked = false;
  const reason = (now: WorkerAge): string | null => {
    if (requests > 0 && now.requests >= requestLimit) {
      return `it has served ${now.requests} requests (--max-requests)`;
    }
    if (lifetime > 0 && now.age >= ageLimit) {
      return `it has lived for ${Math.round(now.age / 1000)} s (--max-worker-lifetime)`;
    }
    if (memory > 0 && now.memory > memory && now.age >= memoryGrace) {
      return `it holds ${Math.round(now.memory / mebibyte)} MiB (--max-worker-memory)`;
    }
    return null;
  };
  return (now) => {
    if (asked) return null;
    const why = reason(now);
    asked = why !== null;
    return why;
  };
}
