// A worker process as the master sees it: started, told, signalled, heard, ended. Not what a worker does;
// that is src/worker/, of which nothing is imported here. supervisor.ts makes one for each worker that the
// arbiter wants, on the master's main thread. It decides nothing: what it hears it passes on.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { isWorkerMessage } from '../messages.ts';
import type { MasterMessage, WorkerConfiguration, WorkerMessage } from '../messages.ts';
import type { OutputRelay, OutputRelays, RelayedPipe } from './output-relay.ts';

/** The descriptor that the first listening socket has in a worker. */
export const firstListenerFd = 3;
/**
 * Flags of V8 that a worker is started with; the master's own win. New objects get 2 MiB, not 16: hardly any of a request's
 * outlives it, and what was once in use for them is never given back.
 */
const workerFlags = ['--max-semi-space-size=2'];
/** Milliseconds that a dead worker's last output gets to be written before its death is reported. */
const longestSettling = 100;

/** What a worker says that is not for its handle alone. */
export type WorkerReport = Exclude<WorkerMessage, { readonly type: 'logs-drained' }>;

/** What {@link WorkerHandle} needs to start a worker. */
export interface WorkerOptions {
  /** The program: worker/worker.js. */
  readonly script: URL;
  readonly configuration: WorkerConfiguration;
  /** The master's descriptors of the listening sockets, in the order of `configuration.listeners`. */
  readonly listenerFds: readonly number[];
  readonly relays: OutputRelays;
  /** A file for its journal; the caller closes it. */
  readonly journalFd: number;
  /** Makes a pipe: its read and its write end, the latter blocking. */
  readonly makePipe: () => readonly [number, number];
  readonly onMessage: (message: WorkerReport) => void;
  readonly onExit: (exit: WorkerExit) => void;
}

/** How a worker is to stop. */
export interface StopOrder {
  readonly graceful: boolean;
  readonly signal: NodeJS.Signals;
  readonly sealed: readonly number[];
}

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it never ran. */
  readonly failure?: string;
}

/** One worker process. */
export class WorkerHandle {
  /** Undefined where it could not be started; `onExit` says so soon. */
  readonly pid: number | undefined;
  readonly #child: ChildProcess | undefined;
  #isReady = false;
  /** Who waits for its log to be written. */
  #drains: (() => void)[] = [];

  /** Starts the worker and sends it its configuration. Never throws. */
  constructor(options: WorkerOptions) {
    try {
      const [child, pipes] = start(options);
      this.#child = child;
      listen(child, pipes, {
        onMessage: (message) => {
          this.#isReady ||= message.type === 'ready';
          if (message.type === 'logs-drained') this.#logsDrained();
          else options.onMessage(message);
        },
        onExit: (exit) => {
          options.onExit(exit);
          this.#logsDrained();
        },
      });
    } catch (error) {
      // ENOMEM, or no descriptors left for a pipe: it must not end the servers that run.
      setImmediate(options.onExit, { code: null, signal: null, failure: reasonOf(error) });
      return;
    }
    this.pid = this.#child.pid;
    this.#tell({ type: 'configure', configuration: options.configuration });
  }

  /**
   * Asks it to stop: over IPC, which says more, and by `signal` where it can't hear that yet, or any more.
   *
   * @param order.sealed - indices of its listeners whose queues it is to empty
   */
  stop({ graceful, signal, sealed }: StopOrder): void {
    this.#tell({ type: 'stop', graceful, sealed });
    if (!this.#isReady || this.#child?.connected !== true) this.signal(signal);
  }

  /** Says what clients are to hear that ask for the server's health, and whether the master waits with its stop. */
  sayHealth(healthy: boolean, draining: boolean): void {
    this.#tell({ type: 'health', healthy, draining });
  }

  /** Resolves when all that it has logged so far is written; where it has died, when that is reported. */
  drainLogs(): Promise<void> {
    if (!this.#isReady) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drains.push(resolve);
      this.#tell({ type: 'drain-logs' });
    });
  }

  #logsDrained(): void {
    for (const resolve of this.#drains.splice(0)) resolve();
  }

  /** Sends a signal; nothing happens when it is gone already. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  #tell(message: MasterMessage): void {
    if (this.#child?.connected !== true) return;
    this.#child.send(message, () => {
      // A worker that died meanwhile: its exit is reported anyway.
    });
  }
}

function start({
  script,
  configuration,
  listenerFds,
  relays,
  journalFd,
  makePipe,
}: WorkerOptions): [ChildProcess, RelayedPipe[]] {
  const pipes = new Map<OutputRelay, { readonly writeEnd: number; readonly pipe: RelayedPipe }>();
  const outputFor = (relay: OutputRelay | null): number | 'inherit' => {
    if (relay === null) return 'inherit';
    const made = pipes.get(relay);
    if (made !== undefined) return made.writeEnd; // 2>&1
    const [readEnd, writeEnd] = makePipe();
    pipes.set(relay, { writeEnd, pipe: relay.attach(readEnd) });
    return writeEnd;
  };
  try {
    const child = fork(script, [configuration.title], {
      // room for it: a title can't be longer than what was typed

      // Standard input is the master's, as with gunicorn: breakpoint() works in a terminal.
      stdio: [
        'inherit',
        outputFor(relays.stdout),
        outputFor(relays.stderr),
        ...listenerFds,
        journalFd,
        'ipc',
      ],
      serialization: 'json',
      execArgv: [...workerFlags, ...process.execArgv],
      // The master's own may be gone, and Node can't start in a directory that is not there.
      cwd: configuration.chdir,
    });
    return [child, [...pipes.values()].map(({ pipe }) => pipe)];
  } finally {
    // The worker has its own copies; the pipe must end when the worker does.
    for (const { writeEnd } of pipes.values()) closeSync(writeEnd);
  }
}

function listen(
  child: ChildProcess,
  pipes: RelayedPipe[],
  {
    onMessage,
    onExit,
  }: {
    readonly onMessage: (message: WorkerMessage) => void;
    readonly onExit: WorkerOptions['onExit'];
  },
): void {
  child.on('message', (message) => {
    if (isWorkerMessage(message)) onMessage(message);
  });
  child.on('exit', (code, signal) => {
    void lastWords(pipes).then(() => {
      // A process that the worker left behind may hold the other end, and we would never end.
      if (child.connected) child.disconnect();
      onExit({ code, signal });
    });
  });
  child.on('error', (error) => {
    // With a pid it is a message or a signal that failed, not the start.
    if (child.pid === undefined) onExit({ code: null, signal: null, failure: error.message });
  });
}

/**
 * Resolves when what a dead worker said and wrote last has been read: its messages, and its output, which shall
 * come before what is said of its death. Nobody waits long for a slow reader.
 */
async function lastWords(pipes: readonly RelayedPipe[]): Promise<void> {
  await immediate();
  const settled = Promise.all(pipes.map((pipe) => pipe.settle()));
  await Promise.race([settled, sleep(longestSettling, undefined, { ref: false })]);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
