// A folder for one unix socket that only this user can open, and that is gone when the process is. Used by vite.ts.
// Development servers are ended by Ctrl-C, which ends a process without its exit handlers: hence the signals here.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder. */
export interface SocketFolder {
  /** Path of the socket to be made in it; short, as sun_path has no more than 104 bytes on some systems (unix(7)). */
  readonly socket: string;
  /** Removes the folder and what is in it. Safe to call again. */
  remove(): void;
}

/** Signals whose default is the end, and which terminals send. */
const signals = ['SIGINT', 'SIGHUP'] as const;

/** Makes one; mkdtemp(3) gives it the mode 0700. */
export function makeSocketFolder(): SocketFolder {
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    process.off('exit', remove);
    for (const signal of signals) process.off(signal, end);
  };
  const end = (signal: NodeJS.Signals): void => {
    remove();
    // Nobody else wants to know of it: let it do what it does without us.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  process.on('exit', remove);
  for (const signal of signals) process.on(signal, end);
  return { socket: join(folder, 'app.sock'), remove };
}
