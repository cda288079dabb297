// What master and worker say to each other over Node's IPC channel: one discriminated union a direction,
// and guards that refuse anything else. Both sides import this file; it imports neither of them.

import type { ErrorReport } from './error-report.ts';
import type { HttpPolicy } from './http/policy.ts';

/** A listening socket as a worker sees it: an inherited descriptor and the address it is bound to. */
export interface InheritedListener {
  /** File descriptor number in the worker. */
  readonly fd: number;
  /** `http://127.0.0.1:8000` or `unix:/run/app.sock`: as the log shows it. */
  readonly url: string;
}

/** The user and group whose rights a worker takes before it loads the app. */
export interface WorkerIdentity {
  readonly uid: number;
  readonly gid: number;
  /** Whether it gets all groups of that user; else it has the one alone. */
  readonly initgroups: boolean;
}

/** What a worker needs to know; sent once, before anything else. */
export interface WorkerConfiguration {
  readonly app: string;
  /** Absolute directory the app is imported from. */
  readonly chdir: string;
  readonly pythonpath: readonly string[];
  /** Environment variables for the app (`--env`). */
  readonly env: Readonly<Record<string, string>>;
  readonly python: string | null;
  readonly noBuild: boolean;
  readonly workers: number;
  readonly threads: number;
  /** When the worker is to ask for its replacement. */
  readonly recycling: Recycling;
  /** The path at which the worker itself tells how the server is; null: none. */
  readonly healthPath: string | null;
  /** Seconds one request may take in Python; 0: no limit. */
  readonly timeout: number;
  /** Seconds that running requests get at a stop. */
  readonly gracefulTimeout: number;
  /** Seconds an idle connection is kept. */
  readonly keepAlive: number;
  /** Whether an app that can't be loaded is answered for with its traceback (--reload). */
  readonly reload: boolean;
  readonly backlog: number;
  readonly http: HttpPolicy;
  readonly logs: LogPolicy;
  /** The command line as the app shall see it in `sys.argv`. */
  readonly argv: readonly string[];
  readonly listeners: readonly InheritedListener[];
  /** Descriptor of the file for the journal of requests. */
  readonly journalFd: number;
  /** What `ps` shows. */
  readonly title: string;
  /** Null: it keeps the master's rights. */
  readonly identity: WorkerIdentity | null;
  /** Absent where there is no settings file. */
  readonly hooks?: HookFacts;
}

/** After what a worker is replaced; 0: never. */
export interface Recycling {
  /** Requests, and up to `requestsJitter` more, at random. */
  readonly requests: number;
  readonly requestsJitter: number;
  /** Seconds. */
  readonly lifetime: number;
  /** Bytes of resident memory. */
  readonly memory: number;
}

/** What the objects of the settings file's hooks tell of the server: plain values, under gunicorn's names. */
export interface HookFacts {
  /** The settings file, as `wsgi_ts.config_file.load` takes it. */
  readonly kind: string;
  readonly location: string;
  readonly directory: string;
  readonly app: string;
  /** Every setting's value by gunicorn's name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** `cfg.address`: host and port, a path, or a descriptor. */
  readonly addresses: readonly (readonly [string, number] | string | number)[];
  /** The worker's number among all of its master, from 1. */
  readonly age: number;
}

/** Where a daemon listens (`parseSyslogAddress`, `parseStatsdAddress`). */
export type DaemonAddress =
  | { readonly family: 'udp' | 'tcp'; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string };

/** What the settings say of the logs. */
export interface LogPolicy {
  readonly level: LogLevel;
  /** Path of the error log, or `-` for standard error. */
  readonly file: string;
  readonly form: 'text' | 'json';
  /** Path, `-` for standard output, null for none. */
  readonly accessFile: string | null;
  readonly accessFormat: string;
  /** Whether standard output and error of all processes are the error log. */
  readonly captureOutput: boolean;
  /** Null: not in use. `prefix` as in `gunicorn.PREFIX.error`; `access`: whether the access log goes there too. */
  readonly syslog:
    | (DaemonAddress & {
        readonly facility: string;
        readonly prefix: string;
        readonly access: boolean;
      })
    | null;
  /** A config for Python's logging: `source` is JSON for `dict`, else a path. */
  readonly config: { readonly kind: 'dict' | 'json' | 'ini'; readonly source: string } | null;
  readonly statsd: {
    readonly address: DaemonAddress;
    readonly prefix: string | null;
    readonly tags: readonly string[];
  } | null;
}

export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical';

export type MasterMessage =
  | { readonly type: 'configure'; readonly configuration: WorkerConfiguration }
  /**
   * `sealed`: listeners (indices into the configuration's) that take no new connections any more: what waits in
   * their queues nobody else will answer.
   */
  | { readonly type: 'stop'; readonly graceful: boolean; readonly sealed: readonly number[] }
  /** Answer by `logs-drained` when all that was logged so far is written. */
  | { readonly type: 'drain-logs' }
  /**
   * What clients are told that ask for the server's health. `draining`: the server was asked to stop and waits with it
   * (--drain-delay); a SIGTERM to all of its processes must not be obeyed sooner.
   */
  | { readonly type: 'health'; readonly healthy: boolean; readonly draining: boolean };

export type WorkerMessage =
  /** The app is loaded and connections are being accepted. */
  | { readonly type: 'ready' }
  /** The app could not be loaded: the reason is in the log already; the exit code is gunicorn's 3 or 4. */
  | { readonly type: 'boot-failed'; readonly exitCode: 3 | 4; readonly error: ErrorReport }
  /** All that was logged before the `drain-logs` is written. */
  | { readonly type: 'logs-drained' }
  /** The event loop lives. */
  | {
      readonly type: 'heartbeat';
      /** Answered since the start. */
      readonly requests: number;
      /** Under way. */
      readonly active: number;
      /** Bytes of resident memory. */
      readonly memory: number;
    }
  /** Replace this worker; `expected`: as the settings want it. */
  | { readonly type: 'retire'; readonly reason: string; readonly expected: boolean }
  /** The worker is about to exit: what it has answered, and what it had to cut off (escaped for the log). */
  | { readonly type: 'ended'; readonly requests: number; readonly cut: readonly string[] };

const masterTypes: ReadonlySet<unknown> = new Set<MasterMessage['type']>([
  'configure',
  'stop',
  'drain-logs',
  'health',
]);
const workerTypes: ReadonlySet<unknown> = new Set<WorkerMessage['type']>([
  'ready',
  'boot-failed',
  'logs-drained',
  'heartbeat',
  'retire',
  'ended',
]);

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'type' in message
    ? message.type
    : undefined;
}

/** Whether `message` is one that a master sends. */
export function isMasterMessage(message: unknown): message is MasterMessage {
  return masterTypes.has(typeOf(message));
}

/** Whether `message` is one that a worker sends. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return workerTypes.has(typeOf(message));
}
