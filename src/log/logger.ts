// The server's log, in gunicorn's form: `[2019-12-04 15:58:37 +0000] [3006] [INFO] text`. Master and worker make
// one each in their composition roots and hand it down; it runs on the event loop's thread. Python's lines
// (wsgi.errors, tracebacks) come here as messages. The master's goes through winston (winston.ts) once workers
// have been started; this file must not import it, since every start would wait for that.
// It must never touch process.stdout, process.stderr or console: see sink.ts.

import type { LogLevel } from '../messages.ts';
import { escapeControls } from './escape.ts';
import { entryFormatter, type LineForm, type LogEntry } from './line-format.ts';
import { Sink } from './sink.ts';
import { wallClock } from './timestamp.ts';

/**
 * Where an entry comes from. `server`: it is written if its level is grave enough. What comes from Python has been
 * judged there and is always written: `errors` is a line of `wsgi.errors`; `record` one that Python's own handlers have
 * already; `line` such a one that is whole, and gets no prefix.
 */
export type Origin = 'server' | 'errors' | 'record' | 'line';

/** What everything in the server logs to. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
  critical(message: string): void;
  /**
   * Writes one entry. It may have several lines (a traceback): only the first gets the prefix. Control
   * characters are escaped, but line feeds are not: a client's bytes must pass `escapeField` before.
   */
  log(level: LogLevel, message: string, origin?: Origin): void;
  /** Whether an entry of this level would be written; ask before making a dear message. */
  isEnabled(level: LogLevel): boolean;
  /** Writes what is buffered, synchronously; used at exit. */
  flushSync(): void;
  /** Opens the file anew (log rotation). @throws WsgiTsError when that fails; the old file stays in use. */
  reopen(): void;
  /** Flushes and closes. */
  close(): void;
}

/** A logger whose owner can wait for its last line to be written. */
export interface ProcessLogger extends Logger {
  /** Resolves when every entry is written, however slowly it is read. */
  drain(): Promise<void>;
  /** From now on entries go this way into the file. */
  carryBy(carrier: MakeCarrier): void;
}

/** Somebody else who gets the entries: Python's `logging` (bridge/python-log.ts), metrics (statsd.ts). */
export interface EntryTee {
  /** Takes an entry; `judged`: its level doesn't matter. Returns whether it belongs into our own file too. */
  entry(entry: LogEntry, judged: boolean): boolean;
  /** Is called once: `write` puts an entry into our own file after all, `limit` changes the level. */
  attach?(write: (entry: LogEntry) => void, limit: (level: LogLevel) => void): void;
  /** Resolves when all that was taken is dealt with, or never will be. */
  drain?(): Promise<void>;
  /** Gives back what nobody has taken; used at exit. */
  giveBack?(): void;
}

/** Takes entries that are to be written, whatever their level. */
export interface Carrier {
  carry(entry: LogEntry, whole: boolean): void;
  close(): void;
}

/** Makes a carrier: `line` says what an entry looks like, `write` takes lines, each with its line break. */
export type MakeCarrier = (
  line: (entry: LogEntry, whole: boolean) => string,
  write: (line: string) => void,
) => Carrier;

/** With nothing in between that would have to be loaded. */
const directly: MakeCarrier = (line, write) => ({
  carry: (entry, whole) => {
    write(`${line(entry, whole)}\n`);
  },
  close: () => undefined,
});

/** What {@link createLogger} needs. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** Path of a file to append to, or `-` for standard error. */
  readonly file: string;
  readonly form?: LineForm;
  readonly tees?: readonly EntryTee[];
  /** The process id to show; by default this process'. */
  readonly pid?: number;
  /** The clock; by default the system's. */
  readonly now?: () => Date;
}

/** syslog's order, and winston's: the lower the number, the graver. */
export const ranks: Readonly<Record<LogLevel, number>> = {
  critical: 0,
  error: 1,
  warning: 2,
  info: 3,
  debug: 4,
};

/**
 * Makes a logger.
 * @throws WsgiTsError (`ERR_WSGI_LOG_FILE`, exit code 1) when the file can't be opened.
 */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const { level: threshold, pid = process.pid, form = 'text', tees = [], now } = options;
  const clock = now === undefined ? wallClock : (): number => now().getTime();
  const sink = new Sink({ file: options.file, descriptor: 2, setting: '--error-logfile' });
  const entryLine = entryFormatter(form, pid);
  const line = ({ level, message, time }: LogEntry, whole: boolean): string =>
    whole ? escapeControls(message) : entryLine({ level, message, time });
  const put = (text: string): void => {
    sink.write(text);
  };
  let carrier = directly(line, put);

  // After close() nothing is written: winston would complain about it on console.error.
  let closed = false;
  let highest = ranks[threshold];
  const isEnabled = (level: LogLevel): boolean => !closed && ranks[level] <= highest;
  const write = (entry: LogEntry, whole = false): void => {
    if (!closed) carrier.carry(entry, whole);
  };
  for (const tee of tees) {
    const limit = (level: LogLevel): void => {
      highest = ranks[level];
    };
    tee.attach?.(write, limit);
  }
  const log = (level: LogLevel, message: string, origin: Origin = 'server'): void => {
    if (origin === 'server' && !isEnabled(level)) return;
    const entry = { level, message, time: clock() };
    let ours = true;
    if (origin === 'server' || origin === 'errors') {
      // All of them, whatever the first says.
      for (const tee of tees) ours = tee.entry(entry, origin === 'errors') && ours;
    }
    if (ours) write(entry, origin === 'line');
  };
  const at =
    (level: LogLevel) =>
    (message: string): void => {
      log(level, message);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    log,
    isEnabled,
    flushSync: () => {
      for (const tee of tees) tee.giveBack?.();
      sink.flushSync();
    },
    drain: async () => {
      for (const tee of tees) await tee.drain?.();
      await sink.drain();
    },
    carryBy: (make) => {
      const next = make(line, put);
      carrier.close();
      carrier = next;
    },
    reopen: () => {
      sink.reopen();
    },
    close: () => {
      for (const tee of tees) tee.giveBack?.();
      closed = true;
      carrier.close();
      sink.close();
    },
  };
}
