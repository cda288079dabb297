// Whoever has started the server or waits for it, and what they are told: that it serves, and where; that it can't, and why;
// how a reload went. One mechanism for all of them: the channel to a program (parent-channel.ts), --ready-fd and --ready-file
// (readiness.ts), and a package manager, of which is heard only that it is gone (ancestors.ts). Made by the command before it
// reads anything, used by master.ts, on the master's main thread. What is told follows from the arbiter's states; it must
// never decide anything.

import { reportOf } from '../error-report.ts';
import type { ErrorReport } from '../error-report.ts';
import { noWatch, watchAncestors, type AncestorWatch } from './ancestors.ts';
import type { Generation } from './generation.ts';
import { ParentChannel } from './parent-channel.ts';
import type { ChannelSource, ParentOrders, Starter } from './parent-channel.ts';
import type { ArbiterState } from './supervision.ts';
import { isSuccessor } from './upgrade.ts';

/** Somebody who waits for the server. No call may throw. */
export interface Recipient {
  /** A worker serves at these addresses; said again when they change. */
  serving(urls: readonly string[], patience: number): void;
}

/** Hears and tells them. */
export class Launch {
  readonly #channel: ParentChannel | null;
  readonly #watch: AncestorWatch;
  readonly #recipients: Recipient[];
  #orders: ParentOrders;
  #gone: Parameters<ParentOrders['gone']> | null = null;
  /** The addresses that were told of; null: none yet. */
  #told: string | null = null;
  /** The generation that a reload has begun and not brought to its end. */
  #reloading: number | null = null;
  /** Why the last worker of this start, or of this reload, could not load the app. */
  #bootFailure: ErrorReport | null = null;

  /** Begins to listen, and takes out of the environment what was meant for the server alone. */
  constructor(source: ChannelSource, env: NodeJS.ProcessEnv) {
    this.#orders = {
      reload: () => undefined,
      drainLogs: () => Promise.resolve(),
      // Until the master listens: what interrupts the start of a server in a terminal does so here.
      gone: () => source.kill(source.pid, 'SIGTERM'),
    };
    const gone = (...facts: Parameters<ParentOrders['gone']>): void => {
      this.#gone = facts;
      this.#orders.gone(...facts);
    };
    const reload = (): void => {
      this.#orders.reload();
    };
    const drainLogs = (): Promise<void> => this.#orders.drainLogs();
    this.#channel = ParentChannel.open(source, env, { reload, drainLogs, gone });
    // A daemon and a second master outlive whoever has started them.
    const isAlone = this.starter === 'daemon' || isSuccessor(env);
    this.#watch = isAlone
      ? noWatch
      : watchAncestors(env, (why) => {
          gone(why, true);
        });
    this.#recipients = this.#channel === null ? [] : [this.#channel];
  }

  /** Who has started this process and talks to it; null: nobody does. */
  get starter(): Starter | null {
    return this.#channel?.starter ?? null;
  }

  /** Whether whoever has started this process is gone: nobody reads its last words. */
  get isAbandoned(): boolean {
    return this.#gone !== null;
  }

  /** Whether a package manager is watched, for the log. */
  get watch(): string {
    return this.#watch.description;
  }

  /** From now on it is told so. */
  listen(orders: ParentOrders): void {
    this.#orders = orders;
    if (this.#gone !== null) orders.gone(...this.#gone);
  }

  /** Ends the listening. */
  close(): void {
    this.#watch.stop();
    this.#orders = {
      reload: () => undefined,
      drainLogs: () => Promise.resolve(),
      gone: () => undefined,
    };
  }

  /** Somebody else is to be told, before whoever is told already. */
  add(recipient: Recipient): void {
    this.#recipients.unshift(recipient);
  }

  /** Tells that the server serves, and for how many seconds a stop may take. */
  serving(urls: readonly string[], patience: number): void {
    for (const recipient of this.#recipients) recipient.serving(urls, patience);
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
      this.serving(urls, gracefulTimeout + drainDelay);
    }
    const isOver = workers.every((worker) => worker.generation === generation);
    if (this.#reloading !== generation || !isOver || ready.length < target) return;
    this.#reloading = null;
    this.#channel?.reloaded(null);
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
    this.#channel?.reloaded(reportOf(error, 'ERR_WSGI_RELOAD'));
  }

  /** A reload was given up, since none of its workers could be started. */
  discarded(): void {
    this.#reloading = null;
    this.#channel?.reloaded(this.#bootFailure ?? noWorker('ERR_WSGI_RELOAD', 3));
  }

  /** The server can't start: its log says why or, `isReported`, the command does. Resolves when that was told. */
  async failed(error: unknown, isReported: boolean): Promise<void> {
    await this.#channel?.failed(reportOf(error, 'ERR_WSGI_START'), isReported);
  }

  /** The server ends because no worker could be started. */
  async bootless(exitCode: number): Promise<void> {
    await this.#channel?.failed(this.#bootFailure ?? noWorker('ERR_WSGI_START', exitCode), false);
  }
}

/** A worker that died without a word. */
function noWorker(code: string, exitCode: number): ErrorReport {
  return {
    ...{ code, blame: 'application', message: 'No worker could be started', exitCode },
    remedy: 'The error log (--error-logfile) says why; so does wsgi-ts --check-config.',
  };
}
