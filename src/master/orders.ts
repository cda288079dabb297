// What the arbiter does at a signal, at a reload and at the end: the rules that are about the whole server.
// arbiter.ts calls these for one event each, with its draft of the next state. Pure: see arbiter.ts.

import type { Draft, MutableWorker } from './draft.ts';
import { describeStop } from './exit-report.ts';
import { meaningOf, resized, shortName } from './signals.ts';
import type { MasterSignal } from './signals.ts';
import { abandonedLimit, quickStopLimit, unwellAfter } from './supervision.ts';
import type { ArbiterSettings, Stop } from './supervision.ts';

/** Does what a signal asks. */
export function obey(draft: Draft, signal: MasterSignal): void {
  const { state } = draft;
  const meaning = meaningOf(signal, state.settings.daemonized);
  if (meaning.kind === 'ignored') {
    draft.log('debug', `${signal} ignored. ${meaning.why}`);
    return;
  }
  draft.log('info', `Handling signal: ${shortName(signal)}`);
  switch (meaning.kind) {
    case 'stop':
      askToStop(draft, meaning.graceful);
      return;
    case 'resize':
    case 'dismiss':
      state.target = resized(state.target, meaning);
      return;
    case 'reopen-logs':
      draft.act({ type: 'reopen-logs' });
      for (const worker of state.workers) {
        // One that has just been forked has no handler for it yet, and would die of the signal.
        if (worker.phase === 'booting') worker.reopenLogs = true;
        else draft.send(worker, 'SIGUSR1');
      }
      return;
    case 'reload':
    case 'upgrade':
      if (state.stop === null) draft.act({ type: meaning.kind });
      return;
  }
}

function askToStop(draft: Draft, graceful: boolean): void {
  const { state, now } = draft;
  if (state.stop !== null) {
    if (!graceful) hurry(draft);
    return;
  }
  const { drainDelay } = state.settings;
  // Asked twice, or to be quick: nobody wants to wait.
  if (!graceful || drainDelay === 0 || state.drainUntil !== null) {
    beginStop(draft, { graceful, exitCode: 0, reason: null });
    return;
  }
  state.drainUntil = now + drainDelay;
  draft.log(
    'info',
    `Serving for ${drainDelay / 1000} s more, while health checks are told of the stop`,
  );
}

/** Stops every worker, and the server with the last one. */
export function beginStop(
  draft: Draft,
  { graceful, exitCode, reason }: Omit<Stop, 'since'> & { readonly graceful: boolean },
): void {
  draft.state.stop = { exitCode, reason, since: draft.now };
  draft.act({ type: 'close-listeners' });
  for (const worker of draft.state.workers.filter(isToldToStop)) draft.stop(worker, graceful);
}

/** One that could not load the app ends by itself. */
const isToldToStop = ({ phase }: MutableWorker): boolean => phase !== 'failed';

/** Whoever has started the server is gone, and it goes too: at once. */
export function abandon(draft: Draft, why: string, mayFinish: boolean): void {
  const { state, now } = draft;
  // A signal to the whole group has ended both: it must not cut off what the server was told to finish.
  if (mayFinish && (state.stop !== null || state.drainUntil !== null)) return;
  draft.log('warning', `${why}: stopping`);
  const limit = now + abandonedLimit;
  if (state.stop === null) beginStop(draft, { graceful: false, exitCode: 0, reason: null });
  else for (const worker of state.workers.filter(isToldToStop)) draft.stop(worker, false);
  for (const worker of state.workers) worker.killAt = Math.min(worker.killAt ?? Infinity, limit);
}

/** A second INT or QUIT: those that still run get two seconds. */
function hurry(draft: Draft): void {
  const limit = draft.now + quickStopLimit;
  const late = draft.state.workers.filter(({ killAt }) => killAt === null || killAt > limit);
  if (late.length === 0) return;
  draft.log('info', 'Quick shutdown requested');
  for (const worker of late) {
    draft.stop(worker, false);
    worker.killAt = limit;
  }
}

/** The last worker is gone. */
export function finish(draft: Draft, { exitCode, reason }: Stop): void {
  draft.state.finished = true;
  const level = exitCode === 0 ? 'info' : 'error';
  draft.log(level, 'Shutting down: Master');
  if (reason !== null) draft.log(level, `Reason: ${reason}`);
  else draft.log(level, describeStop(draft.state, draft.now));
  draft.act({ type: 'finish', exitCode });
}

/** Begins a generation: workers of the one before are outgoing from now on. */
export function beginGeneration(draft: Draft, number: number, settings: ArbiterSettings): void {
  const { state } = draft;
  if (state.stop !== null) return;
  const { generation, settings: before, target } = state;
  // Two reloads in a row: what is known to work is what was there before the first one.
  state.fallback ??= { number: generation, settings: before, target };
  state.generation = number;
  state.settings = settings;
  // gunicorn's: what TTIN and TTOU did is over.
  state.target = settings.workers;
  state.delayed = 0;
  state.spawnAfter = 0;
}

/** No worker of this generation could be started: the one before goes on. */
export function fallBack(draft: Draft): void {
  const { state } = draft;
  const { fallback, generation } = state;
  if (fallback === null) return;
  state.generation = fallback.number;
  state.settings = fallback.settings;
  state.target = fallback.target;
  state.fallback = null;
  for (const worker of state.workers) {
    const begun = worker.phase === 'booting' || worker.phase === 'ready';
    if (worker.generation === generation && begun) draft.stop(worker, true);
  }
  draft.act({ type: 'discard', generation });
  draft.log('error', 'The reload failed: no worker could start. The old ones go on as they were.');
}

/** Tells clients that ask for it how the server is, when that changes. */
export function sayHealth(draft: Draft): void {
  const { state } = draft;
  const healthy = state.drainUntil === null && state.crashes < unwellAfter;
  if (state.healthy === healthy) return;
  state.healthy = healthy;
  draft.act({ type: 'health', healthy, draining: state.drainUntil !== null });
}
