// The arbiter's hands and ears: starts the workers, tells the arbiter of everything that happens, and performs what
// it decides. Made by master.ts, on the master's main thread. Here alone is the clock of supervision. It must
// never decide anything, nor wait for anything but events.

import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Interpreter } from '../bridge/interpreter.ts';
import type { ErrorReport } from '../error-report.ts';
import type { ProcessLogger } from '../log/logger.ts';
import { decide } from './arbiter.ts';
import { arbiterSettings } from './generation.ts';
import type { Generation } from './generation.ts';
import type { MasterHooks } from './hooks.ts';
import type { Listener } from './listeners.ts';
import type { OutputRelays } from './output-relay.ts';
import { LifeRecord, settle } from './post-mortem.ts';
import { Sealing } from './sealing.ts';
import type { MasterSignal } from './signals.ts';
import { initialState, isChanging, tickEvery } from './supervision.ts';
import type { Action, ArbiterState, Event } from './supervision.ts';
import { WorkerHandle } from './worker-handle.ts';

/** Milliseconds that an order waits for the log, at most: nobody may be reading it. */
const logPatience = 100;

/** What {@link Supervisor} needs. */
export interface SupervisorOptions {
  /** The program of a worker. */
  readonly worker: URL;
  readonly logger: ProcessLogger;
  readonly interpreter: Interpreter;
  readonly relays: OutputRelays;
  readonly hooks: MasterHooks;
  /** Is told of every new state, and of the generation that it wants to serve. */
  readonly observe: (state: ArbiterState, current: Generation) => void;
  /** Is told why a worker could not load the app. */
  readonly onBootFailure: (error: ErrorReport) => void;
  /** Opens the log files anew. */
  readonly reopenLogs: () => void;
  /** Is told how many workers there are. */
  readonly workers: (count: number) => void;
  /** Reads settings anew, and reports a generation by {@link Supervisor.begin}. */
  readonly reload: () => void;
  /** The generation that serves once another one was given up. */
  readonly onGoBack: (generation: Generation) => void;
  /** Starts a second master with these sockets. */
  readonly upgrade: (listeners: readonly Listener[]) => void;
  /** Whether another master has the sockets too: then their queues are also its. */
  readonly isShared: () => boolean;
  /** Called when a reload is over: its first worker serves, or it was given up. */
  readonly onReloaded: () => void;
  /** Called when a stop begins. */
  readonly onStop: () => void;
  /** Called at each tick. */
  readonly onTick: () => void;
  /** Gets the exit code when no worker is left. */
  readonly finish: (exitCode: number) => void;
}

/** An event as it is reported; the clock is read here. */
type EventWithoutTime = Event extends infer E ? (E extends Event ? Omit<E, 'now'> : never) : never;

