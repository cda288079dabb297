// Starts the real command, `node dist/src/cli.js`, and says when it serves.
// Ready means: the master wrote `Listening at: …` and, for each worker wanted, the debug line
// `Worker ready (pid: N)`, which it writes when that worker's `ready` message arrives (the app is loaded and
// connections are being accepted; `Booting worker` comes long before). So the log level is debug unless the
// test passes one of its own, and then ready means only that the sockets listen (connections wait in the
// backlog until a worker takes them).

import { readFileSync } from 'node:fs';
import { activatedEnvironment } from './python-environment.ts';
import { inRepository, repositoryRoot } from './repository.ts';
import { SpawnedProcess } from './spawned-process.ts';
import type { OutputQuery, ProcessEnd } from './spawned-process.ts';

/** Options of {@link startServer} and {@link runCli}. */
export interface ServerOptions {
  /** Where the command is started; the repository by default. */
  readonly cwd?: string;
  /** Variables besides those of an activated test environment; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Options of Node itself, such as `--expose-gc`. */
  readonly nodeOptions?: readonly string[];
  /**
   * What to wait for: `workers` (all are ready), `listening` (the sockets are there) or `spawned` (nothing:
   * for an error log that goes to a file). By default `workers`, or `listening` where `args` have a log level.
   */
  readonly ready?: 'workers' | 'listening' | 'spawned';
  /** `none`: a config file says where to listen. */
  readonly bind?: 'none';
  /** Milliseconds to wait at most for that, as in {@link OutputQuery}. */
  readonly patience?: number;
}

/** A running wsgi-ts. `await using server = await startServer(…)` stops it at the end of the block. */
export class ServerProcess extends SpawnedProcess {
  /** What the log says after `Listening at:`, such as `http://127.0.0.1:40123` or `unix:/tmp/s`. */
  get urls(): readonly string[] {
    const [, list = ''] = /Listening at: (.+) \(\d+\)/.exec(this.stderr()) ?? [];
    return list === '' ? [] : list.split(/,\s*/);
  }

  /** The first address. */
  get url(): string {
    return this.urls[0] ?? '';
  }

  /** The first TCP address's port; 0 where there is none. */
  get port(): number {
    const tcp = this.urls.find((url) => url.startsWith('http'));
    return tcp === undefined ? 0 : Number(new URL(tcp).port);
  }

  /** The workers that were booted and are alive now, oldest first. */
  workerPids(): number[] {
    return [...this.stderr().matchAll(/Booting worker with pid: (\d+)/g)]
      .map((match) => Number(match[1]))
      .filter(isAlive);
  }

  /**
   * Waits until so many workers have become ready since the start, those that have died since included.
   *
   * @returns the pid of the `count`-th
   */
  async waitForReadyWorkers(
    count: number,
    patience: Pick<OutputQuery, 'patience'> = {},
  ): Promise<number> {
    const query = { count, ...patience };
    const [, pid] = await this.waitForOutput(/Worker ready \(pid: (\d+)\)/, query);
    return Number(pid);
  }
}

/** Whether a process runs; one that has ended and was not waited for yet does not. */
export function isAlive(pid: number): boolean {
  try {
    // proc(5): the state is the first field after the command's name, which may itself hold parentheses.
    const [state] = readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
      .split(') ')
      .slice(-1);
    return state !== undefined && !state.startsWith('Z') && !state.startsWith('X');
  } catch {
    return false;
  }
}

/**
 * Waits until none of these processes runs.
 *
 * @throws Error that names those which still do after ten seconds, and kills them
 */
export async function untilGone(pids: readonly number[]): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const left = pids.filter(isAlive);
    if (left.length === 0) return;
    if (performance.now() > end) {
      for (const pid of left) process.kill(pid, 'SIGKILL');
      throw new Error(`Still there: ${left.join()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Starts wsgi-ts and waits until it is ready. Without a `--bind` it listens on a free port of 127.0.0.1.
 *
 * @param args - the command line after `wsgi-ts`, such as `['--workers=2', 'app:app']`
 * @throws Error with everything the server wrote, when it ends instead
 */
export async function startServer(
  args: readonly string[],
  options: ServerOptions = {},
): Promise<ServerProcess> {
  const ownLevel = valueOf(args, '--log-level') !== undefined;
  const ready = options.ready ?? (ownLevel ? 'listening' : 'workers');
  const isBound = options.bind === 'none' || valueOf(args, '--bind', '-b') !== undefined;
  const bind = isBound ? [] : ['--bind', '127.0.0.1:0'];
  const level = ownLevel ? [] : ['--log-level', 'debug'];
  const patience = options.patience === undefined ? {} : { patience: options.patience };
  const server = spawnCli([...bind, ...level, ...args], options);
  if (ready !== 'spawned')
    await server.waitForOutput(/Listening at: .+ \(\d+\)\n/, { stream: 'stderr', ...patience });
  if (ready === 'workers') {
    const wanted = valueOf(args, '--workers', '-w') ?? options.env?.['WEB_CONCURRENCY'] ?? '1';
    await server.waitForReadyWorkers(Number(wanted), patience);
  }
  return server;
}

/**
 * Starts wsgi-ts as the child of a shell that outlives it: what the server leaves behind (a second master) lives on until
 * `killGroup`. It is not ready yet.
 *
 * @param redirection - what the shell is to redirect, such as `9>/tmp/ready`
 */
export function startUnderShell(args: readonly string[], redirection = ''): SpawnedProcess {
  const command = [process.execPath, inRepository('dist', 'src', 'cli.js'), ...args];
  return new SpawnedProcess(
    'sh',
    ['-c', `"$@" ${redirection}; exec sleep 1000`, 'sh', ...command],
    {
      cwd: repositoryRoot,
      env: activatedEnvironment(),
    },
  );
}

/** What {@link runCli} gives back. */
export interface CliResult {
  readonly end: ProcessEnd;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs wsgi-ts with arguments that make it end by itself: `--help`, a mistake, an app that fails. */
export async function runCli(
  args: readonly string[],
  options: ServerOptions = {},
): Promise<CliResult> {
  const cli = spawnCli(args, options);
  const end = await cli.waitForEnd();
  return { end, stdout: cli.stdout(), stderr: cli.stderr() };
}

function spawnCli(args: readonly string[], options: ServerOptions): ServerProcess {
  const command = [...(options.nodeOptions ?? []), inRepository('dist', 'src', 'cli.js'), ...args];
  return new ServerProcess(process.execPath, command, {
    cwd: options.cwd ?? repositoryRoot,
    env: activatedEnvironment(options.env),
  });
}

/** The value of an option in `--name value`, `--name=value`, `-n value` or `-nvalue`; the last one counts. */
function valueOf(args: readonly string[], long: string, short?: string): string | undefined {
  let value: string | undefined;
  args.forEach((arg, index) => {
    if (arg === long || arg === short) value = args[index + 1];
    else if (arg.startsWith(`${long}=`)) value = arg.slice(long.length + 1);
    else if (short && arg.startsWith(short)) value = arg.slice(short.length);
  });
  return value;
}
