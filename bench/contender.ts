// A server under measurement: started on a free port, asked once whether it answers what it should, and ended.
// Every contender writes `Listening at: http://127.0.0.1:PORT` when it listens, wsgi-ts and gunicorn because
// that is their log's form. Used by the scripts of this folder; never by the tests.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { activatedEnvironment, testPythonEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';

/** How to start a contender. */
export interface Recipe {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Directory that it is started in. */
  readonly cwd: string;
  /** What `GET /` must be answered with. */
  readonly answer: string;
}

/** wsgi-ts, built, with these options. */
export function wsgiTs(name: string, folder: string, answer: string, ...args: string[]): Recipe {
  return {
    name,
    program: process.execPath,
    args: [inRepository('dist', 'src', 'cli.js'), '--bind', '127.0.0.1:0', ...args],
    cwd: inRepository('fixtures', folder),
    answer,
  };
}

/** gunicorn of the same Python environment. */
export function gunicorn(name: string, folder: string, answer: string, ...args: string[]): Recipe {
  return {
    name,
    program: `${testPythonEnvironment().bin}/gunicorn`,
    args: ['--bind', '127.0.0.1:0', '--no-control-socket', ...args],
    cwd: inRepository('fixtures', folder),
    answer,
  };
}

/** A contender that serves. */
export class Contender {
  readonly name: string;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #workers: readonly number[];

  constructor(name: string, url: string, child: ChildProcess, workers: readonly number[]) {
    this.name = name;
    this.url = url;
    this.#child = child;
    this.#workers = workers;
  }

  /** The process that was started; its workers are its children. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The process that serves: the first worker, or the process itself where it has none. */
  get worker(): number {
    return this.#workers[0] ?? this.#child.pid ?? 0;
  }

  /** Ends it, the hard way where it does not end within five seconds. */
  async stop(): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, 'exit') : Promise.resolve();
    this.#child.kill('SIGTERM');
    await Promise.race([ended, pause(5000, undefined, { ref: false })]);
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** What `url` answers. Some (granian) say that they listen a moment before they do. */
async function firstAnswer(url: string): Promise<string> {
  const signal = AbortSignal.timeout(20_000);
  for (;;) {
    try {
      return await (await fetch(url, { signal })).text();
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      if (signal.aborted || code !== 'ECONNREFUSED') throw error;
      await pause(50);
    }
  }
}

/**
 * Starts a contender and checks its answer.
 *
 * @throws Error with its output, when it ends, stays silent for twenty seconds, or answers something else
 */
export async function start(recipe: Recipe): Promise<Contender> {
  const { name, program, args, cwd, answer } = recipe;
  const child = spawn(program, args, { cwd, env: activatedEnvironment(), stdio: 'pipe' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  const listening = new Promise<string>((resolve, reject) => {
    const fail = (why: string): void => {
      reject(new Error(`${name} ${why}:\n${output}`));
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const url = /Listening at: (http:\/\/[\d.]+:\d+)/.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
    child.once('error', (error) => {
      fail(`could not be started (${error.message})`);
    });
    child.once('exit', () => {
      fail('ended');
    });
    setTimeout(fail, 20_000, 'did not listen within 20 s').unref();
  });
  const url = await listening;
  // What waits in the backlog is answered once a worker is there.
  const got = await firstAnswer(url);
  if (got !== answer) throw new Error(`${name} answered ${JSON.stringify(got)}:\n${output}`);
  const workers = [...output.matchAll(/Booting worker with pid: (\d+)/g)].map((pid) =>
    Number(pid[1]),
  );
  return new Contender(name, url, child, workers);
}
