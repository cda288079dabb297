// Decides what the master does: `decide(state, event)` gives the next state and the actions to perform.
// master.ts calls it for everything that happens, on the master's main thread, and performs the actions in
// order. The rules of supervision are all here: how many workers, which death ends the server, who is killed
// when. Pure: no clock (every event says when it happened), no process, no signal, no log of its own.

import type { LogLevel } from '../messages.ts';
import { describeExit, nameOf } from './exit-report.ts';
import { replaceAll } from './replacement.ts';
import { shortName, signalTable } from './signals.ts';
import type { MasterSignal } from './signals.ts';
import {
  backoff,
  bootFailures,
  bootStopLimit,
  importNoticeEvery,
  quickStopLimit,
  tickEvery,
} from './supervision.ts';
import type { Action, ArbiterState, BootFailure, Event, Worker } from './supervision.ts';
import type { Draft, MutableWorker } from './supervision.ts';

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
  const draft: Draft = { ...state, workers: state.workers.map((worker) => ({ ...worker })) };
  const actions: Action[] = [];
  const step = new Step(draft, actions, event.now);
  if (event.type === 'changed') replaceAll(draft, actions, event);
  else step.take(event);
  step.settle();
  return { state: draft, actions };
}

/** One call of {@link decide}: it changes a copy of the state. */
class Step {
  readonly #state: Draft;
  readonly #actions: Action[];
  readonly #now: number;

  constructor(state: Draft, actions: Action[], now: number) {
    this.#state = state;
    this.#actions = actions;
    this.#now = now;
  }

  take(event: Exclude<Event, { type: 'changed' }>): void {
    if (event.type === 'tick') {
      this.#tick();
      return;
    }
    if (event.type === 'signal') {
      this.#signal(event.signal);
      return;
    }
    const worker = this.#state.workers.find(({ id }) => id === event.id);
    if (worker === undefined) return;
    switch (event.type) {
      case 'started':
        worker.pid = event.pid;
        return;
      case 'ready':
        this.#ready(worker);
        return;
      case 'heartbeat':
        worker.lastBeat = this.#now;
        return;
      case 'retire':
        if (worker.phase !== 'ready') return;
        worker.phase = 'retiring';
        this.#log('warning', `Replacing worker (pid:${nameOf(worker)}): ${event.reason}`);
        return;
      case 'boot-failed':
        this.#bootFailed(worker, event.exitCode);
        return;
      case 'exited':
        this.#exited(worker, event);
        return;
    }
  }

