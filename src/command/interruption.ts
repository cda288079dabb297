// Ctrl-C and its kin while a binding is built: what is under way is ended and cleared away, and the command with it.
// Used by the commands that may build one and are not the master, which has handlers of its own.

import { WsgiTsError } from '../errors.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Does something that can be interrupted by a signal; afterwards signals do what they did before. */
export async function interruptible<Result>(
  action: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    const message = 'Interrupted: nothing was built.';
    interruption.abort(new WsgiTsError('ERR_WSGI_INTERRUPTED', 'operator', message));
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await action(interruption.signal);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
