// The hooks of the settings file in the master: gunicorn's moments, and what follows when a hook fails. Made by
// master.ts, on the master's main thread, which stands still while a hook runs. python/wsgi_ts/hooks.py calls
// them. Without a settings file it is the null object below, and Python is never asked. It must never decide
// about workers: it says what a hook said.

import type { Interpreter, Plain } from '../bridge/interpreter.ts';
import { loadFailure, type LoadFailure } from '../bridge/load-failure.ts';
import type { WsgiTsError } from '../errors.ts';
import type { Logger } from '../log/logger.ts';
import type { HookFacts, LogLevel, WorkerConfiguration } from '../messages.ts';
import { parseAddress } from '../settings/address.ts';
import type { ConfigFile } from '../settings/resolve.ts';
import { settingRows } from '../settings/table.ts';
import type { Settings } from '../settings/table.ts';
import type { WorkerExit } from './worker-handle.ts';

/** A listening socket, as `server.LISTENERS` shows it. */
interface ShownListener {
  readonly fd: number;
  readonly url: string;
}

/** A worker that was never started: an event of the arbiter's. */
interface Refusal extends WorkerExit {
  readonly type: 'exited';
  readonly id: number;
}

/** The master's moments. `id` is the arbiter's number of a worker, gunicorn's `age`. */
export interface MasterHooks {
  /** The log is open, the sockets are not. @throws WsgiTsError: the server must not start. */
  onStarting(): void;
  /** The sockets are open, there is no worker. @throws WsgiTsError: the server must not start. */
  whenReady(listeners: readonly ShownListener[]): void;
  /** A worker is about to be started. Returns whether it may be; where not, its end is reported soon. */
  preFork(id: number, report: (refusal: Refusal) => void): boolean;
  /** A worker has been started, if it has a pid. */
  forked(id: number, pid: number | undefined): void;
  /** A worker has ended. */
  childExit(id: number, exit: WorkerExit): void;
  /** There shall be another number of workers. */
  workersChanged(now: number, before: number): void;
  /**
   * The settings were read again, and the file's globals are new.
   * @throws WsgiTsError where its hooks are of no use; the old ones stay.
   */
  onReload(settings: Settings): void;
  /** Another master is about to be started in this one's place. Returns whether it may be. */
  preExec(): boolean;
  /** The last thing of all: also Python's exit functions run. */
  readonly onExit: () => void;
  /** `configuration`, made of `settings`, with what the worker's own hooks need. */
  configured(
    configuration: WorkerConfiguration,
    settings: Settings,
    id: number,
  ): WorkerConfiguration;
}

/** What {@link openMasterHooks} needs. */
export interface MasterHooksOptions {
  /** Null: there is none. */
  readonly file: ConfigFile | null;
  readonly settings: Settings;
  readonly interpreter: Pick<Interpreter, 'call'>;
  readonly logger: Logger;
}

/** Milliseconds between two looks for what threads of the file's have logged. */
const lookEvery = 1000;

type Answer = { readonly ok: true } | LoadFailure;
type Line = readonly [LogLevel, string];

/** There is no settings file. */
const noHooks: MasterHooks = {
  onStarting: () => undefined,
  whenReady: () => undefined,
  preFork: () => true,
  forked: () => undefined,
  childExit: () => undefined,
  workersChanged: () => undefined,
  onReload: () => undefined,
  preExec: () => true,
  onExit: () => undefined,
  configured: (configuration) => configuration,
};

/**
 * Looks for hooks in the settings file, which has been executed already.
 *
 * @throws WsgiTsError ERR_WSGI_HOOK for one that can't be called as it will be, ERR_WSGI_SSL_CONTEXT for one that
 *   can't be heeded (exit code 1)
 */
export function openMasterHooks(options: MasterHooksOptions): MasterHooks {
  const { file } = options;
  return file === null ? noHooks : new FileHooks({ ...options, file });
}

class FileHooks implements MasterHooks {
  readonly #interpreter: MasterHooksOptions['interpreter'];
  readonly #logger: Logger;
  readonly #file: ConfigFile;
  readonly #timer: NodeJS.Timeout;
  #settings: Settings;
  #ready = false;

