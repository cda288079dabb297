// What each signal means to the master: a table, read by the arbiter and by docs/signals.md's test.
// `watchSignals` ties it to the process; master.ts calls it, on the master's main thread.
// Nothing here acts on a signal: the arbiter decides, supervisor.ts performs.

/** What a signal asks of the master. */
export type SignalMeaning =
  /** End: workers finish what they run (`graceful`), or leave at once. */
  | { readonly kind: 'stop'; readonly graceful: boolean }
  /** One worker more, or one less. */
  | { readonly kind: 'resize'; readonly change: 1 | -1 }
  /** No worker at all, until there is a HUP or TTIN. */
  | { readonly kind: 'dismiss' }
  /** Open the log files anew, here and in the workers (log rotation). */
  | { readonly kind: 'reopen-logs' }
  /** Read settings, certificates and app anew, and replace the workers one by one. */
  | { readonly kind: 'reload' }
  /** Start another master with the same sockets. */
  | { readonly kind: 'upgrade' }
  /** Nothing is to be done; a debug line says why. */
  | { readonly kind: 'ignored'; readonly why: string };

/** The signals that the master handles, as gunicorn's users know them. */
export type MasterSignal =
  | 'SIGTERM'
  | 'SIGINT'
  | 'SIGQUIT'
  | 'SIGTTIN'
  | 'SIGTTOU'
  | 'SIGUSR1'
  | 'SIGUSR2'
  | 'SIGHUP'
  | 'SIGWINCH';

/** One row a signal. */
export const signalTable: Readonly<Record<MasterSignal, SignalMeaning>> = {
  SIGTERM: { kind: 'stop', graceful: true },
  SIGINT: { kind: 'stop', graceful: false },
  SIGQUIT: { kind: 'stop', graceful: false },
  SIGTTIN: { kind: 'resize', change: 1 },
  SIGTTOU: { kind: 'resize', change: -1 },
  SIGUSR1: { kind: 'reopen-logs' },
  SIGUSR2: { kind: 'upgrade' },
  SIGHUP: { kind: 'reload' },
  SIGWINCH: { kind: 'dismiss' },
};

/** What `signal` asks for. Every terminal sends SIGWINCH when its window changes: it counts for a daemon alone. */
export function meaningOf(signal: MasterSignal, daemonized = false): SignalMeaning {
  const meaning = signalTable[signal];
  if (meaning.kind !== 'dismiss' || daemonized) return meaning;
  return { kind: 'ignored', why: 'Not daemonized' };
}

/** How many workers there should be after such a signal, where there were to be `target`. */
export function resized(
  target: number,
  meaning: SignalMeaning & { readonly kind: 'resize' | 'dismiss' },
): number {
  if (meaning.kind === 'dismiss') return 0;
  // TTOU leaves the last one alone, and none where none is wanted.
  return Math.max(Math.min(1, target), target + meaning.change);
}

/** A signal's name as gunicorn writes it in the log: `SIGTERM` is `term`. */
export function shortName(signal: MasterSignal): string {
  return signal.slice('SIG'.length).toLowerCase();
}

/** The part of `process` that {@link watchSignals} needs. */
export interface SignalSource {
  on(signal: MasterSignal, listener: () => void): unknown;
  off(signal: MasterSignal, listener: () => void): unknown;
}

/**
 * Calls `report` at each signal of the table.
 *
 * @returns a function that takes the handlers away again
 */
export function watchSignals(
  source: SignalSource,
  report: (signal: MasterSignal) => void,
): () => void {
  const handlers = (Object.keys(signalTable) as MasterSignal[]).map((signal) => {
    const listener = (): void => {
      report(signal);
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of handlers) source.off(signal, listener);
  };
}
