// Decides what the master does: `decide(state, event)` gives the next state and the actions to perform.
// supervisor.ts calls it for everything that happens, on the master's main thread, and performs the actions in
// order. The rules of supervision are here (what becomes of a worker), in orders.ts (of the server),
// staffing.ts (how many workers) and deadlines.ts (who is late). Pure: no clock (every event says when it happened), no
// process, no signal, no log of its own.

import { noticesDue, overdue } from './deadlines.ts';
import { Draft } from './draft.ts';
import type { MutableWorker } from './draft.ts';
import { describeExit, nameOf, shownRequests } from './exit-report.ts';
import {
  abandon,
  beginGeneration,
  beginStop,
  fallBack,
  finish,
  obey,
  sayHealth,
} from './orders.ts';
import { replaceAll } from './replacement.ts';
import { plan, roomToBoot } from './staffing.ts';
import {
  backoff,
  bootFailures,
  bootStopLimit,
  importNoticeEvery,
  tickEvery,
} from './supervision.ts';
import type { Action, ArbiterState, BootFailure, Event, Worker } from './supervision.ts';

/** What {@link decide} gives. */
export interface Decision {
  readonly state: ArbiterState;
  /** To be performed in this order. */
  readonly actions: readonly Action[];
}

/**
 * The next state, and what to do, when `event` happens in `state`. An event of a worker that is gone changes
 * nothing.
 */
export function decide(state: ArbiterState, event: Event): Decision {
  if (state.finished) return { state, actions: [] };
  const draft = new Draft(state, event.now);
  take(draft, event);
  settle(draft);
  return { state: draft.state, actions: draft.actions };
}

function take(draft: Draft, event: Event): void {
  if (event.type === 'tick') tick(draft);
  else if (event.type === 'signal') obey(draft, event.signal);
  else if (event.type === 'abandoned') abandon(draft, event.why, event.mayFinish);
  else if (event.type === 'changed') replaceAll(draft, event.paths);
  else if (event.type === 'reloaded') beginGeneration(draft, event.generation, event.settings);
  else {
    const worker = draft.state.workers.find(({ id }) => id === event.id);
    if (worker !== undefined) takeFrom(draft, worker, event);
  }
}

/** What follows from the numbers, whatever has happened. */
function settle(draft: Draft): void {
  const { state, now } = draft;
  if (state.stop !== null) {
    if (state.workers.length === 0) finish(draft, state.stop);
    return;
  }
  const { spawn, stop } = plan(state);
  for (const { id } of stop) {
    const worker = state.workers.find((one) => one.id === id);
    if (worker !== undefined) draft.stop(worker, true);
  }
  if (now >= state.spawnAfter) state.delayed = 0;
  const count = Math.min(spawn.count - state.delayed, roomToBoot(state, now));
  for (let started = 0; started < count; started++) {
    startWorker(draft, spawn.generation);
  }
  sayHealth(draft);
}

function takeFrom(
  draft: Draft,
  worker: MutableWorker,
  event: Extract<Event, { readonly id: number }>,
): void {
  switch (event.type) {
    case 'started':
      worker.pid = event.pid;
      return;
    case 'ready':
      becomeReady(draft, worker);
      return;
    case 'heartbeat':
      worker.lastBeat = draft.now;
      worker.served = event.requests;
      return;
    case 'retire': {
      if (worker.phase !== 'ready') return;
      worker.phase = 'retiring';
      const level = event.expected ? 'info' : 'warning';
      draft.log(level, `Replacing worker (pid:${nameOf(worker)}): ${event.reason}`);
      return;
    }
    case 'boot-failed':
      if (worker.phase !== 'booting') return;
      worker.phase = 'failed';
      worker.killAt = draft.now + bootStopLimit;
      dieBeforeReady(draft, worker, event.exitCode);
      return;
    case 'ended':
      worker.served = event.requests;
      countCut(draft, event.cut);
      return;
    case 'exited':
      takeExit(draft, worker, event);
      return;
  }
}

function startWorker(draft: Draft, generation: number): void {
  const { state, now } = draft;
  const id = state.nextId++;
  state.workers.push({
    id,
    pid: null,
    phase: 'booting',
    generation,
    spawnedAt: now,
    lastBeat: now,
    importNotices: 0,
    reopenLogs: false,
    aborted: false,
    killAt: null,
    wasReady: false,
    killed: false,
    served: 0,
  });
  draft.act({ type: 'spawn', id, generation });
}

