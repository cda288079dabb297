// The words of the arbiter: its state, the events it is told of, the actions it asks for, its constants.
// arbiter.ts decides in them, supervisor.ts translates them from and to processes. No rules, and nothing that acts.

import type { LogLevel } from '../messages.ts';
import type { MasterSignal } from './signals.ts';

/** What the arbiter must know of the settings. Times are milliseconds. */
export interface ArbiterSettings {
  readonly workers: number;
  /** Longest silence of a serving worker's event loop; 0: any. */
  readonly timeout: number;
  /** Longest time that a worker may take to load the app; 0: any. */
  readonly bootTimeout: number;
  /** How long workers may take to stop. */
  readonly gracefulTimeout: number;
  /** How long the server goes on serving when it was told to stop. */
  readonly drainDelay: number;
  /** Processors that workers may keep busy. Default: one for each. */
  readonly processors?: number;
  /** Whether the server runs as a daemon. */
  readonly daemonized?: boolean;
  /** Whether an app that can't be loaded is waited for (--reload), instead of ending the server. Default: no. */
  readonly reload?: boolean;
}

/**
 * A worker's life: `booting` (imports the app) → `ready` → `retiring` (serves until it is replaced) →
 * `stopping` (was told to) → gone. `failed`: the app could not be loaded, it is about to exit.
 */
export type Phase = 'booting' | 'ready' | 'retiring' | 'stopping' | 'failed';

/** A worker as the arbiter sees it. Times are those of events. */
export interface Worker {
  /** Counts up from 1: the lower, the older. */
  readonly id: number;
  /** Null until it has been started. */
  readonly pid: number | null;
  readonly phase: Phase;
  /** Which settings it was started with; see {@link ArbiterState.generation}. */
  readonly generation: number;
  readonly spawnedAt: number;
  /** When its event loop was last heard of. */
  readonly lastBeat: number;
  /** How often it was said that it is still importing. */
  readonly importNotices: number;
  /** Whether it shall reopen its logs as soon as it can be told. */
  readonly reopenLogs: boolean;
  /** Whether it was sent SIGABRT for its silence. */
  readonly aborted: boolean;
  /** When it is killed if it still runs. */
  readonly killAt: number | null;
  /** Whether it ever was ready. */
  readonly wasReady: boolean;
  /** Whether we sent it SIGKILL. */
  readonly killed: boolean;
  /** Requests that it has answered, as far as it has told. */
  readonly served: number;
}

/** One set of settings, and how many workers shall have them. */
export interface Generation {
  /** Counts up from 1. */
  readonly number: number;
  readonly settings: ArbiterSettings;
  readonly target: number;
}

/** Everything that the arbiter knows. */
export interface ArbiterState {
  readonly settings: ArbiterSettings;
  /** How many workers there should be: TTIN and TTOU change it; 0 after WINCH. */
  readonly target: number;
  /** A reload begins a new one. Workers of an older one serve until enough of the new one are ready. */
  readonly generation: number;
  /** The generation before, to go back to until a worker of the new one has been ready; null: it has. */
  readonly fallback: Generation | null;
  /** Oldest first. */
  readonly workers: readonly Worker[];
  readonly nextId: number;
  /** Whether any worker has ever been ready: the app can be loaded. With --reload taken for granted. */
  readonly everReady: boolean;
  /** Whether clients that ask for the server's health are told that it is well. */
  readonly healthy: boolean;
  /** Rounds of workers in a row that died before they were ready. */
  readonly crashes: number;
  /** How many workers are not spawned before `spawnAfter`. */
  readonly delayed: number;
  readonly spawnAfter: number;
  readonly lastTick: number;
  /** When a stop that was asked for begins; null: none was. */
  readonly drainUntil: number | null;
  /** What the server ends with, once it is stopping. */
  readonly stop: Stop | null;
  /** Requests that workers have answered which are gone. */
  readonly served: number;
  /** Requests that the stop cut off: how many, and what the first few of them were. */
  readonly cut: { readonly count: number; readonly requests: readonly string[] };
  readonly finished: boolean;
}

/** A stop that is under way. */
export interface Stop {
  readonly exitCode: number;
  readonly reason: string | null;
  readonly since: number;
}

/** The state before anything happened; the first event, a tick, spawns the workers. */
export function initialState(settings: ArbiterSettings, now: number): ArbiterState {
  return {
    settings,
    target: settings.workers,
    generation: 1,
    fallback: null,
    workers: [],
    nextId: 1,
    everReady: settings.reload ?? false,
    healthy: true,
    crashes: 0,
    delayed: 0,
    spawnAfter: 0,
    lastTick: now,
    drainUntil: null,
    stop: null,
    served: 0,
    cut: { count: 0, requests: [] },
    finished: false,
  };
}

