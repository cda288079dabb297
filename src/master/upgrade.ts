// The upgrade without a gap (SIGUSR2): a second master, of the program as it is on disk now, that takes over the
// listening sockets of the first. Both then serve, until somebody stops one of them, as with gunicorn. Made by
// master.ts on the master's main thread. What one master tells the other is one variable.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Interpreter } from '../bridge/interpreter.ts';
import type { Logger } from '../log/logger.ts';
import { inheritListener } from './listeners.ts';
import type { Listener } from './listeners.ts';

/** What the first master tells the second, as JSON. */
interface Inheritance {
  /** The first master's process id. */
  readonly parent: number;
  readonly listeners: readonly { fd: number; asked: string; owned: boolean }[];
}

const variable = 'WSGI_TS_UPGRADE';
const firstFd = 3;
/** How often the pid file of the master before is tried to be taken over, at a tick each. */
const promotionTries = 10;

/** Whether this process is to take another master's place. */
export function isSuccessor(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[variable] !== undefined;
}

/** Whose variables are ours: this process, and the master that has started it in its own place. */
export function predecessorOf(env: Readonly<Record<string, string | undefined>>): number[] {
  return isSuccessor(env) ? [process.pid, process.ppid] : [process.pid];
}

/** What {@link Succession} needs. */
export interface SuccessionOptions {
  /** Where this master was started, before any --chdir. */
  readonly directory: string;
  readonly logger: Logger;
  readonly env: Record<string, string | undefined>;
}

/** The master before this one, and the one after it. */
export class Succession {
  readonly #options: SuccessionOptions;
  readonly #inheritance: Inheritance | null;
  /** The process that this one has its sockets from, while it lives. */
  #predecessor: number | null;
  #successor: number | null = null;
  /** Tries to take over the pid file. */
  #promotions = promotionTries;
  #onPromotion: () => void = () => undefined;

  /** Reads what the master before has left, once: neither the app nor a third master must find it. */
  constructor(options: SuccessionOptions) {
    this.#options = options;
    const text = options.env[variable];
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the name is our own
    delete options.env[variable];
    const inheritance = text === undefined ? null : (JSON.parse(text) as Inheritance);
    this.#inheritance = inheritance;
    this.#predecessor = inheritance?.parent === process.ppid ? process.ppid : null;
  }

  /** Where the pid file is: beside that of the master before, as gunicorn has it, until that is gone. */
  pidfilePath(path: string): string {
    return this.#predecessor === null ? path : `${path}.2`;
  }

  /** Whether this master was started in another one's place. */
  get isSuccessor(): boolean {
    return this.#inheritance !== null;
  }

  /** `action` is done when the master before is gone. */
  onPromotion(action: () => void): void {
    this.#onPromotion = action;
  }

  /** The sockets of the master before; none where there was none. */
  inheritListeners(interpreter: Pick<Interpreter, 'call'>): Listener[] {
    return (this.#inheritance?.listeners ?? []).flatMap(
      ({ fd, asked, owned }) => inheritListener(interpreter, fd, asked, owned) ?? [],
    );
  }

  /** Whether another master has the same sockets. */
  isShared(): boolean {
    this.look();
    return this.#successor !== null || this.#predecessor !== null;
  }

  /** Looks whether the master before is gone; to be called now and then. */
  look(): void {
    if (this.#predecessor !== null && process.ppid !== this.#predecessor) {
      this.#predecessor = null;
      this.#options.logger.info('Master has been promoted.');
      this.#promotions = 0;
    }
    if (this.#promotions >= promotionTries) return;
    try {
      this.#onPromotion();
      this.#promotions = promotionTries;
    } catch (error) {
      // The first master may be a zombie still, or its folder may be gone: the service goes on.
      this.#promotions++;
      if (this.#promotions < promotionTries) return;
      const why = error instanceof Error ? error.message : String(error);
      this.#options.logger.error(`The pid file could not be taken over: ${why}`);
    }
  }

  /** The second master's process id; null: there is none. */
  get successor(): number | null {
    return this.#successor;
  }

  /**
   * Starts the second master, with this one's command line, directory and variables.
   *
   * @param more - variables that were taken out of this one's
   */
  start(listeners: readonly Listener[], more: Readonly<Record<string, string>>): void {
    const { logger, directory, env } = this.#options;
    if (this.#successor !== null) {
      logger.warning(`USR2 ignored: another master runs already (pid:${this.#successor})`);
      return;
    }
    this.look();
    if (this.#predecessor !== null) {
      logger.warning(`USR2 ignored: the master before runs still (pid:${this.#predecessor})`);
      return;
    }
    const inheritance: Inheritance = {
      parent: process.pid,
      listeners: listeners.map(({ asked, owned }, index) => ({
        fd: firstFd + index,
        asked,
        owned,
      })),
    };
    let child: ChildProcess;
    try {
      child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        cwd: directory,
        env: { ...env, ...more, [variable]: JSON.stringify(inheritance) },
        stdio: ['inherit', 'inherit', 'inherit', ...listeners.map(({ fd }) => fd)],
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      logger.error(`No new master could be started: ${why}`);
      return;
    }
    // It outlives this master.
    child.unref();
    this.#successor = child.pid ?? null;
    child.on('exit', (code, signal) => {
      this.#successor = null;
      const how = signal === null ? `exited with code ${code ?? 'unknown'}` : `was sent ${signal}`;
      logger.warning(`The new master (pid:${child.pid ?? 'unknown'}) ${how}. This one goes on.`);
    });
    child.on('error', (error) => {
      const gone = existsSync(directory) ? '' : ` (${directory} is gone)`;
      if (child.pid === undefined) {
        logger.error(`No new master could be started: ${error.message}${gone}`);
      }
    });
  }
}
