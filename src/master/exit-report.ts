// The log lines for the end of a worker, in gunicorn's words, and of the server. Called by the arbiter; pure.

import type { Action, ArbiterState, Event, Worker } from './supervision.ts';

type LogAction = Extract<Action, { type: 'log' }>;

/** Requests that a stop's last line names. */
export const shownRequests = 10;

/** What a worker is called in the log. */
export function nameOf(worker: Worker): string {
  return worker.pid === null ? 'unknown' : String(worker.pid);
}

/** The line to log when `worker` has ended; null where nothing is to be said, or all of it has been. */
export function describeExit(
  worker: Worker,
  { code, signal, failure, record = '' }: Extract<Event, { type: 'exited' }>,
): LogAction | null {
  const who = `Worker (pid:${nameOf(worker)})`;
  if (failure !== undefined) return line('error', `A worker could not be started: ${failure}`);
  // That we killed it, and why, was said when we did it.
  if (worker.killed)
    return record === '' || !worker.wasReady ? null : line('error', `${who} was killed.${record}`);
  if (signal === 'SIGKILL') {
    return line('error', `${who} was sent SIGKILL! Perhaps out of memory?${record}`);
  }
  if (signal !== null) {
    // Before it has handlers of its own a worker dies of the signal that asks it to stop.
    const asked = signal === 'SIGTERM' || worker.phase === 'stopping';
    return line(asked ? 'info' : 'warning', `${who} was sent ${signal}!${asked ? '' : record}`);
  }
  if (code === 0 && worker.phase !== 'booting') return null;
  return line('error', `${who} exited with code ${code ?? 'unknown'}.${record}`);
}

/** What a stop did to requests: the server's last line. */
export function describeStop({ served, cut, stop }: ArbiterState, now: number): string {
  const more = cut.count > cut.requests.length ? ', …' : '';
  const which = cut.count === 0 ? '' : ` (${cut.requests.join(', ')}${more})`;
  const waited = ((now - (stop?.since ?? now)) / 1000).toFixed(1);
  return `Served ${count(served, 'request')}, cut off ${cut.count}${which}, waited ${waited} s`;
}

/** `1 request`, `2 requests`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function line(level: LogAction['level'], message: string): LogAction {
  return { type: 'log', level, message };
}
