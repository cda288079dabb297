// --daemon: the command starts itself once more, away from the terminal, and ends when a worker of the copy serves, or
// none can.
// Node can't fork without exec. `detach` runs in the command that the person typed (serve.ts); the copy speaks to it over
// Node's IPC channel (parent-channel.ts) until it has begun. The person must always hear how it went: a copy that dies
// without a word is noticed too.

import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { isatty } from 'node:tty';
import { errorOf } from '../error-report.ts';
import { WsgiTsError } from '../errors.ts';
import { launchVariable } from '../launch-words.ts';
import type { LaunchedBy, ServerWord } from '../launch-words.ts';
import { parseAddress } from '../settings/address.ts';
import type { Settings } from '../settings/table.ts';
import { checkReadyFd } from './readiness.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Starts the daemon and waits until a worker of it serves. SIGINT, SIGTERM and SIGHUP meanwhile stop it.
 *
 * @param variables - the environment, which the daemon gets too
 * @returns what it said when it served
 * @throws WsgiTsError ERR_WSGI_READY_FD; what the daemon could not start for; `ERR_WSGI_DAEMON` where it ended without saying why
 */
export async function detach(
  settings: DaemonSettings,
  variables: Variables,
): Promise<Pick<ServerWord & { readonly type: 'serving' }, 'urls' | 'patience'>> {
  if (settings.readyFd !== null) checkReadyFd(settings.readyFd);
  const daemon = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true, // setsid(2): no terminal, no job of any shell
    stdio: standardStreams(settings),
    env: { ...variables, [launchVariable]: 'daemon' satisfies LaunchedBy },
  });
  const stop = (): void => {
    daemon.kill('SIGTERM');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    const answer = await outcome(daemon);
    if (answer.type === 'failed') throw errorOf(answer.error);
    return answer;
  } finally {
    for (const signal of signals) process.off(signal, stop);
    if (daemon.connected) daemon.disconnect();
    daemon.unref();
  }
}

/** How a start goes. */
type Outcome = ServerWord & { readonly type: 'serving' | 'failed' };

type DaemonSettings = Pick<Settings, 'bind' | 'enableStdioInheritance' | 'readyFd'>;

/** Nothing to read, nowhere to write but with -R; descriptors that settings name keep their numbers. */
function standardStreams({ bind, enableStdioInheritance, readyFd }: DaemonSettings): StdioOptions {
  const output = (fd: number): 'inherit' | 'ignore' =>
    enableStdioInheritance && !isatty(fd) ? 'inherit' : 'ignore';
  const sockets = bind.map(parseAddress).flatMap((one) => (one.kind === 'fd' ? [one.fd] : []));
  const named = [...sockets, readyFd ?? 0].filter((fd) => fd > 2);
  const streams: ('inherit' | 'ignore' | 'ipc' | number)[] = ['ignore', output(1), output(2)];
  const length = Math.max(2, ...named) + 1;
  while (streams.length < length)
    streams.push(named.find((fd) => fd === streams.length) ?? 'ignore');
  return [...streams, 'ipc'];
}

/** The first message; or an error that says how the process ended without one. */
async function outcome(daemon: ChildProcess): Promise<Outcome> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    return await Promise.race([
      once(daemon, 'message', { signal }).then(([message]) => message as Outcome),
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