/** gunicorn's exit codes for an app that can't be served. */
export type BootFailure = 3 | 4;

/** Something that happened, `now` (milliseconds of a clock that never goes back). `id` is a worker's. */
export type Event = { readonly now: number } & (
  | { readonly type: 'started'; readonly id: number; readonly pid: number }
  | { readonly type: 'ready'; readonly id: number }
  | { readonly type: 'boot-failed'; readonly id: number; readonly exitCode: BootFailure }
  | { readonly type: 'heartbeat'; readonly id: number; readonly requests: number }
  /** It asks to be replaced; `expected`: as the settings want it. */
  | {
      readonly type: 'retire';
      readonly id: number;
      readonly reason: string;
      readonly expected: boolean;
    }
  /** It is about to exit: what it has answered in its life, and what it had to cut off. */
  | {
      readonly type: 'ended';
      readonly id: number;
      readonly requests: number;
      readonly cut: readonly string[];
    }
  | {
      readonly type: 'exited';
      readonly id: number;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      /** Why there never was a process. */
      readonly failure?: string;
      /** Requests that it had when it died. */
      readonly lost?: readonly string[];
      /** Requests that it had answered, as far as can be told now. */
      readonly requests?: number;
      /** What is known of how it came to this: further lines of the log entry, each behind its line feed. */
      readonly record?: string;
    }
  /** New settings were found good, and what they need is there. */
  | { readonly type: 'reloaded'; readonly generation: number; readonly settings: ArbiterSettings }
  /** Files of the app have changed (--reload). */
  | { readonly type: 'changed'; readonly paths: readonly string[] }
  /**
   * Whoever has started the server is gone, as `why` says: a sentence with no full stop. `mayFinish`: whether a stop that
   * is under way may take its time.
   */
  | { readonly type: 'abandoned'; readonly why: string; readonly mayFinish: boolean }
  | { readonly type: 'tick' }
  | { readonly type: 'signal'; readonly signal: MasterSignal }
);

/** Something to do. */
export type Action =
  | { readonly type: 'spawn'; readonly id: number; readonly generation: number }
  /** Say so over IPC where that is there; else send the signal. */
  | {
      readonly type: 'stop';
      readonly id: number;
      readonly graceful: boolean;
      readonly signal: NodeJS.Signals;
      /** Milliseconds after which it is told to be quick, if it still runs then. */
      readonly hurryAfter?: number;
    }
  | { readonly type: 'signal'; readonly id: number; readonly signal: NodeJS.Signals }
  | { readonly type: 'reopen-logs' }
  /** Read the settings anew, and report `reloaded` if they are good. */
  | { readonly type: 'reload' }
  /** A worker of this generation is ready: what only older ones need is not needed any more. */
  | { readonly type: 'keep'; readonly generation: number }
  /** No worker of this generation could be booted: the one before goes on. */
  | { readonly type: 'discard'; readonly generation: number }
  /** Start another master with the same sockets (USR2). */
  | { readonly type: 'upgrade' }
  /** What clients are told that ask for the server's health. */
  | { readonly type: 'health'; readonly healthy: boolean; readonly draining: boolean }
  | { readonly type: 'close-listeners' }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string }
  | { readonly type: 'finish'; readonly exitCode: number };

/** gunicorn's words for the reasons of its exit codes 3 and 4. */
export const bootFailures: Readonly<Record<BootFailure, string>> = {
  3: 'Worker failed to boot.',
  4: 'App failed to load.',
};

/** Milliseconds between two ticks. */
export const tickEvery = { running: 1000, changing: 100 } as const;
/** Milliseconds for which a worker that boots is taken to keep a processor busy. */
export const busyBoot = 400;
/** Milliseconds that workers have left after a second INT or QUIT; gunicorn's. */
export const quickStopLimit = 2000;
/** Milliseconds that workers get when whoever has started the server is gone: all is over within a second. */
export const abandonedLimit = 400;
/** Milliseconds that a worker which serves nobody yet gets to stop. */
export const bootStopLimit = 1000;
/** Milliseconds that a worker gets to finish what it runs when its app's files have changed. */
export const staleLimit = 1000;
/** Milliseconds between two lines that say a worker is still importing. */
export const importNoticeEvery = 30_000;
/** Crashes in a row from which on the server calls itself unwell. */
export const unwellAfter = 2;

/** Milliseconds to wait after the `crashes`-th crash in a row: 1 s, 2 s, 4 s … 30 s. */
export function backoff(crashes: number): number {
  return Math.min(30_000, 1000 * 2 ** (crashes - 1));
}

/** Whether workers come or go, or should. */
export function isChanging({ stop, workers, target }: ArbiterState): boolean {
  return stop !== null || workers.length < target;
}
