// A logger that keeps its entries, for tests of what is logged.

import type { Logger } from '../../../src/log/logger.ts';
import type { LogLevel } from '../../../src/messages.ts';

/** A logger, and what was written to it: `WARNING text`. */
export interface RecordingLogger extends Logger {
  readonly entries: string[];
}

/** Makes one that writes nothing anywhere. */
export function recordingLogger(): RecordingLogger {
  const entries: string[] = [];
  const log = (level: LogLevel, message: string): void => {
    entries.push(`${level.toUpperCase()} ${message}`);
  };
  const nothing = (): void => undefined;
  return {
    entries,
    log,
    debug: log.bind(null, 'debug'),
    info: log.bind(null, 'info'),
    warning: log.bind(null, 'warning'),
    error: log.bind(null, 'error'),
    critical: log.bind(null, 'critical'),
    isEnabled: () => true,
    flushSync: nothing,
    reopen: nothing,
    close: nothing,
  };
}
