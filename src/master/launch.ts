// Who waits for the server, and what they are told: that it serves, and where; that it can't, and why; how a reload went.
// One mechanism for all of them: the channel to the program that has started it (parent-channel.ts), --ready-fd and
// --ready-file (readiness.ts). Made by the command, used by master.ts on the master's main thread. What is to be told
// follows from the arbiter's states; it must never decide anything.

import { reportOf } from '../error-report.ts';
import type { ErrorReport } from '../error-report.ts';
import type { Generation } from './generation.ts';
import type { ParentChannel } from './parent-channel.ts';
import type { ArbiterState } from './supervision.ts';

/** Somebody who waits for the server. No call may throw. */
export interface Waiting {
  /** A worker serves at these addresses; said again when they change. */
  serving(urls: readonly string[], patience: number): void;
}

/** Tells them. */
export class Launch {
  readonly channel: ParentChannel | null;
  readonly #waiting: Waiting[];
  /** The addresses that were told of; null: none yet. */
  #told: string | null = null;
  /** The generation that a reload has begun and not brought to its end. */
  #reloading: number | null = null;
  /** Why the last worker of this start, or of this reload, could not load the app. */
  #bootFailure: ErrorReport | null = null;

  constructor(channel: ParentChannel | null) {
    this.channel = channel;
    this.#waiting = channel === null ? [] : [channel];
  }

  /** Somebody else is to be told. */
  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Tells what follows from a new state, of which `current` is the generation. */
  observe(state: ArbiterState, current: Pick<Generation, 'listeners' | 'settings'>): void {
    const { workers, generation, fallback, target, stop } = state;
    if (stop !== null || fallback !== null) return;
    const ready = workers.filter(
      (worker) => worker.phase === 'ready' && worker.generation === generation,
    );
    const urls = current.listeners.map(({ url }) => url);
    if (ready.length > 0 && this.#told !== urls.join()) {
      this.#told = urls.join();
      const { gracefulTimeout, drainDelay } = current.settings;
      for (const waiting of this.#waiting) waiting.serving(urls, gracefulTimeout + drainDelay);
    }
    const isOver = workers.every((worker) => worker.generation === generation);
    if (this.#reloading !== generation || !isOver || ready.length < target) return;
    this.#reloading = null;
    this.channel?.reloaded(null);
  }

  /** A worker could not load the app. */
  bootFailed(error: ErrorReport): void {
    this.#bootFailure = error;
  }

  /** The workers of a reload are about to be started. */
  reloading(generation: number): void {
    this.#reloading = generation;
    this.#bootFailure = null;
  }

  /** A reload came to nothing before any worker was started. */
  reloadFailed(error: unknown): void {
    this.channel?.reloaded(reportOf(error, 'ERR_WSGI_RELOAD'));
  }

  /** A reload was given up, since none of its workers could be started. */
  discarded(): void {
    this.#reloading = null;
    this.channel?.reloaded(this.#bootFailure ?? noWorker('ERR_WSGI_RELOAD', 3));
  }

  /** The server can't start. Resolves when that was told. */
  async failed(error: unknown): Promise<void> {
    await this.channel?.failed(reportOf(error, 'ERR_WSGI_START'));
  }

  /** The server ends because no worker could be started. */
  async bootless(exitCode: number): Promise<void> {
    await this.channel?.failed(this.#bootFailure ?? noWorker('ERR_WSGI_START', exitCode));
  }
}

/** A worker that died without a word. */
function noWorker(code: string, exitCode: number): ErrorReport {
  return {
    ...{ code, blame: 'application', message: 'No worker could be started', exitCode },
    remedy: 'The error log (--error-logfile) says why; so does wsgi-ts --check-config.',
  };
}
