// Both logs of one process, whoever writes their lines: our own files, Python's logging, syslog, and what statsd
// counts of them. Master and worker make one each as the settings say (LogPolicy); on the event loop's thread.
// With none of these settings it is the two files alone, and Python is told of nothing but their names.

import type { WsgiTsError } from '../errors.ts';
import { createAccessLog, type AccessLog, type ProcessAccessLog } from '../log/access-log.ts';
import { createLogger, type ProcessLogger } from '../log/logger.ts';
import { Statsd, UdpTransport } from '../log/statsd.ts';
import type { LogPolicy } from '../messages.ts';
import type { Interpreter } from './interpreter.ts';
import { loadFailure, type LoadFailure } from './load-failure.ts';
import { PythonLog, type PythonRoutes } from './python-log.ts';

/** How Python is told of the logs. */
interface PythonSide {
  /** Directories for `sys.path`: a log config names classes of the app's. */
  readonly folders: readonly string[];
  /**
   * A master fails where syslog can't be reached, a worker may take another's place meanwhile. A master makes its
   * standard output the error log (--capture-output), a worker inherits that.
   */
  readonly role: 'master' | 'worker';
}

/** The logs of one process. */
export class ProcessLogs {
  readonly logger: ProcessLogger;
  /** Null where nobody wants its lines. */
  readonly accessLog: AccessLog | null;
  readonly statsd: Statsd | null;
  readonly #policy: LogPolicy;
  readonly #python: PythonLog | null;
  readonly #own: ProcessAccessLog | null;

  /**
   * @param withAccess - whether this process writes the access log: a master doesn't
   * @throws WsgiTsError (operator, exit code 1) where a file can't be opened
   */
  constructor(policy: LogPolicy, withAccess: boolean) {
    this.#policy = policy;
    const { level, file, form } = policy;
    this.#python = needsPython(policy) ? new PythonLog(policy.config !== null) : null;
    this.statsd = this.#openStatsd(policy.statsd);
    const tees = [this.#python, this.statsd].filter((tee) => tee !== null);
    this.logger = createLogger({ level, file, form, tees });
    this.#own =
      withAccess && policy.accessFile !== null
        ? createAccessLog({ file: policy.accessFile, format: policy.accessFormat, form })
        : null;
    this.accessLog = withAccess ? this.#accessLog() : null;
  }

  /**
   * Sets up Python's loggers; what was logged so far is handed over.
   *
   * @throws WsgiTsError (operator, exit code 1) `ERR_WSGI_LOG_CONFIG` where the log config is wrong, `ERR_WSGI_SYSLOG`
   * where syslog can't be reached (in a master)
   */
  enterPython(interpreter: Interpreter, { folders, role }: PythonSide): void {
    if (this.#policy.captureOutput) {
      const step = role === 'master' ? 'capture_output' : 'remember_capture';
      interpreter.call('reopening', step, this.#policy.file);
    }
    if (role === 'master' && this.#python === null) return;
    const { level, file, form, accessFile, accessFormat, syslog, config, statsd } = this.#policy;
    const answer = interpreter.call('log_setup', 'set_up', {
      ...{ level, form, config, folders, access: accessFile !== null },
      error_log: file,
      access_format: accessFormat,
      syslog: syslog === null ? null : { ...syslog, strict: role === 'master' },
      statsd: statsd?.address.family === 'unix' ? statsd.address.path : null,
    } satisfies Record<string, unknown>) as unknown as
      (PythonRoutes & { readonly ok: true }) | LoadFailure;
    if (!answer.ok) throw loadFailure(answer);
    this.#python?.open(answer);
  }

  /**
   * Opens our own files anew. @throws WsgiTsError when that fails; the old one stays in use. It may be removed by then:
   * standard error is told as well.
   */
  reopen(): void {
    const problems: unknown[] = [];
    for (const log of [this.logger, this.#own]) {
      try {
        log?.reopen();
      } catch (error) {
        problems.push(error);
        if (this.#policy.file !== '-') this.#sayAloud(error);
      }
    }
    if (problems.length > 0) throw problems[0];
  }

  /** Calls back when every access line so far is in our own file, or can't be. */
  afterAccessLines(written: () => void): void {
    if (this.#own === null) written();
    else this.#own.written(written);
  }

  /** Resolves when every line is where it shall be, or nobody will take it. */
  async drain(): Promise<void> {
    await Promise.all([this.logger.drain(), this.#own?.drain()]);
  }

  /** Writes what is left into our own files, for the last line of a process. */
  flushSync(): void {
    this.logger.flushSync();
    this.#own?.flushSync();
  }

  #sayAloud(error: unknown): void {
    const { level, form } = this.#policy;
    const aloud = createLogger({ level, form, file: '-' });
    const { message, remedy } = error as WsgiTsError; // a file's opening throws nothing else
    aloud.error([message, remedy].join('\n'));
    void aloud.drain().then(() => {
      aloud.close();
    });
  }

  #openStatsd(statsd: LogPolicy['statsd']): Statsd | null {
    if (statsd === null) return null;
    const { address, prefix, tags } = statsd;
    const transport =
      address.family === 'unix'
        ? this.#python
        : new UdpTransport(address.host, address.port, (text) => {
            this.logger.warning(`--statsd-host: ${text}`);
          });
    return transport === null ? null : new Statsd({ transport, prefix, tags });
  }

  #accessLog(): AccessLog | null {
    const [own, python, statsd] = [this.#own, this.#python, this.statsd];
    if (python === null && statsd === null) return own;
    return {
      write: (record) => {
        const ours = python?.access(record) ?? true;
        if (ours) own?.write(record);
        statsd?.request(record);
      },
      reopen: () => own?.reopen(),
      flushSync: () => own?.flushSync(),
      close: () => own?.close(),
    };
  }
}

function needsPython({ syslog, config, statsd }: LogPolicy): boolean {
  return syslog !== null || config !== null || statsd?.address.family === 'unix';
}
