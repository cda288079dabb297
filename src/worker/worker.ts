// The entry file and composition root of a worker process, forked by the master: configured over IPC, it loads
// the app, accepts connections, says that it lives, and ends in order. Runs on the main thread, which is the
// event loop; the app is imported on it too, as under gunicorn, and after that it never waits for Python.
// It must never decide about other processes, and never end without its last log lines.

// First, because the imports of a module run in order and before its own statements.
import '../sigusr1.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WsgiHandler } from '../bridge/handler-options.ts';
import { reportOf } from '../error-report.ts';
import { inWords, WsgiTsError } from '../errors.ts';
import { ProcessLogs } from '../bridge/process-logs.ts';
import { createLogger, type ProcessLogger } from '../log/logger.ts';
import { isMasterMessage, type WorkerConfiguration, type WorkerMessage } from '../messages.ts';
import { startHeartbeat } from './heartbeat.ts';
import { assumeIdentity } from './identity.ts';
import { WorkerHooks } from './hooks.ts';
import { recycler } from './recycler.ts';
import { openService, type Service } from './service.ts';
import { watchSignals, type WorkerOrder } from './worker-signals.ts';

/**
 * Milliseconds that a SIGTERM waits for the master's word: who signals a whole group of processes has the master
 * stop the server, and it says more than a signal can.
 */
const signalPatience = 250;
/** Milliseconds that whoever reads our output gets to take the last of it, as in the master. */
const lastWords = 2000;
/** Milliseconds after which a request that was answered with 504 has its thread for good. */
const rescueLimit = 3000;

/** One worker process, from its configuration to its exit. */
class Worker {
  #logger: ProcessLogger | undefined;
  #logs: ProcessLogs | undefined;
  #configuration: WorkerConfiguration | undefined;
  #service: Service | undefined;
  #hooks: WorkerHooks | undefined;
  #phase: 'waiting' | 'loading' | 'serving' | 'stopping' = 'waiting';
  #stopWanted = false;
  #retiring = false;
  readonly #health = { healthy: true };
  #draining = false;
  /** Requests that a stop cut off, each as the log may show it. */
  readonly #cut: string[] = [];
  /** Resolves when there is no time for anything any more. */
  readonly #hurry: Promise<void>;
  #hurried = false;
  #quicken: () => void = () => undefined;
  #isDue: ReturnType<typeof recycler> = () => null;