  /** What follows from the numbers, whatever has happened: who is missing, who is too many. */
  settle(): void {
    const state = this.#state;
    if (state.stop !== null) {
      if (state.workers.length === 0) this.#finish(state.stop);
      return;
    }
    const active = state.workers.filter(({ phase }) => phase === 'booting' || phase === 'ready');
    const missing = state.target - active.length;
    // The oldest first, as gunicorn has it.
    for (const worker of active.slice(0, Math.max(0, -missing))) this.#stopWorker(worker, true);
    // A worker to be replaced serves until somebody else can.
    if (active.filter(({ phase }) => phase === 'ready').length >= state.target) {
      for (const worker of state.workers)
        if (worker.phase === 'retiring') this.#stopWorker(worker, true);
    }
    if (this.#now >= state.spawnAfter) state.delayed = 0;
    for (let count = missing - state.delayed; count > 0; count--) this.#spawn();
  }

  #spawn(): void {
    const id = this.#state.nextId++;
    this.#state.workers.push({
      id,
      pid: null,
      phase: 'booting',
      spawnedAt: this.#now,
      lastBeat: this.#now,
      importNotices: 0,
      reopenLogs: false,
      aborted: false,
      killAt: null,
      killed: false,
    });
    this.#actions.push({ type: 'spawn', id });
  }

  #ready(worker: MutableWorker): void {
    const state = this.#state;
    state.everReady = true;
    state.crashes = 0;
    state.spawnAfter = 0;
    worker.lastBeat = this.#now;
    this.#log('debug', `Worker ready (pid: ${nameOf(worker)})`);
    if (worker.phase === 'booting') worker.phase = 'ready';
    if (worker.reopenLogs) this.#send(worker, 'SIGUSR1');
    worker.reopenLogs = false;
  }

  #bootFailed(worker: MutableWorker, exitCode: BootFailure): void {
    if (worker.phase !== 'booting') return;
    worker.phase = 'failed';
    worker.killAt = this.#now + bootStopLimit;
    this.#diedBeforeReady(exitCode);
  }

  #exited(worker: MutableWorker, event: Extract<Event, { type: 'exited' }>): void {
    this.#state.workers = this.#state.workers.filter((other) => other !== worker);
    const line = describeExit(worker, event);
    if (line !== null) this.#actions.push(line);
    if (worker.phase === 'booting') this.#diedBeforeReady(3);
  }

  /**
   * Until one worker has been ready the app is taken to be broken, and the server ends; from then on the
   * server lives, whatever happens, and tries again after longer and longer pauses.
   */
  #diedBeforeReady(exitCode: BootFailure): void {
    const state = this.#state;
    if (state.stop !== null) return;
    if (!state.everReady) {
      this.#beginStop(false, exitCode, bootFailures[exitCode]);
      return;
    }
    state.delayed++;
    // Those that were spawned together die together: they are one crash.
    if (this.#now < state.spawnAfter) return;
    state.crashes++;
    const pause = backoff(state.crashes);
    state.spawnAfter = this.#now + pause;
    const times = state.crashes === 1 ? '' : ` ${state.crashes} times in a row`;
    const next = `next try in ${pause / 1000} s`;
    this.#log('error', `A worker died before it was ready${times}: ${next}.`);
  }

  #signal(signal: MasterSignal): void {
    const meaning = signalTable[signal];
    const name = signal.slice('SIG'.length);
    if (meaning.kind === 'ignored') {
      this.#log('debug', `${signal} ignored. ${meaning.why}`);
      return;
    }
    this.#log('info', `Handling signal: ${shortName(signal)}`);
    switch (meaning.kind) {
      case 'stop':
        if (this.#state.stop === null) this.#beginStop(meaning.graceful, 0, null);
        else if (!meaning.graceful) this.#hurry();
        return;
      case 'resize':
        this.#state.target = Math.max(1, this.#state.target + meaning.change);
        return;
      case 'reopen-logs':
        this.#actions.push({ type: 'reopen-logs' });
        for (const worker of this.#state.workers) {
          // One that has just been forked has no handler for it yet, and would die of the signal.
          if (worker.phase === 'booting') worker.reopenLogs = true;
          else this.#send(worker, 'SIGUSR1');
        }
        return;
      case 'renew-certificates':
        this.#actions.push({ type: 'renew-certificates' });
        return;
      case 'unsupported':
        this.#log('warning', `${name} is not supported yet. ${meaning.instead}`);
        return;
    }
  }

  #beginStop(graceful: boolean, exitCode: number, reason: string | null): void {
    this.#state.stop = { exitCode, reason };
    this.#actions.push({ type: 'close-listeners' });
    for (const worker of this.#state.workers) {
      if (worker.phase !== 'failed') this.#stopWorker(worker, graceful);
    }
  }

  #stopWorker(worker: MutableWorker, graceful: boolean): void {
    const booting = worker.phase === 'booting';
    // One that still imports the app has no request to finish, and can't hear us: its thread is in Python.
    const limit = booting ? bootStopLimit : this.#state.settings.gracefulTimeout;
    worker.killAt = Math.min(worker.killAt ?? Infinity, this.#now + limit);
    worker.phase = 'stopping';
    // SIGQUIT, where nobody handles it yet, would leave a core file.
    const signal = graceful || booting ? 'SIGTERM' : 'SIGQUIT';
    this.#actions.push({ type: 'stop', id: worker.id, graceful, signal });
  }

  /** A second INT or QUIT: those that still run get two seconds. */
  #hurry(): void {
    const limit = this.#now + quickStopLimit;
    const late = this.#state.workers.filter(({ killAt }) => killAt === null || killAt > limit);
    if (late.length === 0) return;
    this.#log('info', 'Quick shutdown requested');
    for (const worker of late) {
      this.#stopWorker(worker, false);
      worker.killAt = limit;
    }
  }

  #tick(): void {
    const state = this.#state;
    // The master itself was held up (Ctrl-Z, a suspended machine): nobody could be heard meanwhile.
    const deaf = Math.max(0, this.#now - state.lastTick - 2 * tickEvery.running);
    state.lastTick = this.#now;
    for (const worker of state.workers) {
      worker.lastBeat += deaf;
      if (worker.killed) continue;
      if (worker.killAt !== null && this.#now >= worker.killAt) {
        this.#kill(worker, 'did not stop in time');
      } else if (worker.aborted) this.#kill(worker, 'did not end by SIGABRT');
      else if (worker.phase === 'booting') this.#noticeImport(worker);
      else if (this.#isSilent(worker)) {
        worker.aborted = true;
        this.#log('critical', `WORKER TIMEOUT (pid:${nameOf(worker)})`);
        this.#send(worker, 'SIGABRT');
      }
    }
  }

  /** Whether a worker that serves has not been heard of for longer than it may. */
  #isSilent(worker: Worker): boolean {
    const { timeout } = this.#state.settings;
    const serves = worker.phase === 'ready' || worker.phase === 'retiring';
    return serves && timeout > 0 && this.#now - worker.lastBeat > timeout;
  }

  #noticeImport(worker: MutableWorker): void {
    const due = Math.floor((this.#now - worker.spawnedAt) / importNoticeEvery);
    if (due <= worker.importNotices) return;
    worker.importNotices = due;
    const seconds = (due * importNoticeEvery) / 1000;
    this.#log(
      'info',
      `Worker (pid:${nameOf(worker)}) is still importing the app after ${seconds} s`,
    );
  }

  #kill(worker: MutableWorker, why: string): void {
    worker.killed = true;
    this.#log('error', `Worker (pid:${nameOf(worker)}) ${why}: killing it`);
    this.#send(worker, 'SIGKILL');
  }

  #finish(stop: NonNullable<ArbiterState['stop']>): void {
    this.#state.finished = true;
    const level = stop.exitCode === 0 ? 'info' : 'error';
    this.#log(level, 'Shutting down: Master');
    if (stop.reason !== null) this.#log(level, `Reason: ${stop.reason}`);
    this.#actions.push({ type: 'finish', exitCode: stop.exitCode });
  }

  #send(worker: Worker, signal: NodeJS.Signals): void {
    this.#actions.push({ type: 'signal', id: worker.id, signal });
  }

  #log(level: LogLevel, message: string): void {
    this.#actions.push({ type: 'log', level, message });
  }
}
