// What a worker is made of once its app is loaded: the handler, the servers that speak the protocols, and the gate that
// takes connections. Put together here for worker.ts, on the event loop's thread; the app is imported on it, too.
// It only composes: when connections are taken, and when all of it ends, is the worker's to say.

import { loadHandler } from '../bridge/handler.ts';
import type { AppHooks, WsgiHandler } from '../bridge/handler-options.ts';
import type { ProcessLogs } from '../bridge/process-logs.ts';
import { JournalWriter } from '../log/journal.ts';
import type { Logger } from '../log/logger.ts';
import type { WorkerConfiguration } from '../messages.ts';
import { Acceptor } from './acceptor.ts';
import type { Connections } from './connections.ts';
import type { Health } from './health.ts';
import { openProtocols } from './protocols.ts';
import { Refusals } from './refusals.ts';

/** A worker that is ready. */
export interface Service {
  readonly handler: WsgiHandler;
  readonly connections: Connections;
  readonly acceptor: Acceptor;
}

/** What {@link openService} needs from the worker. */
export interface ServiceOptions {
  readonly logger: Logger;
  readonly logs: ProcessLogs;
  readonly health: Health;
  readonly hooks: AppHooks;
  /** Stands in for an app that can't be loaded, or throws. */
  readonly withoutApp: (error: unknown) => Promise<WsgiHandler>;
  /** Puts the worker's signal handlers back: the app, or Python itself, may have replaced them. */
  readonly reinstallSignals: () => void;
  /** Python has answered. */
  readonly onAnswer: () => void;
  /** Requests (escaped for the log) were cut off by a stop. */
  readonly onCutOff: (requests: readonly string[]) => void;
  /** The app's threads can't be reached any more. */
  readonly onLost: (error: Error) => void;
}

/**
 * Loads the app. No connection is taken yet: that is `acceptor.open`.
 *
 * @throws WsgiTsError: `operator`, or `application` where the app can't be loaded
 */
export async function openService(
  configuration: WorkerConfiguration,
  options: ServiceOptions,
): Promise<Service> {
  const { logger, logs, health, hooks } = options;
  const { accessLog } = logs;
  const { http: policy, keepAlive, healthPath } = configuration;
  const { trust, deadlines, responseBuffer, limits } = policy;
  const journal = new JournalWriter(configuration.journalFd, (written) => {
    logs.afterAccessLines(written);
  });
  const serverHeader = policy.serverHeader ? 'wsgi-ts' : null;
  const refusals = new Refusals(logger, accessLog, serverHeader);
  const { app, chdir, pythonpath, env, python, threads, timeout, argv } = configuration;
  const handler = await loadHandler(app, {
    ...{ chdir, pythonpath, env, python, threads, timeout, argv, logger },
    ...{ accessLog, journal, hooks },
    errorLogFile: configuration.logs.file,
    onPrepared: (interpreter) => {
      logs.enterPython(interpreter, { folders: [], role: 'worker' });
    },
    multiprocess: configuration.workers > 1,
    build: !configuration.noBuild,
    ownProcess: true,
    ...{ trust, deadlines, responseBuffer, serverHeader },
    ...{ sendfile: policy.sendfile, temporaryFolder: policy.temporaryFolder },
    limitRequestBody: limits.body,
    limitWaitingRequests: policy.waiting,
    onLost: options.onLost,
    onAnswer: () => {
      acceptor.answered();
      options.onAnswer();
    },
  }).catch(options.withoutApp);
  options.reinstallSignals();
  const connections = openProtocols({
    ...{ handler, policy, keepAlive, refusals, logger, healthPath, health },
    onRequest: (socket) => {
      acceptor.requestBegan(socket);
    },
    onCutOff: options.onCutOff,
  });
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
  return { handler, connections, acceptor };
}
