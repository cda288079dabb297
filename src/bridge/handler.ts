// A WSGI app as a request listener of node:http: the piece that workers and embedding Node apps share.
// Loads the app, starts its Python threads and gives every request an exchange. Runs on the event loop, which
// needs the GIL while the app is loaded and again when it is closed, and never in between.
// Must not know of a master, of settings, or of a listening socket.
import type { Socket } from 'node:net';
import { noTrust, type Deadlines } from '../http/policy.ts';
import { escapeField } from '../log/escape.ts';
import { createLogger } from '../log/logger.ts';
import { Dispatcher } from './dispatcher.ts';
import { Exchange, type ExchangeContext } from './exchange.ts';
import { showProgress } from '../binding/progress.ts';
import { startInterpreter, type Interpreter, type Plain } from './interpreter.ts';
import type { AppHooks, LoadOptions, WsgiHandler } from './handler-options.ts';
import { loadFailure, type LoadFailure } from './load-failure.ts';
import { Pace } from './pace.ts';
import { RequestHeads } from './request-head.ts';
import type { ServerReply, ServerRequest } from './transaction.ts';
import { version } from './version.ts';

/** How many characters of a field's name the log shows. */
const NAME_SHOWN = 100;

const noDeadlines: Deadlines = { head: 0, body: 0, response: 0, minimumRate: 1 };
const defaultResponseBuffer = 16 * 1024 * 1024;

/**
 * Loads a WSGI app into this process.
 *
 * @param app - `module`, `module:name`, `module:object.attribute` or `module:factory('argument')`.
 * @throws WsgiTsError: `operator` where Python or its environment is the cause, `application` (with the
 * person's traceback, exit code 3 or 4) where the app can't be loaded.
 */
export async function loadHandler(app: string, options: LoadOptions = {}): Promise<WsgiHandler> {
  const { threads = 1, timeout = 0, accessLog = null, ownProcess = false } = options;
  const { serverHeader = 'wsgi-ts', deadlines = noDeadlines } = options;
  const directory = options.chdir ?? process.cwd();
  const interpreter = await startInterpreter({
    python: options.python ?? null,
    directory,
    noBuild: !(options.build ?? true),
    listener: showProgress(2),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  interpreter.call('boot', 'prepare', {
    chdir: directory,
    pythonpath: [...(options.pythonpath ?? [])],
    env: { ...options.env },
    argv: [...(options.argv ?? ['wsgi-ts', app])],
    own_process: ownProcess,
    error_log: options.errorLogFile ?? '-',
  });
  const { hooks } = options;
  hooks?.beforeLoad(interpreter);
  if (options.onPrepared === undefined)
    interpreter.call('log_setup', 'install', options.errorLogFile ?? '-');
  else options.onPrepared(interpreter);
  const started = startApp(interpreter, app, hooks, {
    threads,
    multiprocess: options.multiprocess ?? false,
    software: `wsgi-ts/${version}`,
    server_header: serverHeader,
    sendfile: options.sendfile ?? true,
  });
  const logger = options.logger ?? createLogger({ level: 'info', file: '-' });
  let phase: ReturnType<ExchangeContext['phase']> = 'serve';
  const dispatcher = new Dispatcher({
    ...started,
    threads,
    timeout,
    logger,
    onAnswer: options.onAnswer ?? (() => undefined),
    onLost: (error) => {
      logger.critical(error.message);
      options.onLost?.(error);
    },
  });
  const onFirstDropped = (name: string): void => {
    logger.warning(
      `Dropped the header field "${escapeField(name.slice(0, NAME_SHOWN))}" of a request: another field could be ` +
        'taken for it (--header-map). Further ones are dropped without a line.',
    );
  };
  const trust = { ...noTrust, ...options.trust };
  const heads = new RequestHeads(trust, onFirstDropped, options.hostView ?? null);
  const context: ExchangeContext = {
    dispatcher,
    hosted: !ownProcess,
    temporaryFolder: options.temporaryFolder ?? null,
    logger,
    loggerFor: options.loggerFor ?? null,
    accessLog,
    journal: options.journal ?? null,
    serverHeader,
    phase: () => phase,
    heads,
    pace: new Pace(deadlines.minimumRate),
    deadlines,
    bodyLimit: options.limitRequestBody ?? 0,
    waiting: options.limitWaitingRequests ?? Infinity,
    responseBuffer: options.responseBuffer ?? defaultResponseBuffer,
  };

  const { fallthrough = false } = options;
  const handler = (request: ServerRequest, response: ServerReply, next?: () => void): void => {
    new Exchange(context, request, response, fallthrough ? (next ?? null) : null).begin();
  };
  return await Promise.resolve(
    Object.defineProperties(handler, {
      load: { value: dispatcher },
      served: { get: () => dispatcher.answered },
      stuck: { value: (milliseconds: number) => dispatcher.stuck(milliseconds) },
      duplicate: { value: (fd: number) => dispatcher.duplicate(fd) },
      reopenLogs: {
        value: () => {
          dispatcher.reopenLogs();
        },
      },
      drain: {
        value: () => {
          phase = 'drain';
        },
      },
      cut: {
        value: () => {
          phase = 'cut';
        },
      },
      clientEnded: {
        value: (socket: Socket) => {
          for (const exchange of dispatcher.exchanges) {
            if (exchange.request.socket === socket) exchange.clientEnded();
          }
        },
      },
      close: {
        value: async (seconds = 30) => {
          if (phase === 'serve') phase = 'drain';
          if (heads.dropped > 1) {
            logger.info(`Header fields that were dropped (--header-map): ${heads.dropped}`);
          }
          await settled(dispatcher.idle(), seconds * 1000);
          await settled(dispatcher.stop(), 2000);
          hooks?.exiting(dispatcher.answered);
          if (ownProcess) interpreter.call('boot', 'finish');
        },
      },
    }) as WsgiHandler,
  );
}

interface StartedApp {
  readonly requestFd: number;
  readonly controlFd: number;
}

function startApp(
  interpreter: Interpreter,
  app: string,
  hooks: AppHooks | undefined,
  options: Readonly<Record<string, Plain>>,
): StartedApp {
  const result = interpreter.call('boot', 'start', app, options) as
    { ok: true; request_fd: number; control_fd: number } | LoadFailure;
  hooks?.afterLoad();
  if (!result.ok) throw loadFailure(result);
  return { requestFd: result.request_fd, controlFd: result.control_fd };
}

/** Waits for `promise`, but no longer than `milliseconds`. */
async function settled(promise: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    promise,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    }),
  ]);
  clearTimeout(timer);
}
