// The log line for the end of a worker, in gunicorn's words. Called by the arbiter; pure.

import type { Action, Event, Worker } from './supervision.ts';

type LogAction = Extract<Action, { type: 'log' }>;

/** What a worker is called in the log. */
export function nameOf(worker: Worker): string {
  return worker.pid === null ? 'unknown' : String(worker.pid);
}

/** The line to log when `worker` has ended; null where nothing is to be said, or all of it has been. */
export function describeExit(
  worker: Worker,
  { code, signal, failure }: Extract<Event, { type: 'exited' }>,
): LogAction | null {
  const who = `Worker (pid:${nameOf(worker)})`;
  if (failure !== undefined) return line('error', `A worker could not be started: ${failure}`);
  if (worker.killed) return null; // it was said when we did it
  if (signal === 'SIGKILL') {
    return line('error', `${who} was sent SIGKILL! Perhaps out of memory?`);
  }
  if (signal !== null) {
    // Before it has handlers of its own a worker dies of the signal that asks it to stop.
    const asked = signal === 'SIGTERM' || worker.phase === 'stopping';
    return line(asked ? 'info' : 'warning', `${who} was sent ${signal}!`);
  }
  if (code === 0 && worker.phase !== 'booting') return null;
  return line('error', `${who} exited with code ${code ?? 'unknown'}.`);
}

function line(level: LogAction['level'], message: string): LogAction {
  return { type: 'log', level, message };
}