  constructor() {
    this.#hurry = new Promise((resolve) => {
      this.#quicken = () => {
        this.#hurried = true;
        resolve();
      };
    });
  }

  /** Does what a signal asks. */
  obey(order: WorkerOrder): void {
    if (order === 'stop') this.#stopSoon();
    else if (order === 'quit') this.stop(false);
    else if (order === 'reopen-logs') this.#reopenLogs();
  }

  /** Loads the app and serves it; ends the process when that fails. */
  async run(configuration: WorkerConfiguration, reinstallSignals: () => void): Promise<void> {
    this.#phase = 'loading';
    this.#configuration = configuration;
    try {
      const logs = this.#openLogs(configuration);
      const { logger } = logs;
      await assumeIdentity(configuration);
      logger.info(`Booting worker with pid: ${process.pid}`);
      // The import may take long, and the event loop stands still meanwhile.
      await logger.drain();
      this.#hooks = new WorkerHooks(configuration, logger);
      this.#isDue = recycler(configuration.recycling, Math.random);
      this.#service = await openService(configuration, {
        ...{ logger, logs },
        health: this.#health,
        hooks: this.#hooks,
        withoutApp: (error) => this.#withoutApp(error, configuration),
        reinstallSignals,
        onAnswer: () => {
          if (configuration.recycling.requests > 0) this.#review(0);
        },
        onCutOff: (requests) => {
          this.#cut.push(...requests);
        },
        onLost: (error) => {
          this.crashed(error);
        },
      });
      if (!this.#stopWanted) await this.#service.acceptor.open();
    } catch (error) {
      await this.#failed(error);
      return;
    }
    this.#phase = 'serving';
    if (this.#stopWanted) {
      void this.#shutDown([]);
      return;
    }
    send({ type: 'ready' });
    const { handler, connections } = this.#service;
    startHeartbeat(send, () => {
      const memory = process.memoryUsage.rss();
      this.#review(memory);
      return { requests: handler.served, active: connections.active, memory };
    });
  }

  /**
   * Ends the process: after what is under way, or at once. A second call can only make it faster.
   *
   * @param sealed - indices of the listeners that take no new connections: their queues are emptied
   */
  stop(graceful: boolean, sealed: readonly number[] = []): void {
    this.#stopWanted = true;
    if (!graceful) this.#hooks?.interrupted();
    if (!graceful) this.#quicken();
    if (this.#phase === 'serving') void this.#shutDown(sealed);
    else if (this.#phase === 'waiting') process.exit(0);
  }

  /** Takes over what health checks are to be told. */
  sayHealth(healthy: boolean, draining: boolean): void {
    this.#health.healthy = healthy;
    this.#draining = draining;
  }

  /** The master is gone: nobody would restart this worker, or take its place. */
  orphaned(): void {
    if (this.#phase !== 'stopping') this.#logger?.error('The master is gone: stopping');
    this.stop(true);
  }

  /** Tells the master when all that was logged so far is written. */
  async sayLogsDrained(): Promise<void> {
    await this.#drainLogs();
    send({ type: 'logs-drained' });
  }

  #stopSoon(): void {
    if (!process.connected || this.#phase !== 'serving') this.stop(true);
    else
      setTimeout(() => {
        if (!this.#draining || !process.connected) this.stop(true);
      }, signalPatience);
  }

  /** Asks for a replacement where one is due. */
  #review(memory: number): void {
    if (this.#service === undefined || this.#retiring || this.#phase !== 'serving') return;
    const { handler } = this.#service;
    const due = this.#isDue({ requests: handler.served, age: performance.now(), memory });
    const stuck = handler.stuck(rescueLimit);
    if (due === null && stuck === 0) return;
    this.#retiring = true;
    const reason = due ?? `${stuck} of its threads can't be freed from requests that took too long`;
    send({ type: 'retire', reason, expected: due !== null });
  }

  /** A fault of the server's own. */
  crashed(error: unknown): void {
    this.#logger?.critical(`A fault in wsgi-ts itself ends this worker: ${stackOf(error)}`);
    this.#logs?.flushSync();
    process.exit(1);
  }

  #openLogs(configuration: WorkerConfiguration): ProcessLogs {
    let logs: ProcessLogs;
    try {
      logs = new ProcessLogs(configuration.logs, true);
    } catch (error) {
      // The master could open them: since then their folder is gone. Serving without a log is better than not serving.
      logs = new ProcessLogs({ ...configuration.logs, file: '-', accessFile: null }, true);
      logs.logger.error(inWords(error));
    }
    this.#logs = logs;
    this.#logger = logs.logger;
    return logs;
  }

  /** With --reload requests are answered with why the app can't be loaded; else, and for all else, `error` stays one. */
  async #withoutApp(error: unknown, configuration: WorkerConfiguration): Promise<WsgiHandler> {
    const isTheirs = error instanceof WsgiTsError && error.blame === 'application';
    if (!configuration.reload || !isTheirs) throw error;
    this.#logger?.error(inWords(error));
    const { standInFor } = await import('./failure-handler.ts');
    return standInFor(error, configuration, this.#logs?.accessLog ?? null);
  }

  async #failed(error: unknown): Promise<never> {
    // gunicorn's exit codes; anything else that keeps a worker from booting is a 3.
    const exitCode = error instanceof WsgiTsError && error.exitCode === 4 ? 4 : 3;
    this.#logger ??= createLogger({ level: 'info', file: '-' });
    this.#logger.error(inWords(error));
    this.#hooks?.exiting(0);
    await this.#drainLogs();
    const report = { ...reportOf(error, 'ERR_WSGI_START'), exitCode };
    await sendAll({ type: 'boot-failed', exitCode, error: report });
    process.exit(exitCode);
  }

  async #shutDown(sealed: readonly number[]): Promise<void> {
    if (this.#phase === 'stopping' || this.#service === undefined) return;
    this.#phase = 'stopping';
    const { handler, connections, acceptor } = this.#service;
    const limit = (this.#configuration?.gracefulTimeout ?? 0) * 1000;
    const end = performance.now() + limit;
    const left = (): number => (this.#hurried ? 0 : Math.max(0, end - performance.now()));
    if (this.#hurried || sealed.length === 0) acceptor.close();
    else {
      connections.drain();
      await Promise.race([acceptor.drain(sealed), this.#hurry]);
      acceptor.close();
    }
    await Promise.race([connections.stop(left()), this.#hurry]);
    if (this.#hurried) connections.cutOff();
    // Every request is answered or cut off; what comes now may be too long for the master's patience.
    await sendAll({ type: 'ended', requests: handler.served, cut: this.#cut });
    const closed = handler.close(left() / 1000);
    // Who is told to hurry while a view runs on without its client doesn't wait for it.
    await (this.#hurried ? closed : Promise.race([closed, this.#hurry]));
    this.#logger?.info(`Worker exiting (pid: ${process.pid})`);
    await this.#drainLogs();
    // Python's threads may still run, and even hold the GIL: exit(3) ends them where they are.
    process.exit(0);
  }

  #reopenLogs(): void {
    try {
      this.#logs?.reopen();
    } catch (error) {
      this.#logger?.error(inWords(error));
    }
    this.#service?.handler.reopenLogs();
  }

  async #drainLogs(): Promise<void> {
    const drained = (this.#logs ?? this.#logger)?.drain().then(() => true);
    // Nobody may be reading: then whatever is written without a thread would wait for ever.
    const isOver = await Promise.race([drained, sleep(lastWords, false, { ref: false })]);
    if (isOver !== false) this.#logs?.flushSync();
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function send(message: WorkerMessage, done: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, done);
  else done(); // The master is gone; its 'disconnect' does the rest.
}

/** Resolves when the message is on its way: the process may end. */
function sendAll(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => {
    send(message, resolve);
  });
}

const worker = new Worker();
const reinstallSignals = watchSignals(process, (order) => {
  worker.obey(order);
});
process.on('uncaughtException', (error) => {
  worker.crashed(error);
});
process.on('disconnect', () => {
  worker.orphaned();
});
process.on('message', (message) => {
  if (!isMasterMessage(message)) return;
  if (message.type === 'configure') void worker.run(message.configuration, reinstallSignals);
  else if (message.type === 'drain-logs') void worker.sayLogsDrained();
  else if (message.type === 'health') worker.sayHealth(message.healthy, message.draining);
  else worker.stop(message.graceful, message.sealed);
});
