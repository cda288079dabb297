// The sockets that a service manager has opened for us (socket activation, sd_listen_fds(3)): they come as file
// descriptors from 3 on, and are used in place of --bind, as gunicorn does. surroundings.ts calls it once, on the
// master's main thread, before Python starts. The variables are taken out of the environment: they are about this
// process, and the app's children must not believe them.

import type { Address } from '../settings/address.ts';

/** SD_LISTEN_FDS_START */
const firstFd = 3;
const names = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'] as const;

/**
 * Takes what `env` says of passed sockets.
 *
 * @param pids - this process, and the master before it (SIGUSR2): variables for another one mean nothing
 * @returns their addresses; empty where there are none
 */
export function takeActivation(
  env: NodeJS.ProcessEnv,
  pids: readonly number[],
): readonly Address[] {
  const { LISTEN_FDS: count = '', LISTEN_PID: owner = '' } = env;
  for (const name of names) Reflect.deleteProperty(env, name);
  if (!pids.map(String).includes(owner) || !/^[1-9]\d{0,4}$/.test(count)) return [];
  return Array.from({ length: Number(count) }, (_, index) => ({
    kind: 'fd' as const,
    fd: firstFd + index,
  }));
}
