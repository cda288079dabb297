// A WSGI app as a request listener of node:http: the piece that workers and embedding Node apps share.
// Loads the app, starts its Python threads and gives every request an exchange. Runs on the event loop, which
// needs the GIL while the app is loaded and again when it is closed, and never in between.
// Must not know of a master, of settings, or of a listening socket.
import type { Socket } from 'node:net';
import { noTrust, type Deadlines, type Trust } from '../http/policy.ts';
import type { AccessLog } from '../log/access-log.ts';
import { escapeField } from '../log/escape.ts';
import type { JournalWriter } from '../log/journal.ts';
import { createLogger, type Logger } from '../log/logger.ts';
import { Dispatcher } from './dispatcher.ts';
import { Exchange, type ExchangeContext } from './exchange.ts';
import { showProgress } from '../binding/progress.ts';
import { startInterpreter, type Interpreter, type Plain } from './interpreter.ts';
import type { Load } from './load.ts';
import { loadFailure, type LoadFailure } from './load-failure.ts';
import { Pace } from './pace.ts';
import { RequestHeads } from './request-head.ts';
import { SpoolFile } from './spool-file.ts';
import type { ServerReply, ServerRequest } from './transaction.ts';
import { version } from './version.ts';

/** What a worker does around the loading and the end of its app (the hooks of its settings file). */
export interface AppHooks {
  /** The process is prepared, nothing of the app is loaded. May throw: then it is not. */
  beforeLoad(interpreter: Interpreter): void;
  /** The app is loaded, or could not be. */
  afterLoad(): void;
  /** The app's threads have ended; its exit functions are called next. */
  exiting(served: number): void;
}

/** How an app is run; everything has a default. */
export interface HandlerOptions {
  /** Directory the app is imported from. Default: the current one. A worker also changes into it. */
  readonly chdir?: string;
  /** Further directories for `sys.path`. */
  readonly pythonpath?: readonly string[];
  /** Environment variables for the app. */
  readonly env?: Readonly<Record<string, string>>;
  /** Python interpreter or environment to use, instead of the one that is found. */
  readonly python?: string | null;
  /**
   * Whether a binding may be compiled for that Python where there is none yet, which takes about 20 seconds.
   * Default: true, but for `WSGI_TS_NO_BUILD=1` in the environment.
   */
  readonly build?: boolean;
  /** Python threads. Default: 1. */
  readonly threads?: number;
  /** Seconds a request may take in Python, then it is answered 504; 0 (the default): no limit. */
  readonly timeout?: number;
  /** What `wsgi.multiprocess` says. Default: false. */
  readonly multiprocess?: boolean;
  /** `sys.argv`. Default: `['wsgi-ts', app]`. */
  readonly argv?: readonly string[];
  /** Where errors go. Default: standard error, in the server's own form. */
  readonly logger?: Logger;
  readonly accessLog?: AccessLog | null;
  /** Where the requests are kept that the app has, for whoever outlives this process. */
  readonly journal?: JournalWriter | null;
  /** File that gets the Python stack of a crash (a segmentation fault); `-`, the default: standard error. */
  readonly errorLogFile?: string;
  /** Called when Python is ready for the app, before it is imported. Default: `gunicorn.error` gets its handler. */
  readonly onPrepared?: (interpreter: Interpreter) => void;
  /** Whether the process is the app's alone (a worker): its directory and environment may be changed. */
  readonly ownProcess?: boolean;
  /** `Server` field of responses whose app sets none; null: no such field. Default: `wsgi-ts`. */
  readonly serverHeader?: string | null;
  /** Bytes that a request's body may have, else 413; 0, the default: any number. */
  readonly limitRequestBody?: number;
  /** Requests that may wait for a thread, else 503. Default: any number. */
  readonly limitWaitingRequests?: number;
  /** How slow a client may be. Default: as slow as it likes, but for what the host's server says. */
  readonly deadlines?: Deadlines;
  /** Bytes of a streamed response that are kept for a slow client. Default: 16 MiB. */
  readonly responseBuffer?: number;
  /** Whether the server reads files that the app gives to `wsgi.file_wrapper`, and not Python. Default: true. */
  readonly sendfile?: boolean;
  /** Folder for temporary files of this process's requests. Default: the system's (`TMPDIR`). */
  readonly temporaryFolder?: string | null;
  /** Whose word counts on who the client is. Default: nobody's. */
  readonly trust?: Partial<Trust>;
  /** Called when the app's threads can't be reached any more: a fault of the server's own. */
  readonly onLost?: (error: Error) => void;
  /** @internal */
  readonly hooks?: AppHooks;
  /** Called after answers have arrived from Python. */
  readonly onAnswer?: () => void;
}

/** How many characters of a field's name the log shows. */
const NAME_SHOWN = 100;

const noDeadlines: Deadlines = { head: 0, body: 0, response: 0, minimumRate: 1 };
const defaultResponseBuffer = 16 * 1024 * 1024;

/** A request listener for `node:http`, Express and whatever calls `(request, response)`. */
export interface WsgiHandler {
  (request: ServerRequest, response: ServerReply, next?: unknown): void;
  /** How busy the app's threads are. */
  readonly load: Load;
  /** Requests answered so far. */
  readonly served: number;
  /** How many threads are in the app still, so many milliseconds after their requests took too long. */
  stuck(milliseconds: number): number;
  /** Duplicates a descriptor; close-on-exec, and closed in children that the app forks. */
  duplicate(fd: number): Promise<number>;
  /** Has Python open anew the log files that it has open: they were renamed. */
  reopenLogs(): void;
  /** Says `Connection: close` with every answer from now on. */
  drain(): void;
  /** Says that whatever is cut off from now on is so because the server ends. */
  cut(): void;
  /** Says that the client of this connection has ended its side, and may be gone. */
  clientEnded(socket: Socket): void;
  /**
   * Waits up to `seconds` (default 30) for running requests, then ends the app's threads and, where the process is
   * the app's alone, runs Python's exit functions and flushes its output.
   */
  close(seconds?: number): Promise<void>;
}

/**
 * Loads a WSGI app into this process.
 *
 * @param app - `module`, `module:name`, `module:object.attribute` or `module:factory('argument')`.
 * @throws WsgiTsError: `operator` where Python or its environment is the cause, `application` (with the
 * person's traceback, exit code 3 or 4) where the app can't be loaded.
 */
export async function createHandler(
  app: string,
  options: HandlerOptions = {},
): Promise<WsgiHandler> {
  const { threads = 1, timeout = 0, accessLog = null, ownProcess = false } = options;
  const { serverHeader = 'wsgi-ts', deadlines = noDeadlines } = options;
  const directory = options.chdir ?? process.cwd();
  const interpreter = await startInterpreter({
    python: options.python ?? null,
    directory,
    noBuild: !(options.build ?? true),
    listener: showProgress(2),
  });
  interpreter.call('boot', 'prepare', {
    chdir: ownProcess ? directory : null,
    pythonpath: [...(options.pythonpath ?? []), ...(ownProcess ? [] : [directory])],
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
  SpoolFile.folder = options.temporaryFolder ?? SpoolFile.folder;
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
  const heads = new RequestHeads({ ...noTrust, ...options.trust }, (name) => {
    logger.warning(
      `Dropped the header field "${escapeField(name.slice(0, NAME_SHOWN))}" of a request: another field could be ` +
        'taken for it (--header-map). Further ones are dropped without a line.',
    );
  });
  const context: ExchangeContext = {
    dispatcher,
    logger,
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

  const handler = (request: ServerRequest, response: ServerReply): void => {
    new Exchange(context, request, response).begin();
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