/** Keeps the arbiter's orders. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #handles = new Map<number, WorkerHandle>();
  /** Those of which there are workers, or may be. */
  readonly #generations = new Map<number, Generation>();
  #state: ArbiterState;
  #timer: NodeJS.Timeout | undefined;
  readonly #sealing: Sealing;

  /** Starts the workers of the first generation. */
  constructor(first: Generation, options: SupervisorOptions) {
    this.#options = options;
    this.#sealing = new Sealing(options.interpreter, options.isShared);
    this.#generations.set(first.number, first);
    this.#state = initialState(arbiterSettings(first.settings), performance.now());
    // Whoever makes this needs it before anything happens.
    queueMicrotask(() => {
      this.#tick();
    });
  }

  /** The sockets that are open, each once. */
  get listeners(): Listener[] {
    const all = [...this.#generations.values()].flatMap(({ listeners }) => listeners);
    const byId = new Map(all.map((listener) => [listener.id, listener]));
    return [...byId.values()].filter(({ id }) => !this.#sealing.hasEnded(id));
  }

  /** Whoever has started the server is gone: nobody waits for it, and nobody would end it. */
  abandoned(why: string, mayFinish: boolean): void {
    this.#happened({ type: 'abandoned', why, mayFinish });
  }

  /** To be told of every signal. */
  readonly signal = (signal: MasterSignal): void => {
    this.#happened({ type: 'signal', signal });
  };

  /** Files of the app have changed (--reload). */
  readonly changed = (paths: readonly string[]): void => {
    this.#happened({ type: 'changed', paths });
  };

  /** Replaces the workers by those of a new generation. */
  begin(generation: Generation): void {
    this.#generations.set(generation.number, generation);
    const settings = arbiterSettings(generation.settings);
    this.#happened({ type: 'reloaded', generation: generation.number, settings });
    this.#forget();
  }

  /** Resolves when all that the server has logged so far is written. */
  readonly drainLogs = async (): Promise<void> => {
    await Promise.all([...this.#handles.values()].map((handle) => handle.drainLogs()));
    await this.#options.logger.drain();
  };

  #happened(event: EventWithoutTime): void {
    const { target } = this.#state;
    const decision = decide(this.#state, { ...event, now: performance.now() });
    this.#state = decision.state;
    this.#options.observe(this.#state, this.#current());
    if (this.#state.target !== target) {
      this.#options.hooks.workersChanged(this.#state.target, target);
    }
    for (const action of decision.actions) {
      try {
        this.#perform(action);
      } catch (error) {
        // Whatever it is, the workers serve on.
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#options.logger.critical(`A fault in wsgi-ts itself (${action.type}): ${why}`);
      }
    }
  }

  #tick(): void {
    this.#happened({ type: 'tick' });
    if (this.#state.finished) return;
    this.#options.onTick();
    this.#tickIn(isChanging(this.#state) ? tickEvery.changing : tickEvery.running);
  }

  #tickIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#tick();
    }, milliseconds);
  }

  #perform(action: Action): void {
    const { logger, reload, upgrade, finish } = this.#options;
    switch (action.type) {
      case 'spawn':
        this.#spawn(action.id, action.generation);
        return;
      case 'stop':
        void this.#stopBehindLog(action);
        return;
      case 'signal':
        this.#handles.get(action.id)?.signal(action.signal);
        return;
      case 'reopen-logs':
        this.#options.reopenLogs();
        return;
      case 'reload':
        reload();
        return;
      case 'keep':
        this.#options.onReloaded();
        this.#keep(action.generation);
        return;
      case 'discard':
        this.#options.onReloaded();
        this.#discard(action.generation);
        return;
      case 'upgrade':
        upgrade(this.#current().listeners);
        return;
      case 'health':
        for (const handle of this.#handles.values())
          handle.sayHealth(action.healthy, action.draining);
        return;
      case 'close-listeners':
        this.#options.onStop();
        this.#sealing.endAll(this.#generations.values());
        // The end is near: look more often.
        this.#tickIn(tickEvery.changing);
        return;
      case 'log':
        logger.log(action.level, action.message);
        return;
      case 'finish':
        clearTimeout(this.#timer);
        finish(action.exitCode);
        return;
    }
  }

  #spawn(id: number, number: number): void {
    const generation = this.#generation(number);
    const { settings, configuration } = generation;
    const { worker: script, interpreter, relays, hooks } = this.#options;
    const refused = (event: EventWithoutTime): void => {
      this.#happened(event);
    };
    if (!hooks.preFork(id, refused)) return;
    let journalFd: number;
    try {
      journalFd = interpreter.call('sockets', 'memory_file', 'wsgi-ts journal') as number;
    } catch (error) {
      // No descriptors left, no memory: the servers that run must not end for it.
      const failure = error instanceof Error ? error.message : String(error);
      setImmediate(refused, { type: 'exited', id, code: null, signal: null, failure });
      return;
    }
    const record = new LifeRecord();
    let inOrder = false;
    const handle = new WorkerHandle({
      script,
      configuration: hooks.configured(configuration, settings, id),
      listenerFds: generation.listeners.map(({ fd }) => fd),
      relays,
      journalFd,
      makePipe: () => interpreter.call('sockets', 'pipe') as unknown as [number, number],
      onMessage: (message) => {
        inOrder ||= message.type === 'ended';
        if (message.type === 'boot-failed') this.#options.onBootFailure(message.error);
        if (message.type === 'heartbeat') record.beat(message.requests, message.memory);
        this.#happened({ ...message, id });
      },
      onExit: (exit) => {
        this.#handles.delete(id);
        this.#options.workers(this.#handles.size);
        hooks.childExit(id, exit);
        const journal = inOrder ? null : journalFd;
        const estate = settle(record, journal, configuration.logs, handle.pid ?? 0);
        closeSync(journalFd);
        this.#happened({ type: 'exited', id, ...exit, ...estate });
        this.#forget();
      },
    });
    this.#handles.set(id, handle);
    this.#options.workers(this.#handles.size);
    hooks.forked(id, handle.pid);
    if (handle.pid !== undefined) this.#happened({ type: 'started', id, pid: handle.pid });
  }

  /** Workers write to the same place as the master: why they stop comes before what they say of it. */
  async #stopBehindLog(order: Action & { readonly type: 'stop' }): Promise<void> {
    const { id, graceful, signal, hurryAfter } = order;
    const handle = this.#handles.get(id);
    const number = this.#state.workers.find((worker) => worker.id === id)?.generation ?? 0;
    await Promise.race([
      this.#options.logger.drain(),
      sleep(logPatience, undefined, { ref: false }),
    ]);
    const sealed = this.#sealing.indices(this.#generations.get(number)?.listeners ?? []);
    handle?.stop({ graceful, signal, sealed });
    if (hurryAfter === undefined) return;
    const quick = { graceful: false, signal: 'SIGQUIT', sealed } as const;
    setTimeout(() => handle?.stop(quick), hurryAfter).unref();
  }

  #current(): Generation {
    return this.#generation(this.#state.generation);
  }

  #generation(number: number): Generation {
    const generation = this.#generations.get(number);
    if (generation === undefined) throw new Error(`generation ${number} is gone`);
    return generation;
  }

  /** Addresses that only older generations had go: their workers, which still serve, empty the queues. */
  #keep(number: number): void {
    this.#sealing.endOthers(this.#generations.values(), [this.#generation(number)]);
    this.#options.logger.debug('New settings and code are in use');
  }

  /** Addresses that only this generation had go. */
  #discard(number: number): void {
    this.#sealing.endOthers([this.#generation(number)], [this.#current()]);
    this.#options.onGoBack(this.#current());
  }

  /** Generations without workers that will never have any again. */
  #forget(): void {
    const { generation, fallback, workers } = this.#state;
    const needed = new Set([generation, fallback?.number, ...workers.map((one) => one.generation)]);
    const gone = [...this.#generations.values()].filter(({ number }) => !needed.has(number));
    for (const { number } of gone) this.#generations.delete(number);
    // One that another reload has overtaken may have had addresses of its own.
    this.#sealing.endOthers(gone, [...this.#generations.values()]);
  }
}
