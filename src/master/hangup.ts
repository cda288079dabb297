// What a SIGHUP is about: somebody asks for a reload (kill -HUP), or the terminal that the server runs in was closed.
// The signal is the same and Node doesn't say who sent it; but whoever loses its terminal can't open /dev/tty any
// more. master.ts asks for each signal, on the master's main thread. The decision is a pure function; it must never
// end a server that outlived its terminal long ago, nor one that nohup keeps.

import { closeSync, constants, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { leaveLostTerminal } from '../log/lost-terminal.ts';
import type { Logger } from '../log/logger.ts';
import type { MasterSignal } from './signals.ts';

/** Milliseconds between two looks at the terminal. */
const lookEvery = 1000;
/** Milliseconds that the signal may come behind the loss of the terminal: shells pass it on to their jobs. */
const grace = 5000;

/** What is known of the terminal when SIGHUP arrives. */
export interface TerminalFacts {
  /** Whether the server was started in one that it talked to. */
  readonly atStart: boolean;
  /** Whether it is there now. */
  readonly now: boolean;
  /** Milliseconds since it was first seen to be gone; null: it was there at the last look. */
  readonly goneFor: number | null;
}

/**
 * Whether a SIGHUP says that the terminal was closed. One that is gone for longer was survived (`disown`, a shell
 * that ends without sending signals): then the signal comes from somebody who wants a reload.
 */
export function isHangup({ atStart, now, goneFor }: TerminalFacts): boolean {
  return atStart && !now && (goneFor === null || goneFor < grace);
}

/** How to look at the terminal; tests have another one. */
export interface TerminalProbe {
  /** Whether a standard descriptor is a terminal. nohup(1) redirects those that are. */
  talks(): boolean;
  /** Whether the process has a controlling terminal. */
  controls(): boolean;
  /** Milliseconds, from any start. */
  clock(): number;
}

const system: TerminalProbe = {
  talks: () => [0, 1, 2].some((fd) => isatty(fd)),
  controls: () => {
    try {
      // ENXIO is what the kernel answers to those who have none.
      closeSync(
        openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK),
      );
      return true;
    } catch {
      return false;
    }
  },
  clock: () => performance.now(),
};

/** Knows whether the terminal is still there. */
export class Terminal {
  readonly #probe: TerminalProbe;
  readonly #atStart: boolean;
  readonly #timer: NodeJS.Timeout | undefined;
  #lostAt: number | null = null;

  /**
   * @param variables - the environment: a shell says in `_` which program it has started. (That SIGHUP was ignored
   *   can't be seen any more: Node gives all signals back their default action before it runs our first line.)
   */
  constructor(variables: NodeJS.ProcessEnv, probe = system) {
    this.#probe = probe;
    const nohup = /(?:^|\/)nohup$/.test(variables['_'] ?? '');
    this.#atStart = !nohup && probe.talks() && probe.controls();
    leaveLostTerminal();
    if (!this.#atStart) return;
    this.#timer = setInterval(() => {
      this.look();
    }, lookEvery).unref();
  }

  /** Looks whether it is still there. */
  look(): void {
    if (this.#lostAt !== null || this.#probe.controls()) return;
    this.#lostAt = this.#probe.clock();
    clearInterval(this.#timer);
  }

  /** What a signal asks for: SIGHUP because the terminal is gone is a SIGTERM, with a line that says so. */
  meant(signal: MasterSignal, logger: Pick<Logger, 'warning'>): MasterSignal {
    if (signal !== 'SIGHUP' || !this.#atStart) return signal;
    const lostAt = this.#lostAt;
    const goneFor = lostAt === null ? null : this.#probe.clock() - lostAt;
    if (!isHangup({ atStart: true, now: this.#probe.controls(), goneFor })) return signal;
    logger.warning(
      'The terminal was closed: stopping. A server that shall outlive it is started with --daemon or nohup, or by a ' +
        'service manager.',
    );
    return 'SIGTERM';
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
