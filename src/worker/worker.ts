// The entry file and composition root of a worker process, forked by the master: configured over IPC, it loads
// the app, accepts connections, says that it lives, and ends in order. Runs on the main thread, which is the
// event loop; the app is imported on it too, as under gunicorn, and after that it never waits for Python.
// It must never decide about other processes, and never end without its last log lines.

// First, because the imports of a module run in order and before its own statements.
import '../sigusr1.ts';
import { createHandler, type WsgiHandler } from '../bridge/handler.ts';
import { WsgiTsError } from '../errors.ts';
import { ProcessLogs } from '../bridge/process-logs.ts';
import { createLogger, type ProcessLogger } from '../log/logger.ts';
import { isMasterMessage, type WorkerConfiguration, type WorkerMessage } from '../messages.ts';
import { Acceptor } from './acceptor.ts';
import { startHeartbeat } from './heartbeat.ts';
import { openProtocols, type Protocols } from './protocols.ts';
import { Refusals } from './refusals.ts';
import { watchSignals, type WorkerOrder } from './worker-signals.ts';

/** A worker that is ready. */
interface Service {
  readonly handler: WsgiHandler;
  readonly protocols: Protocols;
  readonly acceptor: Acceptor;
}

/** One worker process, from its configuration to its exit. */
class Worker {
  #logger: ProcessLogger | undefined;
  #logs: ProcessLogs | undefined;
  #configuration: WorkerConfiguration | undefined;
  #service: Service | undefined;
  #phase: 'waiting' | 'loading' | 'serving' | 'stopping' = 'waiting';
  #stopWanted = false;
  /** The certificates became new while the app was being loaded. */
  #renewalMissed = false;
  /** Resolves when there is no time for anything any more. */
  readonly #hurry: Promise<void>;
  #hurried = false;
  #quicken: () => void = () => undefined;

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
    if (order === 'stop') this.stop(true);
    else if (order === 'quit') this.stop(false);
    else if (order === 'reopen-logs') this.#reopenLogs();
  }

  /** Loads the app and serves it; ends the process when that fails. */
  async run(configuration: WorkerConfiguration, reinstallSignals: () => void): Promise<void> {
    this.#phase = 'loading';
    this.#configuration = configuration;
    try {
      this.#openLogs(configuration);
      this.#logger?.info(`Booting worker with pid: ${process.pid}`);
      // The import may take long, and the event loop stands still meanwhile.
      await this.#logger?.drain();
      this.#service = await this.#load(configuration, reinstallSignals);
    } catch (error) {
      await this.#failed(error);
    }
    if (this.#renewalMissed) this.renewCertificates();
    this.#phase = 'serving';
    if (this.#stopWanted) {
      void this.#shutDown();
      return;
    }
    send({ type: 'ready' });
    startHeartbeat(send, () => ({
      requests: this.#service?.handler.served ?? 0,
      active: this.#service?.protocols.connections.active ?? 0,
    }));
  }

  /** Ends the process: after what is under way, or at once. A second call can only make it faster. */
  stop(graceful: boolean): void {
    this.#stopWanted = true;
    if (!graceful) this.#quicken();
    if (this.#phase === 'serving') void this.#shutDown();
    else if (this.#phase === 'waiting') process.exit(0);
  }

  /** The master is gone: nobody would restart this worker, or take its place. */
  orphaned(): void {
    if (this.#phase !== 'stopping') this.#logger?.error('The master is gone: stopping');
    this.stop(true);
  }

  /** A fault of the server's own. */
  crashed(error: unknown): void {
    this.#logger?.critical(`A fault in wsgi-ts itself ends this worker: ${stackOf(error)}`);
    this.#logs?.flushSync();
    process.exit(1);
  }

  #openLogs(configuration: WorkerConfiguration): void {
    this.#logs = new ProcessLogs(configuration.logs, true);
    this.#logger = this.#logs.logger;
  }

  async #load(configuration: WorkerConfiguration, reinstall: () => void): Promise<Service> {
    const logger = this.#logger ?? createLogger({ level: 'info', file: '-' });
    const { http: policy } = configuration;
    const { trust, deadlines, responseBuffer, limits } = policy;
    const { keepAlive } = configuration;
    const accessLog = this.#logs?.accessLog ?? null;
    const serverHeader = policy.serverHeader ? 'wsgi-ts' : null;
    const refusals = new Refusals(logger, accessLog, serverHeader);
    const { app, chdir, pythonpath, env, python, threads, timeout, argv } = configuration;
    const handler = await createHandler(app, {
      ...{ chdir, pythonpath, env, python, threads, timeout, argv, logger },
      accessLog,
      errorLogFile: configuration.logs.file,
      onPrepared: (interpreter) => {
        this.#logs?.enterPython(interpreter, { folders: [], role: 'worker' });
      },
      multiprocess: configuration.workers > 1,
      build: !configuration.noBuild,
      ownProcess: true,
      ...{ trust, deadlines, responseBuffer, serverHeader },
      limitRequestBody: limits.body,
      limitWaitingRequests: policy.waiting,
      onLost: (error) => {
        this.crashed(error);
      },
      onAnswer: () => {
        acceptor.answered();
      },
    });
    reinstall();
    const protocols = openProtocols({
      ...{ handler, policy, keepAlive, refusals, logger },
      onRequest: (socket) => {
        acceptor.requestBegan(socket);
      },
    });
    const { connections } = protocols;
    const acceptor = new Acceptor({
      listeners: configuration.listeners.map(({ fd }) => fd),
      backlog: configuration.backlog,
      load: () => handler.load,
      active: () => connections.active,
      full: () => connections.full,
      duplicate: (fd) => handler.duplicate(fd),
      onConnection: (socket) => {
        connections.accept(socket);
      },
      onError: (error) => {
        logger.error(`Connections can't be accepted: ${error.message}`);
      },
    });
    if (!this.#stopWanted) await acceptor.open();
    return { handler, protocols, acceptor };
  }

  async #failed(error: unknown): Promise<never> {
    // gunicorn's exit codes; anything else that keeps a worker from booting is a 3.
    const exitCode = error instanceof WsgiTsError && error.exitCode === 4 ? 4 : 3;
    this.#logger ??= createLogger({ level: 'info', file: '-' });
    this.#logger.error(describe(error));
    await this.#drainLogs();
    await new Promise<void>((resolve) => {
      send({ type: 'boot-failed', exitCode }, resolve);
    });
    process.exit(exitCode);
  }

  async #shutDown(): Promise<void> {
    const { handler, protocols, acceptor } = this.#service ?? {};
    const connections = protocols?.connections;
    if (this.#phase === 'stopping' || handler === undefined) return;
    this.#phase = 'stopping';
    const limit = (this.#configuration?.gracefulTimeout ?? 0) * 1000;
    const end = performance.now() + limit;
    const left = (): number => (this.#hurried ? 0 : Math.max(0, end - performance.now()));
    acceptor?.close();
    await Promise.race([connections?.stop(left()), this.#hurry]);
    if (this.#hurried) connections?.cutOff();
    const closed = handler.close(left() / 1000);
    // Who is told to hurry while a view runs on without its client doesn't wait for it.
    await (this.#hurried ? closed : Promise.race([closed, this.#hurry]));
    this.#logger?.info(`Worker exiting (pid: ${process.pid})`);
    await this.#drainLogs();
    // Python's threads may still run, and even hold the GIL: exit(3) ends them where they are.
    process.exit(0);
  }

  /** The master has checked the new files: connections from now on get them. */
  renewCertificates(): void {
    try {
      this.#service?.protocols.renewCertificates();
      this.#renewalMissed = this.#service === undefined;
      if (!this.#renewalMissed) this.#logger?.debug('New certificates are in use');
    } catch (error) {
      this.#logger?.error(describe(error));
    }
  }

  #reopenLogs(): void {
    try {
      this.#logs?.reopen();
    } catch (error) {
      this.#logger?.error(describe(error));
    }
    this.#service?.handler.reopenLogs();
  }

  async #drainLogs(): Promise<void> {
    await (this.#logs ?? this.#logger)?.drain();
    this.#logs?.flushSync();
  }
}

/** One log entry: what happened, what to do about it, and the person's own frames. */
function describe(error: unknown): string {
  if (!(error instanceof WsgiTsError)) return stackOf(error);
  const { message, remedy, traceback } = error;
  return [message, remedy, traceback].filter((part) => part !== undefined).join('\n');
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function send(message: WorkerMessage, done: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, done);
  else done(); // The master is gone; its 'disconnect' does the rest.
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
  else if (message.type === 'renew-certificates') worker.renewCertificates();
  else worker.stop(message.graceful);
});