  constructor({ file, settings, interpreter, logger }: MasterHooksOptions & { file: ConfigFile }) {
    this.#file = file;
    this.#settings = settings;
    this.#interpreter = interpreter;
    this.#logger = logger;
    this.#open(settings);
    this.#timer = setInterval(() => {
      this.#report();
    }, lookEvery);
    this.#timer.unref();
  }

  onStarting(): void {
    // gunicorn's order: the number of workers is set while the arbiter is made.
    this.#insist('nworkers_changed', this.#settings.workers, null);
    this.#insist('on_starting');
  }

  whenReady(listeners: readonly ShownListener[]): void {
    const shown = listeners.map(({ fd, url }) => ({ fd, url }));
    this.#insist('when_ready', shown);
    this.#ready = true;
  }

  preFork(id: number, report: (refusal: Refusal) => void): boolean {
    const error = this.#call('pre_fork', id);
    if (error === null) return true;
    const failure = describe(error);
    setImmediate(report, { type: 'exited', id, code: null, signal: null, failure });
    return false;
  }

  forked(id: number, pid: number | undefined): void {
    if (pid !== undefined) this.#try('forked', id, pid);
  }

  childExit(id: number, { code, signal }: WorkerExit): void {
    this.#try('child_exit', id, code, signal);
  }

  workersChanged(now: number, before: number): void {
    this.#try('nworkers_changed', now, before);
  }

  onReload(settings: Settings): void {
    this.#open(settings);
    this.#settings = settings;
    this.#try('on_reload');
  }

  preExec(): boolean {
    return this.#try('pre_exec');
  }

  readonly onExit = (): void => {
    // gunicorn calls it for servers only that have begun to serve.
    if (this.#ready) this.#try('on_exit');
    clearInterval(this.#timer);
    const limit = this.#settings.gracefulTimeout;
    const ended = this.#interpreter.call('hooks', 'finish', limit);
    this.#report();
    if (ended === true) return;
    this.#logger.warning(
      `A thread that ${this.#file.location} has started did not end within ${limit} s: not waiting for it. ` +
        'End it in on_exit, or make it a daemon.',
    );
  };

  configured(
    configuration: WorkerConfiguration,
    settings: Settings,
    id: number,
  ): WorkerConfiguration {
    return { ...configuration, hooks: { ...this.#facts(settings), age: id } };
  }

  #open(settings: Settings): void {
    // What it says are plain values: JSON's.
    const facts = this.#facts(settings) as unknown as Plain;
    const answer = this.#interpreter.call('hooks', 'open_hooks', facts) as unknown as Answer;
    if (!answer.ok) throw loadFailure(answer);
  }

  #facts(settings: Settings): Omit<HookFacts, 'age'> {
    return {
      ...this.#file,
      app: settings.app ?? '',
      settings: Object.fromEntries(settingRows.map(([key, { name }]) => [name, settings[key]])),
      addresses: settings.bind.map(parseAddress).map((address) => {
        if (address.kind === 'tcp') return [address.host, address.port];
        return address.kind === 'unix' ? address.path : address.fd;
      }),
    };
  }

  /** Calls a hook; returns what is to be said where it failed. */
  #call(name: string, ...facts: Plain[]): WsgiTsError | null {
    const answer = this.#interpreter.call('hooks', 'call', name, ...facts) as unknown as Answer;
    this.#report();
    return answer.ok ? null : loadFailure(answer);
  }

  /** Calls a hook without which the server must not start. */
  #insist(name: string, ...facts: Plain[]): void {
    const error = this.#call(name, ...facts);
    if (error !== null) throw error;
  }

  /** Calls a hook whose failure changes nothing: gunicorn's master would end of it, and its workers with it. */
  #try(name: string, ...facts: Plain[]): boolean {
    const error = this.#call(name, ...facts);
    if (error !== null) this.#logger.error(describe(error));
    return error === null;
  }

  /** Writes what hooks have logged. */
  #report(): void {
    const lines = this.#interpreter.call('hooks', 'lines') as unknown as readonly Line[];
    for (const [level, text] of lines) this.#logger.log(level, text);
  }
}

function describe({ message, traceback }: WsgiTsError): string {
  return traceback === undefined ? message : `${message}\n${traceback}`;
}
