// A real child process under test: what it wrote, a promise for what it will write, its signals and its
// end. server-process.ts and side-by-side.ts build on it. Each child leads a process group of its own,
// and whatever is left of a group is killed when the child ends, or by a guard, a shell that waits beside it,
// when the test process ends, be it by SIGKILL: no test may leave a process behind.
// The one clock in here is the safety net that turns a hang into a failure with the output in it.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/** Milliseconds after which something that should have happened counts as never going to happen. */
export const safetyNet = 30_000;

/** How a process ended: its exit code, or the signal that killed it. */
export type ProcessEnd = number | NodeJS.Signals;

/** What to start a process with. */
export interface SpawnOptions {
  readonly cwd: string;
  /** The whole environment: nothing is inherited besides. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where to look for something in a process's output. */
export interface OutputQuery {
  /** Which of the two streams; either by default. */
  readonly stream?: 'stdout' | 'stderr';
  /** Wait until the pattern is there so many times (1 by default); the last of them is the result. */
  readonly count?: number;
  /** Milliseconds to wait at most; {@link safetyNet} by default. For a start that may compile something. */
  readonly patience?: number;
}

/** Kills a group when the pipe from this process closes without a word, by whatever end this process comes to. */
const guardScript = 'read -r _ || kill -9 "-$0"';

/** A started program, with its output collected. */
export class SpawnedProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #title: string;
  readonly #written = { stdout: '', stderr: '', both: '' };
  readonly #watchers = new Set<() => void>();
  #end: ProcessEnd | undefined;

  /**
   * @throws Error when the program cannot be started
   */
  constructor(program: string, args: readonly string[], options: SpawnOptions) {
    this.#title = [program, ...args].join(' ');
    this.#child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.on('error', () => {
      // There is no pid then, which is what we look at.
    });
    if (this.#child.pid === undefined) throw new Error(`Could not start ${this.#title}`);
    this.pid = this.#child.pid;
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        this.#written[stream] += text;
        this.#written.both += text;
        this.#notify();
      });
    }
    const guard = spawn('sh', ['-c', guardScript, String(this.pid)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child.once('exit', () => {
      // What outlives its leader would hold our pipes open, so that 'close' never came.
      this.killGroup();
    });
    this.#child.once('close', (code, signal) => {
      this.#end = code ?? signal ?? 'SIGKILL';
      guard.stdin.end('over\n');
      this.#notify();
    });
    // A forgotten child must not keep the test file from its end, where it is killed. Whoever waits for
    // something holds the event loop by the safety net's timer.
    this.#child.unref();
    guard.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr, guard.stdin]) {
      (stream as Socket).unref();
    }
  }

  /** Everything written so far, both streams in the order of arrival (lines of the two may interleave). */
  output(): string {
    return this.#written.both;
  }

  stdout(): string {
    return this.#written.stdout;
  }

  stderr(): string {
    return this.#written.stderr;
  }

  /** How the process ended, everything it wrote having been read; `undefined` before. */
  get end(): ProcessEnd | undefined {
    return this.#end;
  }

  /**
   * Waits until the output holds `pattern`; what was written before the call counts too.
   *
   * @returns the match (the `count`-th one)
   * @throws Error with the output, when the process ends without it or the safety net is reached
   */
  waitForOutput(
    pattern: RegExp,
    { stream, count = 1, patience = safetyNet }: OutputQuery = {},
  ): Promise<RegExpExecArray> {
    const everywhere = new RegExp(pattern, [...new Set(`${pattern.flags}g`)].join(''));
    const streams = stream ? [stream] : (['stdout', 'stderr'] as const);
    return this.#waitUntil(
      `${String(pattern)} ×${String(count)}`,
      () =>
        streams
          .map((name) => [...this.#written[name].matchAll(everywhere)][count - 1])
          .find((match) => match !== undefined),
      patience,
    );
  }

  /**
   * Sends a signal to the process alone, not to its children.
   *
   * @throws Error (ESRCH) when it has ended
   */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /**
   * Asks the process to end and waits for it.
   *
   * @returns its exit code
   * @throws Error with the output, when it does not end or a signal killed it
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    if (this.#end === undefined) this.signal(signal);
    const end = await this.waitForEnd();
    if (typeof end === 'number') return end;
    throw new Error(`${this.#title} was killed by ${end}\n${this.output()}`);
  }

  /**
   * Waits for the end of a process that ends by itself.
   *
   * @throws Error with the output, when the safety net is reached; the process is killed then
   */
  async waitForEnd(): Promise<ProcessEnd> {
    return this.#waitUntil('its end', () => this.#end);
  }

  /** Kills the process and all its descendants that did not leave its group. Safe to call at any time. */
  killGroup(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // ESRCH: nobody is left, as it should be.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === undefined) await this.stop();
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #waitUntil<T>(what: string, look: () => T | undefined, patience = safetyNet): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        clearTimeout(net);
        this.#watchers.delete(watcher);
        action();
      };
      const fail = (why: string): void => {
        settle(() => {
          reject(new Error(`${this.#title}\n${why} while waiting for ${what}\n${this.output()}`));
        });
      };
      const watcher = (): void => {
        const found = look();
        if (found !== undefined)
          settle(() => {
            resolve(found);
          });
        else if (this.#end !== undefined) fail(`ended (${String(this.#end)})`);
      };
      const net = setTimeout(() => {
        this.killGroup();
        fail(`nothing for ${String(patience)} ms`);
      }, patience);
      this.#watchers.add(watcher);
      watcher();
    });
  }
}
