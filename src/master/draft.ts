// The arbiter's pen: a copy of the state that one decision changes, the actions that it asks for, and the few
// things that all of its rules do: write a line, send a signal, stop, abort or kill a worker. Used by arbiter.ts
// and orders.ts; pure, like them.

import type { LogLevel } from '../messages.ts';
import { nameOf } from './exit-report.ts';
import { bootStopLimit } from './supervision.ts';
import type { Action, ArbiterState, Worker } from './supervision.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A worker while a decision is being made. */
export type MutableWorker = Mutable<Worker>;

/** The state while a decision is being made. */
export type MutableState = Omit<Mutable<ArbiterState>, 'workers'> & { workers: MutableWorker[] };

/** One decision in the making. */
export class Draft {
  readonly state: MutableState;
  readonly actions: Action[] = [];
  /** When the event happened. */
  readonly now: number;

  /** Begins with a copy of `state`. */
  constructor(state: ArbiterState, now: number) {
    this.state = { ...state, workers: state.workers.map((worker) => ({ ...worker })) };
    this.now = now;
  }

  act(action: Action): void {
    this.actions.push(action);
  }

  log(level: LogLevel, message: string): void {
    this.act({ type: 'log', level, message });
  }

  send(worker: Worker, signal: NodeJS.Signals): void {
    this.act({ type: 'signal', id: worker.id, signal });
  }

  /** Tells a worker to stop, and sets the time at which it is killed. */
  stop(worker: MutableWorker, graceful: boolean): void {
    const booting = worker.phase === 'booting';
    // One that still imports the app has no request to finish, and can't hear us: its thread is in Python.
    const limit = booting ? bootStopLimit : this.state.settings.gracefulTimeout;
    worker.killAt = Math.min(worker.killAt ?? Infinity, this.now + limit);
    worker.phase = 'stopping';
    // SIGQUIT, where nobody handles it yet, would leave a core file.
    const signal = graceful || booting ? 'SIGTERM' : 'SIGQUIT';
    this.act({ type: 'stop', id: worker.id, graceful, signal });
  }

  /** SIGABRT first: Python leaves the stacks of its threads in the log. */
  abort(worker: MutableWorker, why: string): void {
    worker.aborted = true;
    this.log('critical', why);
    this.send(worker, 'SIGABRT');
  }

  kill(worker: MutableWorker, why: string): void {
    worker.killed = true;
    // One that never served had nothing to finish, and could not hear us while it imported.
    const level = worker.wasReady ? 'error' : 'info';
    this.log(level, `Worker (pid:${nameOf(worker)}) ${why}: killing it`);
    this.send(worker, 'SIGKILL');
  }
}
