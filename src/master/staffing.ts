// How many workers to start and whom to stop, for what the state says: the rule of a rolling replacement.
// The arbiter asks after every event, on the master's main thread. Pure: numbers in, a plan out.

import { busyBoot } from './supervision.ts';
import type { ArbiterState, Worker } from './supervision.ts';

/** What {@link plan} gives. */
export interface Plan {
  /** Workers to start now: how many, and of which generation. */
  readonly spawn: { readonly count: number; readonly generation: number };
  /** Workers to stop now, gracefully. */
  readonly stop: readonly Worker[];
}

/** Whether a worker is to be replaced: it asked for it, or has the settings of before a reload. */
function isOutgoing(worker: Worker, generation: number): boolean {
  return worker.phase === 'retiring' || worker.generation !== generation;
}

/**
 * Whoever is to be replaced serves until somebody else can, and they are replaced one at a time: there is at most
 * one worker more than there should be, and never one fewer that serves. Of a generation that may yet be given up
 * one worker is started, and the others when that is ready.
 */
export function plan({ workers, target, generation, fallback }: ArbiterState): Plan {
  const alive = workers.filter(({ phase }) => phase !== 'stopping' && phase !== 'failed');
  const outgoing = alive.filter((worker) => isOutgoing(worker, generation));
  const staying = alive.filter((worker) => !isOutgoing(worker, generation));
  const serving = staying.filter(({ phase }) => phase === 'ready').length;

  // The oldest first, as gunicorn has it.
  const tooMany = staying.slice(0, Math.max(0, staying.length - target));
  // One of an older generation that still boots serves nobody, and never needs to.
  const useless = outgoing.filter(
    ({ phase, generation: of }) => phase === 'booting' && of !== fallback?.number,
  );
  const hasUse = outgoing.length > useless.length || serving > 0;
  const replaceable = outgoing.filter((worker) => !hasUse || !useless.includes(worker));
  // Nobody goes for new settings that nobody could start with yet.
  const surplus = fallback === null ? serving + replaceable.length - target : 0;
  const replaced = replaceable.slice(0, Math.max(0, surplus));

  const remaining = replaceable.length - replaced.length;
  const places = Math.max(target, fallback?.target ?? 0) + (remaining > 0 ? 1 : 0);
  const missing = Math.min(target - staying.length, places - staying.length - remaining);
  const spawn = fallback === null ? missing : Math.min(missing, 1 - staying.length);
  const stop = [...tooMany, ...(hasUse ? useless : []), ...replaced];
  // Until the new generation has shown that it works, the old one is what serves: its dead are replaced.
  const old = outgoing.filter((worker) => worker.generation === fallback?.number).length;
  if (fallback !== null && old < fallback.target && spawn <= 0) {
    return { spawn: { count: fallback.target - old, generation: fallback.number }, stop };
  }
  return { spawn: { count: Math.max(0, spawn), generation }, stop };
}

/**
 * How many more workers may begin to boot. While they load the app they have a processor each: with more of them at a time
 * none is ready sooner, and the first one is ready later. One that takes long may be waiting for something else.
 */
export function roomToBoot({ settings, workers }: ArbiterState, now: number): number {
  const { processors = Infinity } = settings;
  const booting = workers.filter(
    ({ phase, spawnedAt }) => phase === 'booting' && now - spawnedAt < busyBoot,
  );
  return processors - booting.length;
}
