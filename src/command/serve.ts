// `wsgi-ts app:app`: settings → serve, or check, or print. Called by cli.ts, in the process that becomes the master.
// Interpreter and master are imported only when they are needed: --help and a wrong value must answer also
// where Python is broken.

import { showProgress } from '../binding/progress.ts';
import type { Variables } from '../binding/site.ts';
import { loadFailure, type LoadFailure } from '../bridge/load-failure.ts';
import { version } from '../bridge/version.ts';
import { readCertificates } from '../certificates.ts';
import { WsgiTsError } from '../errors.ts';
import { Launch } from '../master/launch.ts';
import { renderConfiguration } from '../settings/render.ts';
import type { ResolvedSettings } from '../settings/resolve.ts';
import type { Settings } from '../settings/table.ts';
import { environmentVariables } from '../settings/value-types.ts';
import { addSettings, newCommand, readSettings } from './command-line.ts';
import { interruptible } from './interruption.ts';
import { write } from './output.ts';
import { readEverything } from './read-everything.ts';

const commands = `
Commands:
  doctor [options] [app]                  Look at Python, machine and app, and say what is wrong
  binding build|list|remove               The bindings that embed one Python each (wsgi-ts binding --help)

An app in a module of such a name: wsgi-ts doctor:application`;

/**
 * Serves, or does what --check-config and --print-config ask for.
 *
 * @param argv - the command line behind `wsgi-ts`
 * @returns the exit code
 * @throws CommanderError, and WsgiTsError (operator, application) where nothing can be served
 */
export async function serve(
  argv: readonly string[],
  variables: NodeJS.ProcessEnv,
): Promise<number> {
  const launch = new Launch(process, variables);
  try {
    return await serveOrCheck(argv, variables, launch);
  } catch (error) {
    await launch.failed(error); // there may be no terminal to tell
    throw error;
  }
}

async function serveOrCheck(
  argv: readonly string[],
  variables: Variables,
  launch: Launch,
): Promise<number> {
  const command = newCommand('wsgi-ts')
    .usage('[options] app')
    .description("Serves a Python WSGI app. Signals, flags and log lines are gunicorn's.")
    .version(`wsgi-ts (version ${version})`, '-v, --version', 'Print the version and exit')
    .addHelpText('after', commands)
    .showHelpAfterError('wsgi-ts --help shows every setting.');
  const given = readSettings(addSettings(command), argv);
  const env = { ...variables }; // a config file may change them
  const reread = (): Promise<ResolvedSettings> => readEverything(given, env);
  const resolved = await reread();
  const { settings, warnings } = resolved;
  if (settings.app === null) {
    throw new WsgiTsError('ERR_WSGI_NO_APP', 'operator', 'No application module specified.', {
      exitCode: 1,
      remedy:
        'Name the module and the variable in it: wsgi-ts app:app serves `app` of app.py. A config file does it by ' +
        "wsgi_app = 'app:app'.",
    });
  }
  if (settings.printConfig) write(1, renderConfiguration(resolved));
  if (settings.printConfig || settings.checkConfig) {
    for (const warning of warnings) write(2, `Warning: ${warning}.\n`);
    await checkApp(settings.app, settings);
    return 0;
  }
  return start(resolved, reread, variables, launch);
}

/** Runs the master: here, or in a process of its own. */
async function start(
  resolved: ResolvedSettings,
  reread: () => Promise<ResolvedSettings>,
  variables: Variables,
  launch: Launch,
): Promise<number> {
  const { isSuccessor } = await import('../master/upgrade.ts');
  const { settings } = resolved;
  // A second master (SIGUSR2) is away from the terminal already, and a program that talks to its server keeps it.
  const isOwn = launch.starter === null || launch.starter === 'other';
  if (settings.daemon && isOwn && !isSuccessor(variables)) {
    const { detach } = await import('../master/daemon.ts');
    const { urls, patience } = await detach(settings, variables);
    launch.serving(urls, patience);
    return 0;
  }
  const { runMaster } = await import('../master/master.ts');
  return runMaster(resolved, version, { reread, launch });
}

/** Loads the app in this process. @throws WsgiTsError (exit code 1, as gunicorn's) when that fails. */
async function checkApp(app: string, settings: Settings): Promise<void> {
  process.chdir(settings.chdir); // as the master does: relative paths start there
  const { tlsPolicy } = await import('../master/configuration.ts');
  const tls = tlsPolicy(settings);
  if (tls !== null) readCertificates(tls);
  const { startInterpreter } = await import('../bridge/interpreter.ts');
  const { python, chdir: directory, noBuild } = settings;
  const interpreter = await interruptible((signal) =>
    startInterpreter({ python, directory, noBuild, listener: showProgress(2), signal }),
  );
  interpreter.call('boot', 'prepare', {
    chdir: settings.chdir,
    pythonpath: [...settings.pythonpath],
    env: environmentVariables(settings.env),
    argv: process.argv.slice(1),
  });
  const result = interpreter.call('boot', 'check', app) as { ok: true } | LoadFailure;
  interpreter.call('boot', 'finish');
  if (!result.ok) throw loadFailure({ ...result, exit_code: 1 });
}
