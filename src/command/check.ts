// --check-config: whatever a start would find wrong before it serves: certificates, hooks, log config, and the app. Called
// by serve.ts; in a process of its own that ends behind it. It must never open a socket, nor a log file of ours. (A log
// config opens what it names: only Python's own logging can tell whether it is any good.)

import { showProgress } from '../binding/progress.ts';
import { startInterpreter } from '../bridge/interpreter.ts';
import type { Interpreter } from '../bridge/interpreter.ts';
import { loadFailure, type LoadFailure } from '../bridge/load-failure.ts';
import { readCertificates } from '../certificates.ts';
import { tlsPolicy } from '../master/configuration.ts';
import { openMasterHooks } from '../master/hooks.ts';
import { logPolicy } from '../master/log-policy.ts';
import { createLogger } from '../log/logger.ts';
import type { ResolvedSettings } from '../settings/resolve.ts';
import { environmentVariables } from '../settings/value-types.ts';
import { interruptible } from './interruption.ts';

type Answer = { readonly ok: true } | LoadFailure;

/** @throws WsgiTsError (operator or application, exit code 1, as gunicorn's) for the first thing that is wrong */
export async function checkEverything(
  app: string,
  { settings, configFile: file }: ResolvedSettings,
): Promise<void> {
  process.chdir(settings.chdir); // as the master does: relative paths start there
  const tls = tlsPolicy(settings);
  if (tls !== null) readCertificates(tls);
  const { python, chdir: directory, noBuild } = settings;
  const interpreter = await interruptible((signal) =>
    startInterpreter({ python, directory, noBuild, listener: showProgress(2), signal }),
  );
  openMasterHooks({
    file,
    settings,
    interpreter,
    logger: createLogger({ level: 'error', file: '-' }),
  });
  interpreter.call('boot', 'prepare', {
    chdir: settings.chdir,
    pythonpath: [...settings.pythonpath],
    env: environmentVariables(settings.env),
    argv: process.argv.slice(1),
  });
  // A config names classes of the app's; it is not there yet, as in a worker.
  const { config } = logPolicy(settings);
  if (config !== null) insist(interpreter, 'log_setup', 'check', { ...config });
  insist(interpreter, 'boot', 'check', app);
  interpreter.call('boot', 'finish');
}

function insist(interpreter: Interpreter, ...call: Parameters<Interpreter['call']>): void {
  const answer = interpreter.call(...call) as unknown as Answer;
  if (answer.ok) return;
  interpreter.call('boot', 'finish');
  throw loadFailure({ ...answer, exit_code: 1 });
}
