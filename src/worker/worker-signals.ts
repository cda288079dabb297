// What each signal means to a worker: a table, and the function that ties it to the process.
// Called by worker.ts on the worker's main thread, before the app is imported and once more after it: an app
// that sets handlers of its own, or Python itself, must not take away how the server is stopped.
// It must never act by itself: the worker decides.

/** What a signal asks of a worker. */
export type WorkerOrder = 'stop' | 'quit' | 'reopen-logs' | 'nothing';

/** One row a signal. All others keep their default action; SIGABRT's is how the master ends a silent worker. */
export const workerSignals = {
  SIGTERM: 'stop',
  SIGINT: 'quit',
  SIGQUIT: 'quit',
  SIGUSR1: 'reopen-logs',
  // Meant for the master, when somebody signals all processes of that name at once.
  SIGHUP: 'nothing',
  SIGUSR2: 'nothing',
  SIGWINCH: 'nothing',
  // Scripts give it back its default action; here a client that leaves would end the worker.
  SIGPIPE: 'nothing',
} as const satisfies Partial<Record<NodeJS.Signals, WorkerOrder>>;

/** The part of `process` that {@link watchSignals} needs. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/**
 * Calls `obey` at each signal of the table.
 * @returns a function that installs all handlers anew with the kernel, whoever has replaced them
 */
export function watchSignals(source: SignalSource, obey: (order: WorkerOrder) => void): () => void {
  const entries = Object.entries(workerSignals) as [NodeJS.Signals, WorkerOrder][];
  const listeners = entries.map(([signal, order]) => ({
    signal,
    listener: () => {
      obey(order);
    },
  }));
  const install = (): void => {
    for (const { signal, listener } of listeners) {
      // libuv calls sigaction(2) only for the first listener of a signal.
      source.off(signal, listener);
      source.on(signal, listener);
    }
  };
  install();
  return install;
}
