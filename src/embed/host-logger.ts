// The log of a Node program as the bridge's logger. Used by options.ts; whoever logs is on the event loop.
// It must never throw: a host's logger may, but requests and their frames must not suffer from that.

import { inspect } from 'node:util';
import type { Logger } from '../log/logger.ts';
import type { LogLevel } from '../messages.ts';

/** Where a Node program wants the server's entries: `console`, pino, winston, Fastify's `app.log`, or an object of its own. */
export interface HostLogger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug?(message: string): void;
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical'];

/** `host` as the bridge wants it; entries below `threshold` are left out. */
export function fromHostLogger(host: HostLogger, threshold: LogLevel): Logger {
  const isEnabled = (level: LogLevel): boolean =>
    levels.indexOf(level) >= levels.indexOf(threshold);
  const hand = (level: LogLevel, message: string): void => {
    if (level === 'debug') host.debug?.(message);
    else if (level === 'info') host.info(message);
    else if (level === 'warning') host.warn(message);
    else host.error(message);
  };
  const write = (level: LogLevel, message: string): void => {
    unharmed('logger', message, () => {
      hand(level, message);
    });
  };
  const at =
    (level: LogLevel) =>
    (message: string): void => {
      if (isEnabled(level)) write(level, message);
    };
  const nothing = (): void => undefined;
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    // What Python says has been judged there.
    log: (level, message, origin = 'server') => {
      if (origin !== 'server' || isEnabled(level)) write(level, message);
    },
    isEnabled,
    flushSync: nothing,
    reopen: nothing,
    close: nothing,
  };
}

/** Calls a function of the host's, and warns (`process.on('warning')`) where it throws: with what it did not take. */
export function unharmed(option: string, lost: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    const message = `createHandler's ${option} threw ${inspect(error)}\nIt was given: ${lost}`;
    process.emitWarning(message, { type: 'WsgiTsWarning', code: 'WSGI_LOG_THREW' });
  }
}
