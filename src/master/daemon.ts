// --daemon: the command starts itself once more, away from the terminal, and ends when a worker of the copy serves, or
// none can.
// Node can't fork without exec. `detach` runs in the command that the person typed (serve.ts), `openLaunch` in the copy;
// the two speak over Node's IPC channel until the copy has begun. The person must always hear how it went: a copy that
// dies without a word is noticed too.

import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { isatty } from 'node:tty';
import { WsgiTsError } from '../errors.ts';
import type { Blame } from '../errors.ts';
import { parseAddress } from '../settings/address.ts';
import type { Settings } from '../settings/table.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Tells the copy what it is; it is taken out of the environment before anything else starts. */
const marker = 'WSGI_TS_DAEMON';

/** What the copy says. */
type LaunchMessage =
  | { readonly type: 'begun' }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly blame: Blame;
      readonly message: string;
      readonly remedy?: string;
      readonly traceback?: string;
      readonly exitCode: number;
    };

/** A daemon's way to tell how its start goes; where nobody waits, the calls do nothing. */
export interface Launch {
  /** The listeners are open: the command may end. */
  begun(): void;
  /** It can't start: the command says why, and ends with the error's exit code. */
  failed(error: unknown): void;
}

/** Of a server in the foreground. */
export const noLaunch: Launch = { begun: () => undefined, failed: () => undefined };

/** The copy's end of the launch; null in a process that is no copy. */
export function openLaunch(variables: Variables): Launch | null {
  if (variables[marker] === undefined || process.send === undefined) return null;
  const tell = (message: LaunchMessage): void => {
    if (!process.connected) return;
    process.send?.(message, undefined, undefined, () => {
      // Who waited may be gone; either way there is no more to say.
      if (process.connected) process.disconnect();
    });
  };
  return {
    begun: () => {
      tell({ type: 'begun' });
    },
    failed: (error) => {
      tell(failure(error));
    },
  };
}

/** Takes the mark out of a copy's environment, which the app and its children will see. */
export function forgetLaunch(env: NodeJS.ProcessEnv): void {
  Reflect.deleteProperty(env, marker);
}

function failure(error: unknown): LaunchMessage {
  if (!(error instanceof WsgiTsError)) {
    const message = `a fault in wsgi-ts itself: ${String(error instanceof Error ? error.stack : error)}`;
    return { type: 'failed', code: 'ERR_WSGI_DAEMON', blame: 'server', message, exitCode: 1 };
  }
  const { code, blame, message, remedy, traceback, exitCode } = error;
  return {
    ...{ type: 'failed', code, blame, message, exitCode },
    ...(remedy === undefined ? {} : { remedy }),
    ...(traceback === undefined ? {} : { traceback }),
  };
}

/**
 * Starts the daemon and waits until it listens. SIGINT, SIGTERM and SIGHUP meanwhile stop it.
 *
 * @param variables - the environment, which the daemon gets too
 * @returns the exit code, 0
 * @throws WsgiTsError what the daemon could not start for; `ERR_WSGI_DAEMON` where it ended without saying why
 */
export async function detach(settings: DaemonSettings, variables: Variables): Promise<number> {
  const daemon = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true, // setsid(2): no terminal, no job of any shell
    stdio: standardStreams(settings),
    env: { ...variables, [marker]: '1' },
  });
  const stop = (): void => {
    daemon.kill('SIGTERM');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    const answer = await outcome(daemon);
    if (answer.type === 'begun') return 0;
    throw new WsgiTsError(answer.code, answer.blame, answer.message, answer);
  } finally {
    for (const signal of signals) process.off(signal, stop);
    if (daemon.connected) daemon.disconnect();
    daemon.unref();
  }
}

type DaemonSettings = Pick<Settings, 'bind' | 'enableStdioInheritance'>;

/** Nothing to read, nowhere to write but with -R; sockets of `fd://N` keep their numbers. */
function standardStreams({ bind, enableStdioInheritance }: DaemonSettings): StdioOptions {
  const output = (fd: number): 'inherit' | 'ignore' =>
    enableStdioInheritance && !isatty(fd) ? 'inherit' : 'ignore';
  const streams: ('inherit' | 'ignore' | 'ipc' | number)[] = ['ignore', output(1), output(2)];
  for (const address of bind.map(parseAddress)) {
    if (address.kind !== 'fd' || address.fd < streams.length) continue;
    while (streams.length < address.fd) streams.push('ignore');
    streams.push(address.fd);
  }
  return [...streams, 'ipc'];
}

/** The first message; or an error that says how the process ended without one. */
async function outcome(daemon: ChildProcess): Promise<LaunchMessage> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    return await Promise.race([
      once(daemon, 'message', { signal }).then(([message]) => message as LaunchMessage),
      // Not 'exit': what it has said is read before 'close'.
      once(daemon, 'close', { signal }).then(([code, killer]) => {
        const how = killer === null ? `with exit code ${String(code)}` : `by ${String(killer)}`;
        throw new WsgiTsError(
          'ERR_WSGI_DAEMON',
          'operator',
          `The daemon ended ${how} before it listened`,
          {
            remedy: 'Its error log may tell why, and so does the same command without --daemon.',
          },
        );
      }),
    ]);
  } finally {
    waiting.abort();
  }
}
