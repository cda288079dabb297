// What becomes of the workers when the app's files have changed (--reload): a part of the arbiter's rules, called by
// arbiter.ts. Pure, as the arbiter is.
//
// The old ones stop at once, not when the new ones are ready: what they would answer meanwhile is out of date, and
// what they hold (a debugger's port, a lock) is what the new ones want. Nobody is refused: the listening sockets
// are the master's, and connections wait in them.

import type { Draft } from './draft.ts';
import { bootStopLimit, quickStopLimit, staleLimit } from './supervision.ts';
import { describeChange } from '../development/watched-files.ts';

/** Stops all workers; that others take their places follows from the numbers. */
export function replaceAll(draft: Draft, paths: readonly string[]): void {
  const { state, now } = draft;
  if (state.stop !== null) return;
  draft.log('info', `Worker reloading: ${describeChange(paths)} modified`);
  // What could not be loaded before may be whole now.
  Object.assign(state, { crashes: 0, delayed: 0, spawnAfter: 0 });
  for (const worker of state.workers) {
    const { id, phase } = worker;
    if (phase === 'stopping' || phase === 'failed') continue;
    const booting = phase === 'booting';
    worker.phase = 'stopping';
    worker.killAt = now + (booting ? bootStopLimit : staleLimit + quickStopLimit);
    // One that boots has nothing to finish; SIGQUIT, where nobody handles it yet, would leave a core file.
    const hurryAfter = booting ? {} : { hurryAfter: staleLimit };
    draft.act({ type: 'stop', id, graceful: true, signal: 'SIGTERM', ...hurryAfter });
  }
}
