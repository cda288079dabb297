// What a worker is told of the settings: one value, sent over IPC before anything else. Called by master.ts.
// Pure; that it holds all that a worker needs is what keeps a worker from reading settings by itself.

import { WsgiTsError } from '../errors.ts';
import type { WorkerConfiguration } from '../messages.ts';
import type { Settings } from '../settings/table.ts';
import { environmentVariables } from '../settings/value-types.ts';
import type { Listener } from './listeners.ts';
import { firstListenerFd } from './worker-handle.ts';

/**
 * The configuration of every worker.
 *
 * @param python - the interpreter that the master has found: a worker need not look for it again
 * @param argv - the command line as the app shall see it in `sys.argv`, the program first
 * @throws WsgiTsError (operator, exit code 1) when no app is given
 */
export function configure(
  settings: Settings,
  listeners: readonly Listener[],
  python: string | null,
  argv: readonly string[],
): WorkerConfiguration {
  if (settings.app === null) {
    throw new WsgiTsError('ERR_WSGI_NO_APP', 'operator', 'No application module specified.', {
      remedy: 'Name it as MODULE:VARIABLE, for example: wsgi-ts app:app',
    });
  }
  return {
    app: settings.app,
    chdir: settings.chdir,
    pythonpath: settings.pythonpath,
    env: environmentVariables(settings.env),
    python,
    workers: settings.workers,
    threads: settings.threads,
    timeout: settings.timeout,
    gracefulTimeout: settings.gracefulTimeout,
    keepAlive: settings.keepAlive,
    backlog: settings.backlog,
    logLevel: settings.logLevel,
    accessLogFile: settings.accessLogFile,
    accessLogFormat: settings.accessLogFormat,
    errorLogFile: settings.errorLogFile,
    argv,
    listeners: listeners.map(({ url }, index) => ({ fd: firstListenerFd + index, url })),
  };
}
