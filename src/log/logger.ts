// The server's log, in gunicorn's form: `[2019-12-04 15:58:37 +0000] [3006] [INFO] text`. The only file that
// imports winston. Master and worker make one each in their composition roots and hand it down; it runs on
// the event loop's thread. Python's lines (wsgi.errors, tracebacks) come here as messages.
// It must never touch process.stdout, process.stderr or console: see sink.ts.

import { Writable } from 'node:stream';
import winston from 'winston';
import type { LogLevel } from '../messages.ts';
import { escapeControls } from './escape.ts';
import { Sink } from './sink.ts';
import { errorLogTimestamps } from './timestamp.ts';

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
  log(level: LogLevel, message: string): void;
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
}

/** What {@link createLogger} needs. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** Path of a file to append to, or `-` for standard error. */
  readonly file: string;
  /** The process id to show; by default this process'. */
  readonly pid?: number;
  /** The clock; by default the system's. */
  readonly now?: () => Date;
}

/** winston's order: the lower the number, the graver. */
const ranks: Readonly<Record<LogLevel, number>> = {
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
  const { level: threshold, pid = process.pid, now = () => new Date() } = options;
  const sink = new Sink({ file: options.file, descriptor: 2, setting: '--error-logfile' });
  const timestamp = errorLogTimestamps();
  const line = winston.format.printf(({ level, message }) => {
    const prefix = `[${timestamp(now().getTime())}] [${pid}] [${level.toUpperCase()}]`;
    return `${prefix} ${escapeControls(String(message))}`;
  });
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      sink.write(chunk);
      done();
    },
  });
  const core = winston.createLogger({
    levels: ranks,
    level: threshold,
    format: line,
    // winston declares its transports as interfaces, which the rule takes for foreign objects.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  });

  // After close() nothing is enabled: winston would complain about it on console.error.
  let highest = ranks[threshold];
  const isEnabled = (level: LogLevel): boolean => ranks[level] <= highest;
  const log = (level: LogLevel, message: string): void => {
    if (isEnabled(level)) core.log(level, message);
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
      sink.flushSync();
    },
    drain: () => sink.drain(),
    reopen: () => {
      sink.reopen();
    },
    close: () => {
      highest = -1;
      core.close();
      sink.close();
    },
  };
}
