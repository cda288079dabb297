// How an app is loaded into this process (handler.ts), and what has been loaded. Used by whoever loads one: the
// worker, and embed/ for somebody else's Node program. Types only.

import type { Socket } from 'node:net';
import type { Deadlines, Trust } from '../http/policy.ts';
import type { AccessLog } from '../log/access-log.ts';
import type { JournalWriter } from '../log/journal.ts';
import type { Logger } from '../log/logger.ts';
import type { Interpreter } from './interpreter.ts';
import type { Load } from './load.ts';
import type { HostView } from './host-view.ts';
import type { ServerReply, ServerRequest } from './transaction.ts';

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
export interface LoadOptions {
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
  /** Ends a compilation that is under way. */
  readonly signal?: AbortSignal;
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
  /** Whether an answer 404 of the app is not sent: the request is its host's again (`next()`). Default: false. */
  readonly fallthrough?: boolean;
  /** What the host's framework knows of a request better than the request itself does; null: nothing. */
  readonly hostView?: (request: ServerRequest) => HostView | null;
  /** Where errors of this request go; null: where all go. */
  readonly loggerFor?: (request: ServerRequest) => Logger | null;
  /** Called when the app's threads can't be reached any more: a fault of the server's own. */
  readonly onLost?: (error: Error) => void;
  /** @internal */
  readonly hooks?: AppHooks;
  /** Called after answers have arrived from Python. */
  readonly onAnswer?: () => void;
}

/** A request listener for `node:http`, Express and whatever calls `(request, response)`. */
export interface WsgiHandler {
  /** `next` is called for a request that is not answered here (`fallthrough`), by itself and on a turn of its own. */
  (request: ServerRequest, response: ServerReply, next?: () => void): void;
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