function becomeReady(draft: Draft, worker: MutableWorker): void {
  const { state } = draft;
  worker.lastBeat = draft.now;
  worker.wasReady = true;
  draft.log('debug', `Worker ready (pid: ${nameOf(worker)})`);
  if (worker.phase === 'booting') worker.phase = 'ready';
  if (worker.reopenLogs) draft.send(worker, 'SIGUSR1');
  worker.reopenLogs = false;
  // It was not there yet when the others were told.
  const draining = state.drainUntil !== null;
  if (!state.healthy) draft.act({ type: 'health', healthy: false, draining });
  if (worker.generation !== state.generation) return;
  state.everReady = true;
  state.crashes = 0;
  state.spawnAfter = 0;
  if (state.fallback === null) return;
  state.fallback = null;
  draft.act({ type: 'keep', generation: state.generation });
}

function takeExit(
  draft: Draft,
  worker: MutableWorker,
  event: Extract<Event, { type: 'exited' }>,
): void {
  const { state } = draft;
  state.workers = state.workers.filter((other) => other !== worker);
  state.served += Math.max(worker.served, event.requests ?? 0);
  const line = describeExit(worker, event);
  if (line !== null) draft.act(line);
  countCut(draft, event.lost ?? []);
  if (worker.phase === 'booting') dieBeforeReady(draft, worker, 3);
}

/** Requests that got no answer; the stop's last line tells of those that it cut off. */
function countCut({ state }: Draft, requests: readonly string[]): void {
  const { cut, stop } = state;
  if (stop === null || requests.length === 0) return;
  state.cut = {
    count: cut.count + requests.length,
    requests: [...cut.requests, ...requests].slice(0, shownRequests),
  };
}

/**
 * Until one worker has been ready the app is taken to be broken, and the server ends; from then on the server
 * lives, whatever happens, and tries again after longer and longer pauses. New settings or new code that no worker
 * could start with are given up.
 */
function dieBeforeReady(draft: Draft, worker: Worker, exitCode: BootFailure): void {
  const { state, now } = draft;
  // One of those that are kept up until the new generation has shown that it works.
  const isOld = worker.generation === state.fallback?.number;
  if (state.stop !== null || !(isOld || worker.generation === state.generation)) return;
  if (state.fallback !== null && !isOld) {
    fallBack(draft);
    return;
  }
  if (!state.everReady && !isOld) {
    beginStop(draft, { graceful: false, exitCode, reason: bootFailures[exitCode] });
    return;
  }
  state.delayed++;
  // Those that were spawned together die together: they are one crash.
  if (now < state.spawnAfter) return;
  state.crashes++;
  const pause = backoff(state.crashes);
  state.spawnAfter = now + pause;
  const times = state.crashes === 1 ? '' : ` ${state.crashes} times in a row`;
  const next = `next try in ${pause / 1000} s`;
  draft.log('error', `A worker died before it was ready${times}: ${next}.`);
}

function tick(draft: Draft): void {
  const { state, now } = draft;
  // The master itself was held up (Ctrl-Z, a suspended machine): nobody could be heard meanwhile.
  const deaf = Math.max(0, now - state.lastTick - 2 * tickEvery.running);
  state.lastTick = now;
  for (const worker of state.workers) {
    worker.lastBeat += deaf;
    worker.spawnedAt += deaf;
    if (worker.killAt !== null) worker.killAt += deaf;
    look(draft, worker);
  }
  if (state.stop === null && state.drainUntil !== null && now >= state.drainUntil) {
    beginStop(draft, { graceful: true, exitCode: 0, reason: null });
  }
}

/** Does what is due to a worker that is late. */
function look(draft: Draft, worker: MutableWorker): void {
  const { settings } = draft.state;
  const name = nameOf(worker);
  switch (overdue(worker, settings, draft.now)) {
    case 'stop':
      draft.kill(worker, 'did not stop in time');
      return;
    case 'abort':
      draft.kill(worker, 'did not end by SIGABRT');
      return;
    case 'silent':
      draft.abort(worker, `WORKER TIMEOUT (pid:${name})`);
      return;
    case 'boot': {
      const seconds = settings.bootTimeout / 1000;
      draft.abort(worker, `Worker (pid:${name}) did not load the app within ${seconds} s`);
      return;
    }
    case 'notice': {
      worker.importNotices = noticesDue(worker, draft.now);
      const seconds = (worker.importNotices * importNoticeEvery) / 1000;
      draft.log('info', `Worker (pid:${name}) is still importing the app after ${seconds} s`);
      return;
    }
    case null:
  }
}
