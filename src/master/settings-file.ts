// Provisional: has the file that -c names executed in the master. What reads settings from it takes its place.
// Called by master.ts, on the master's main thread, before anything is opened.

import type { Interpreter, Plain } from '../bridge/interpreter.ts';
import { loadFailure, type LoadFailure } from '../bridge/load-failure.ts';
import type { Settings } from '../settings/table.ts';
import { environmentVariables } from '../settings/value-types.ts';
import type { SettingsFile } from './hooks.ts';

/** Executes the settings file, if there is one. @throws WsgiTsError where it raises */
export function executeSettingsFile(
  settings: Settings,
  interpreter: Pick<Interpreter, 'call'>,
): SettingsFile | null {
  if (settings.config === null) return null;
  interpreter.call('boot', 'prepare', {
    chdir: settings.chdir,
    pythonpath: [...settings.pythonpath],
    env: environmentVariables(settings.env),
    argv: process.argv.slice(1),
    own_process: false,
    error_log: settings.errorLogFile,
  });
  const directory = settings.chdir;
  const file = { kind: 'file', location: settings.config, directory } satisfies Plain;
  const answer = interpreter.call(
    ...['config_file', 'load', file.kind, file.location, directory, [], process.argv.slice(1)],
  ) as { readonly ok: true } | LoadFailure;
  if (!answer.ok) throw loadFailure(answer);
  return file;
}
