// The server of a smoke test: the command as a child process, as `serve()` starts it, with its output in one file. Made by
// smoke.ts. It must never outlive the test.

import { setTimeout as sleep } from 'node:timers/promises';
import { howEnded, ServerChild } from '../embed/server-child.ts';
import { startServer } from '../embed/server-process.ts';
import { WsgiTsError } from '../errors.ts';

/** What {@link startSmokeServer} needs. */
export interface SmokeServerOptions {
  /** The command line behind `wsgi-ts`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The descriptor that becomes standard output and error. */
  readonly output: number;
  /** Ends it, be it while it starts. */
  readonly signal: AbortSignal;
}

/** Milliseconds that the log gets to be written: a thread of the app's may hold it up. */
const drainPatience = 2000;

/** A server that serves. */
export class SmokeServer {
  readonly #child: ServerChild;
  #end: string | null = null;

  constructor(child: ServerChild) {
    this.#child = child;
    void child.closed.then((end) => {
      this.#end = howEnded(end);
    });
  }

  /** How it has ended: `by SIGKILL`; null: it has not. */
  get end(): string | null {
    return this.#end;
  }

  get url(): string {
    return this.#child.url;
  }

  /** Resolves when all that was logged so far is written. */
  async drainLogs(): Promise<void> {
    const over = new AbortController();
    const late = sleep(drainPatience, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([this.#child.drainLogs(), late]);
    over.abort();
  }

  /** New workers, since a thread of the old ones may be stuck. */
  async renew(): Promise<void> {
    try {
      await this.#child.reload();
    } catch (error) {
      // The old ones go on, and so do the cases; or the server is gone, which they will find out.
      if (!(error instanceof WsgiTsError)) throw error;
    }
  }

  /** Ends it at once: nobody is being answered any more. */
  async close(): Promise<void> {
    try {
      process.kill(this.#child.pid, 'SIGINT');
    } catch {
      // ESRCH: it has ended.
    }
    await this.#child.close();
  }
}

/** Why there is no server. */
export interface NoServer {
  readonly error: WsgiTsError;
  /** Whether its output ends with that, as the command says it. */
  readonly isReported: boolean;
}

/**
 * Starts the server; resolves when it can be visited, or, once it is gone, with why it can't.
 *
 * @throws the reason of `signal`, once the server is gone
 */
export async function startSmokeServer({
  argv,
  env,
  output,
  signal,
}: SmokeServerOptions): Promise<SmokeServer | NoServer> {
  signal.throwIfAborted();
  const child = new ServerChild(startServer(argv, env, [output, output]), signal);
  void child.closed.then(() => {
    endGroup(child.pid);
  });
  try {
    await child.serving;
  } catch (error) {
    if (error instanceof WsgiTsError) return { error, isReported: child.isReported };
    throw error;
  }
  return new SmokeServer(child);
}

/** Ends what the app has started and left behind in the group that the server was the first of. */
function endGroup(group: number): void {
  if (group <= 1) return; // it was never started; 0 would be our own group
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // ESRCH: nothing is left.
  }
}
