// Every setting of wsgi-ts: one row each. The type Settings, the command line, --help, --print-config and
// docs/settings.md all derive from this table, so a new setting is one new row and nothing else.
// Names, flags, forms and defaults are gunicorn's wherever it has them. Data only: reading values is the
// business of value-types.ts, choosing between them that of resolve.ts.

import type { LogLevel } from '../messages.ts';
import {
  accessLogFormat,
  addresses,
  choice,
  commaList,
  directory,
  environmentPairs,
  flag,
  integer,
  optional,
  text,
  type ValueType,
} from './value-types.ts';

/** The groups that --help and the documents show the settings in. */
export type Section =
  | 'Application'
  | 'Server Socket'
  | 'Worker Processes'
  | 'Server Mechanics'
  | 'Logging'
  | 'Debugging';

/** One row: a setting whose value is a `T`. */
export interface Setting<T> {
  /** gunicorn's name for it: the variable's name in its settings file. */
  readonly name: string;
  /** As they are typed, the main one last; none for the app, which has no flag. */
  readonly flags: readonly string[];
  /** What stands for the value in --help; none where there is no value. */
  readonly metavar?: string;
  /** An environment variable that the platform may set in place of the default. */
  readonly env?: {
    readonly variable: string;
    /** The texts that its value stands for. */
    texts(value: string): readonly string[];
  };
  readonly type: ValueType<T>;
  /** The texts that count when nothing else is given; empty: none. */
  readonly default: readonly string[];
  readonly section: Section;
  /** One sentence for --help, with no full stop. */
  readonly doc: string;
  /** What the documents add: paragraphs in Markdown. */
  readonly details?: string;
}

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical'];

// Node keeps a timer's milliseconds in 31 bits: a longer one would go off at once.
const seconds = integer({ min: 0, max: 2147483 });

/** Lets the compiler find a row's `T`. */
const row = <T>(setting: Setting<T>): Setting<T> => setting;

