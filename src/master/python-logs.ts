// What the master does for the logs besides writing its own lines: Python's logging, --capture-output, and the metrics
// that only it knows. Made by master.ts once Python runs; on the main thread, which may call Python.
// It must never decide about workers.

import { resolve } from 'node:path';
import type { Interpreter } from '../bridge/interpreter.ts';
import type { ProcessLogs } from '../bridge/process-logs.ts';
import { WsgiTsError } from '../errors.ts';
import type { Settings } from '../settings/table.ts';

/** Milliseconds between two looks at the listening sockets' queues. */
const lookEvery = 1000;
/** Milliseconds between two of the same number of workers: a datagram may have been lost. */
const repeatEvery = 10_000;

/** The settings that count. */
type LogSettings = Pick<Settings, 'chdir' | 'pythonpath' | 'captureOutput' | 'backlogMetric'>;

/** The master's side of the logs. */
export class PythonLogs {
  readonly #logs: ProcessLogs;
  readonly #interpreter: Interpreter;
  readonly #timers: NodeJS.Timeout[] = [];
  #workers = -1;

  /** @throws WsgiTsError (operator, exit code 1): see `ProcessLogs.enterPython` */
  constructor(logs: ProcessLogs, settings: LogSettings, interpreter: Interpreter) {
    this.#logs = logs;
    this.#interpreter = interpreter;
    const folders = [...settings.pythonpath, '.'].map((folder) => resolve(settings.chdir, folder));
    logs.enterPython(interpreter, { folders, role: 'master' });
    if (logs.statsd === null) return;
    this.#every(repeatEvery, () => {
      this.#tellWorkers();
    });
    if (!settings.backlogMetric) return;
    this.#every(lookEvery, () => {
      const waiting = interpreter.call('backlog', 'waiting') as number | null;
      if (waiting !== null) logs.statsd?.histogram('gunicorn.backlog', waiting);
    });
  }

  /** Takes note of how many workers there are. */
  workers(count: number): void {
    if (count === this.#workers) return;
    this.#workers = count;
    this.#tellWorkers();
  }

  /** SIGUSR1: opens all log files anew. */
  reopen(): void {
    try {
      this.#logs.reopen();
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      this.#logs.logger.error(error.message);
    }
    this.#interpreter.call('reopening', 'reopen');
  }

  /** Ends what repeats. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #tellWorkers(): void {
    if (this.#workers >= 0) this.#logs.statsd?.gauge('gunicorn.workers', this.#workers);
  }

  #every(milliseconds: number, look: () => void): void {
    this.#timers.push(setInterval(look, milliseconds).unref());
  }
}
