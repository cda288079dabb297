#!/usr/bin/env node
// The command `wsgi-ts`: command line → settings → serve, or check, or print. The only file that knows
// commander, and the only one that decides on an exit code. Runs once, in the process that becomes the
// master. Interpreter and master are imported only when they are needed: --help and a wrong value must
// answer also where Python is broken. It must never use process.stdout or process.stderr while an app may
// print: Node would set O_NONBLOCK on a pipe that Python writes to as well.

// First, because the imports of a module run in order and before its own statements.
import './sigusr1.ts';
import { accessSync, constants, statSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Command, CommanderError, Option } from 'commander';
import { readCertificates } from './certificates.ts';
import { version } from './bridge/version.ts';
import { loadFailure, type LoadFailure } from './bridge/load-failure.ts';
import { WsgiTsError } from './errors.ts';
import { compileFormat } from './log/access-log.ts';
import { renderConfiguration, renderDefault, renderFlags } from './settings/render.ts';
import { type GivenTexts, resolveSettings } from './settings/resolve.ts';
import { settingRows, type Settings } from './settings/table.ts';
import { environmentVariables, type SettingsWorld } from './settings/value-types.ts';

/** Exit codes are gunicorn's: 1 for a wrong value, 2 (argparse's) for a command line it can't read. */
const usageExitCode = 2;

/** Writes all of it before it returns; a reader that went away is no error (`wsgi-ts --help | head -1`). */
function write(fd: 1 | 2, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      // Somebody else made the pipe non-blocking, and it is full: give its reader 5 ms.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** The command line as the settings' table has it; values stay text, for resolveSettings to judge. */
function buildCommand(): Command {
  const command = new Command('wsgi-ts')
    .usage('[options] app')
    .description("Serves a Python WSGI app. Signals, flags and log lines are gunicorn's.")
    .version(`wsgi-ts (version ${version})`, '-v, --version', 'Print the version and exit')
    .helpOption('-h, --help', 'Print this help and exit')
    .allowExcessArguments(false)
    .showHelpAfterError('wsgi-ts --help shows every setting.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        write(1, text);
      },
      writeErr: (text) => {
        write(2, text);
      },
      getOutHelpWidth: () => (isatty(1) ? process.stdout.columns : 100),
      getErrHelpWidth: () => 100,
    });
  for (const [, setting] of settingRows) {
    if (setting.flags.length === 0) {
      command.argument(`[${setting.metavar ?? setting.name}]`, setting.doc);
      continue;
    }
    const byDefault = renderDefault(setting);
    const option = new Option(
      renderFlags(setting),
      byDefault === null ? setting.doc : `${setting.doc} [${byDefault}]`,
    ).helpGroup(`${setting.section}:`);
    if (setting.type.use !== 'switch') {
      option.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
    }
    if (setting.bare !== undefined) option.preset(setting.bare);
    command.addOption(option);
  }
  return command;
}

/** @throws CommanderError after it printed --help, --version or what is wrong with the command line. */
function readCommandLine(command: Command, argv: readonly string[]): GivenTexts {
  command.parse(argv, { from: 'user' });
  const entries = settingRows.map(([key, setting]) => {
    if (setting.flags.length === 0)
      return [key, command.args.length > 0 ? command.args : undefined];
    const flag = setting.flags.at(-1);
    const option = command.options.find(({ long }) => long === flag);
    const attribute = option?.attributeName() ?? '';
    // commander gives `--no-…` a default of its own.
    if (command.getOptionValueSource(attribute) !== 'cli') return [key, undefined];
    const value: unknown = command.getOptionValue(attribute);
    return [key, typeof value === 'boolean' ? ['true'] : value];
  });
  return Object.fromEntries(entries) as GivenTexts;
}

const world: SettingsWorld = {
  cwd: process.cwd(),
  isDirectory: (path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isDirectory();
    } catch {
      return false;
    }
  },
  checkAccessLogFormat: (format) => {
    compileFormat(format);
  },
};

/** Loads the app in this process. @throws WsgiTsError (exit code 1, as gunicorn's) when that fails. */
async function checkApp(app: string, settings: Settings): Promise<void> {
  process.chdir(settings.chdir); // as the master does: relative paths start there
  const { tlsPolicy } = await import('./master/configuration.ts');
  const tls = tlsPolicy(settings);
  if (tls !== null) readCertificates(tls);
  const { startInterpreter } = await import('./bridge/interpreter.ts');
  const interpreter = startInterpreter({ python: settings.python, directory: settings.chdir });
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

async function main(argv: readonly string[]): Promise<number> {
  const given = readCommandLine(buildCommand(), argv);
  const resolved = resolveSettings({ argv: given, env: process.env, world });
  const { settings } = resolved;
  if (settings.app === null) {
    throw new WsgiTsError('ERR_WSGI_NO_APP', 'operator', 'No application module specified.', {
      exitCode: 1,
      remedy: 'Name the module and the variable in it: wsgi-ts app:app serves `app` of app.py.',
    });
  }
  if (settings.printConfig) write(1, renderConfiguration(resolved));
  if (settings.printConfig || settings.checkConfig) {
    await checkApp(settings.app, settings);
    return 0;
  }
  const { runMaster } = await import('./master/master.ts');
  return runMaster(settings, version);
}

/** Says on standard error why the command ends: traceback first, so that the reason is the last to read. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  if (error instanceof WsgiTsError) {
    const { traceback, message, remedy } = error;
    const lines = [traceback, `Error: ${message}`, remedy].filter((line) => line !== undefined);
    write(2, `${lines.join('\n')}\n`);
    return error.exitCode;
  }
  write(
    2,
    `Error: a fault in wsgi-ts itself: ${String(error instanceof Error ? error.stack : error)}\n`,
  );
  return 1;
}

process.exitCode = await main(process.argv.slice(2)).catch(report);
