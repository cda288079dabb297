// What the master is surrounded by: the terminal or the daemon's dark, the service manager, the user whom workers work
// for. master.ts enters them first, on the main thread, and asks here whatever follows from them; each of them has a
// module of its own, this one only brings them together. It changes the process: umask, title, environment variables
// that nobody below shall see. It must never open anything that has to be closed.

import type { Interpreter } from '../bridge/interpreter.ts';
import type { Logger } from '../log/logger.ts';
import type { WorkerIdentity } from '../messages.ts';
import { parseAddress } from '../settings/address.ts';
import type { Settings } from '../settings/table.ts';
import { takeActivation } from './activation.ts';
import { giveLogFiles, workerIdentity } from './identity.ts';
import type { ListenOptions } from './listeners.ts';
import { ServiceNotifier, takeServiceManager } from './notify.ts';
import { titleOf } from './title.ts';
import { predecessorOf } from './upgrade.ts';

/** What a daemon's files lack by default; gunicorn's. */
const daemonUmask = 0o022;

/** What follows from where and how the server was started. */
export interface Surroundings {
  /** Whom the workers shall be; null: who the master is. */
  readonly identity: WorkerIdentity | null;
  /** What to listen at, and how. */
  readonly listening: (
    settings: Settings,
  ) => Pick<ListenOptions, 'addresses' | 'umask' | 'reusePort' | 'owner'>;
  /** Sockets that a service manager has opened. */
  readonly activated: number;
  /** Whoever tells the service manager how we are. */
  notifier(interpreter: Interpreter, logger: Logger): ServiceNotifier;
  /** Lets the workers' user write the log files; at the start, and when they are opened anew. */
  readonly giveLogs: () => void;
  /** Variables that were taken out of the environment, for a master that takes our place. */
  passedOn(notifier: ServiceNotifier): Readonly<Record<string, string>>;
}

/**
 * Enters them.
 *
 * @param env - the process' own environment; what was meant for the master alone is taken out of it
 * @throws WsgiTsError `ERR_WSGI_PRIVILEGES` (operator, exit code 1): see {@link workerIdentity}
 */
export function enterSurroundings(settings: Settings, env: NodeJS.ProcessEnv): Surroundings {
  const activated = takeActivation(env, predecessorOf(env));
  const manager = takeServiceManager(env, process.pid);
  process.title = titleOf('master', settings);
  if (settings.umask !== 0) process.umask(settings.umask);
  else if (settings.daemon) process.umask(daemonUmask);
  const identity = workerIdentity(settings);
  const giveLogs = (): void => {
    if (identity !== null) giveLogFiles([settings.errorLogFile, settings.accessLogFile], identity);
  };
  giveLogs();
  return {
    identity,
    activated: activated.length,
    listening: ({ bind, umask, reusePort }) => ({
      addresses: activated.length > 0 ? activated : bind.map(parseAddress),
      ...{ umask, reusePort, owner: identity },
    }),
    notifier: (interpreter, logger) => new ServiceNotifier(manager, interpreter, logger),
    giveLogs,
    passedOn: ({ variables }) =>
      activated.length === 0
        ? variables
        : {
            ...variables,
            LISTEN_FDS: String(activated.length),
            LISTEN_PID: String(process.pid),
          },
  };
}
