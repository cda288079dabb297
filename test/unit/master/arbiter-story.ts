// A server's life for the arbiter's tests, told event by event: no process is started.

import { decide } from '../../../src/master/arbiter.ts';
import { initialState } from '../../../src/master/supervision.ts';
import type { Action, ArbiterState, Event } from '../../../src/master/supervision.ts';

/** An event without its time, which the story knows. */
export type Untimed = Event extends infer E ? (E extends Event ? Omit<E, 'now'> : never) : never;

/** A server in a test: it remembers the state, numbers pids 100 + id and collects what was to be done. */
export class Story {
  state: ArbiterState;
  now = 1000;
  actions: readonly Action[] = [];

  constructor(workers = 2, timeout = 30_000, gracefulTimeout = 10_000, more = {}) {
    const settings = { workers, timeout, gracefulTimeout, bootTimeout: 0, drainDelay: 0, ...more };
    this.state = initialState(settings, this.now);
    this.happens({ type: 'tick' });
  }

  happens(event: Untimed): this {
    const decision = decide(this.state, { ...event, now: this.now });
    this.state = decision.state;
    this.actions = decision.actions;
    for (const action of decision.actions) {
      if (action.type !== 'spawn') continue;
      const started = {
        type: 'started',
        id: action.id,
        pid: 100 + action.id,
        now: this.now,
      } as const;
      this.state = decide(this.state, started).state;
    }
    return this;
  }

  /** Lets time pass in ticks of a second. */
  passes(seconds: number): this {
    const done: Action[] = [];
    for (let second = 0; second < seconds; second++) {
      this.now += 1000;
      this.happens({ type: 'tick' });
      done.push(...this.actions);
    }
    this.actions = done;
    return this;
  }

  ready(...ids: number[]): this {
    for (const id of ids) this.happens({ type: 'ready', id });
    return this;
  }

  exits(id: number, code: number | null = 0, signal: NodeJS.Signals | null = null): this {
    return this.happens({ type: 'exited', id, code, signal });
  }

  spawned(): number[] {
    return this.actions.flatMap((action) => (action.type === 'spawn' ? [action.id] : []));
  }

  logged(): string[] {
    return this.actions.flatMap((action) =>
      action.type === 'log' ? [`${action.level}: ${action.message}`] : [],
    );
  }

  sent(): [number, NodeJS.Signals][] {
    return this.actions.flatMap((action): [number, NodeJS.Signals][] =>
      action.type === 'stop' || action.type === 'signal' ? [[action.id, action.signal]] : [],
    );
  }

  finish(): number | undefined {
    return this.actions.find((action) => action.type === 'finish')?.exitCode;
  }
}