/** The rows by the key that the program knows each by, in the order in which people read them. */
export const settingsTable = {
  app: row({
    name: 'wsgi_app',
    flags: [],
    metavar: 'app',
    type: optional(text('an app')),
    default: [],
    section: 'Application',
    doc: 'The WSGI app, as MODULE:VARIABLE',
    details:
      'MODULE is a Python module, with dots where it is in a package; VARIABLE is what to serve in it: ' +
      'a name (`application` when left out), `object.attribute`, or a call of a factory with literal ' +
      "arguments, as in `'shop:create_app(debug=False)'`.",
  }),
  bind: row({
    name: 'bind',
    flags: ['-b', '--bind'],
    metavar: 'ADDRESS',
    env: { variable: 'PORT', texts: (port) => [`0.0.0.0:${port}`] },
    type: addresses,
    default: ['127.0.0.1:8000'],
    section: 'Server Socket',
    doc: 'An address to listen at; may be given more than once',
    details:
      '`HOST`, `HOST:PORT`, `:PORT` (every IPv4 interface), `[::1]:PORT`, `unix:PATH`, or `fd://N` for a ' +
      'socket that was inherited. The port is 8000 where none is given; 0 lets the system choose one.',
  }),
  backlog: row({
    name: 'backlog',
    flags: ['--backlog'],
    metavar: 'INT',
    type: integer({ min: 1 }),
    default: ['2048'],
    section: 'Server Socket',
    doc: 'How many connections may wait to be accepted',
    details: 'The system may have a lower limit of its own: `net.core.somaxconn` on Linux.',
  }),
  workers: row({
    name: 'workers',
    flags: ['-w', '--workers'],
    metavar: 'INT',
    env: { variable: 'WEB_CONCURRENCY', texts: (count) => [count] },
    type: integer({ min: 1 }),
    default: ['1'],
    section: 'Worker Processes',
    doc: 'The number of worker processes',
    details: 'Python runs on one core in each of them: start with the number of cores.',
  }),
  threads: row({
    name: 'threads',
    flags: ['--threads'],
    metavar: 'INT',
    type: integer({ min: 1 }),
    default: ['1'],
    section: 'Worker Processes',
    doc: 'The number of Python threads in each worker',
    details:
      'As many requests run at the same time in one worker; more of them pay where views wait.',
  }),
  timeout: row({
    name: 'timeout',
    flags: ['-t', '--timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['30'],
    section: 'Worker Processes',
    doc: 'Seconds that one request may spend in Python; 0: no limit',
    details: "The time spent waiting for the client's bytes does not count.",
  }),
  gracefulTimeout: row({
    name: 'graceful_timeout',
    flags: ['--graceful-timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['30'],
    section: 'Worker Processes',
    doc: 'Seconds that running requests get to finish when the server stops',
  }),
  keepAlive: row({
    name: 'keepalive',
    flags: ['--keep-alive'],
    metavar: 'INT',
    type: seconds,
    default: ['75'],
    section: 'Worker Processes',
    doc: 'Seconds that an idle connection is kept open',
    details:
      "gunicorn's default is 2. A server that closes first races with the next request of a proxy or load " +
      'balancer, whose client then reads 502; most of those keep a connection for 60 seconds, so the ' +
      'server must keep it longer. An idle connection holds no Python thread, so keeping it costs little.',
  }),
  chdir: row({
    name: 'chdir',
    flags: ['--chdir'],
    metavar: 'DIR',
    type: directory,
    default: ['.'],
    section: 'Server Mechanics',
    doc: 'Change to this directory before the app is loaded, and import from it',
    details: 'Every other relative path on the command line then starts there, as with gunicorn.',
  }),
  pythonpath: row({
    name: 'pythonpath',
    flags: ['--pythonpath'],
    metavar: 'DIRS',
    type: commaList,
    default: [],
    section: 'Server Mechanics',
    doc: 'Directories to import from as well, separated by commas',
  }),
  env: row({
    name: 'raw_env',
    flags: ['-e', '--env'],
    metavar: 'KEY=VALUE',
    type: environmentPairs,
    default: [],
    section: 'Server Mechanics',
    doc: 'An environment variable for the app; may be given more than once',
  }),
  python: row({
    name: 'python',
    flags: ['--python'],
    metavar: 'PATH',
    type: optional(text('a path')),
    default: [],
    section: 'Server Mechanics',
    doc: 'The virtual environment to use, or its Python',
    details:
      'gunicorn has no such setting. Without it, the activated environment is used, else the one that ' +
      '`VIRTUAL_ENV` names, else `.venv` or `venv` beside the app.',
  }),
  pid: row({
    name: 'pidfile',
    flags: ['-p', '--pid'],
    metavar: 'FILE',
    type: optional(text('a path')),
    default: [],
    section: 'Server Mechanics',
    doc: "A file to write the master's process id to",
  }),
  logLevel: row({
    name: 'loglevel',
    flags: ['--log-level'],
    metavar: 'LEVEL',
    type: choice(logLevels),
    default: ['info'],
    section: 'Logging',
    doc: 'How much the error log tells: debug, info, warning, error or critical',
  }),
  errorLogFile: row({
    name: 'errorlog',
    flags: ['--log-file', '--error-logfile'],
    metavar: 'FILE',
    type: text('a path, or - for standard error'),
    default: ['-'],
    section: 'Logging',
    doc: 'The error log; -: standard error',
  }),
  accessLogFile: row({
    name: 'accesslog',
    flags: ['--access-logfile'],
    metavar: 'FILE',
    type: optional(text('a path')),
    default: [],
    section: 'Logging',
    doc: 'The access log; -: standard output',
  }),
  accessLogFormat: row({
    name: 'access_log_format',
    flags: ['--access-logformat'],
    metavar: 'STRING',
    type: accessLogFormat,
    default: ['%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'],
    section: 'Logging',
    doc: 'What a line of the access log shows',
  }),
  checkConfig: row({
    name: 'check_config',
    flags: ['--check-config'],
    type: flag,
    default: [],
    section: 'Debugging',
    doc: 'Check the settings, load the app, and exit: 0 if all is well, else 1',
  }),
  printConfig: row({
    name: 'print_config',
    flags: ['--print-config'],
    type: flag,
    default: [],
    section: 'Debugging',
    doc: 'Print every setting, its value and where that came from, then do as --check-config',
  }),
};

/** What the program calls a setting. */
export type SettingKey = keyof typeof settingsTable;

/** The value of every setting. */
export type Settings = {
  readonly [Key in SettingKey]: (typeof settingsTable)[Key] extends Setting<infer T> ? T : never;
};

/** The rows with their keys, in the table's order. */
export const settingRows: readonly (readonly [SettingKey, Setting<unknown>])[] = Object.entries(
  settingsTable,
) as [SettingKey, Setting<unknown>][];
