// The config file of the command: which one it is, and what it says. Python runs it, in this process: it is started
// here where there is such a file, and nowhere else for the settings' sake. Called by read-everything.ts.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { showProgress } from '../binding/progress.ts';
import { startInterpreter, type Interpreter, type Plain } from '../bridge/interpreter.ts';
import type { LoadFailure } from '../bridge/load-failure.ts';
import { WsgiTsError } from '../errors.ts';
import type { GivenFile } from '../settings/layers.ts';
import { nearest } from '../settings/nearest.ts';
import type { ConfigFile } from '../settings/resolve.ts';
import { hookNames } from '../settings/hook-names.ts';
import { pythonFrom } from '../settings/python-setting.ts';
import { unusedSettings } from '../settings/rows/unused.ts';
import { settingRows, type Settings } from '../settings/table.ts';
import { interruptible } from './interruption.ts';

/** The file that is read when none is named, if it is there. */
const byDefault = 'gunicorn.conf.py';

/**
 * Which config file counts; null: there is none.
 *
 * @param named - what `--config` says, its value and where that came from; an empty one names none
 * @throws WsgiTsError ERR_WSGI_CONFIG_FILE_NOT_FOUND (operator, exit code 1)
 */
export function findConfigFile(
  named: { readonly text: string; readonly source: string } | undefined,
  directory: string,
): ConfigFile | null {
  const text = named?.text.trim() ?? '';
  if (named === undefined || text === '') {
    const location = resolve(directory, byDefault);
    return existsSync(location) ? { kind: 'file', location, directory } : null;
  }
  if (text.startsWith('python:')) {
    return { kind: 'module', location: text.slice('python:'.length), directory };
  }
  const path = text.startsWith('file:') ? text.slice('file:'.length) : text;
  const location = resolve(directory, path);
  if (existsSync(location)) return { kind: 'file', location, directory };
  const message = `--config: there is no ${location} (${named.source})`;
  const isModule = /^[\w.]+$/.test(path) && !path.endsWith('.py');
  throw new WsgiTsError('ERR_WSGI_CONFIG_FILE_NOT_FOUND', 'operator', message, {
    ...(isModule ? { remedy: `For a module write: --config python:${path}` } : {}),
  });
}

/** What `wsgi_ts.config_file.load` answers. */
type Answer = { ok: true; unknown: [string, number][] } & Omit<GivenFile, 'name'>;

/** What was read, and with which Python. */
export interface ReadFile {
  readonly file: GivenFile;
  readonly interpreter: Interpreter;
  /** Names in it that mean nothing, in one sentence; null: there are none. */
  readonly unknown: string | null;
}

/**
 * Runs the config file.
 *
 * @throws WsgiTsError (operator, exit code 1): ERR_WSGI_CONFIG_FILE with the person's traceback where it raises,
 * ERR_WSGI_CONFIG_FILE_NOT_FOUND, and what startInterpreter throws
 */
export async function readConfigFile(
  { kind, location, directory }: ConfigFile,
  { python, noBuild, chdir }: Pick<Settings, 'python' | 'noBuild' | 'chdir'>,
): Promise<ReadFile> {
  const interpreter = await interruptible((signal) =>
    startInterpreter({
      python: pythonFrom({ python, chdir }),
      ...{ directory: chdir, noBuild, listener: showProgress(2), signal },
    }),
  );
  const known = knownNames();
  const argv = process.argv.slice(1);
  const answer: Plain = interpreter.call(
    ...['config_file', 'load', kind, location, directory, [...known], argv],
  );
  const read = answer as unknown as Answer | LoadFailure;
  if (!read.ok) {
    const { code, message, traceback, python: raised, exit_code: exitCode } = read;
    throw new WsgiTsError(code, 'operator', message, {
      exitCode,
      traceback: traceback ?? undefined,
      python: raised ?? undefined,
    });
  }
  const name = kind === 'module' ? `python:${location}` : location;
  const { values, lines, objects, unknown } = read;
  return { file: { name, values, lines, objects }, interpreter, unknown: sentence(name, unknown) };
}

/** Every name that a config file may give a meaning to. */
function knownNames(): Set<string> {
  return new Set([
    ...settingRows.map(([, { name }]) => name),
    ...unusedSettings.map(({ name }) => name),
    ...hookNames,
  ]);
}

/** `worker (line 3; did you mean workers?)` and the like, in one line for all of them. */
function sentence(file: string, unknown: readonly (readonly [string, number])[]): string | null {
  if (unknown.length === 0) return null;
  const names = unknown.map(([name, line]) => {
    const meant = meantBy(name);
    const question = meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`;
    return `${name} (line ${line}${question})`;
  });
  const what =
    names.length === 1
      ? 'a name that is no setting, and does nothing with it'
      : 'names that are no settings, and does nothing with them';
  return `${file} sets ${what}: ${names.join(', ')}`;
}

/** The settings that may have been meant: a flag's words count as well as the name. */
function meantBy(word: string): string[] {
  const spellings = new Map<string, string>();
  for (const [, { name, flags }] of settingRows) {
    for (const flag of flags) {
      if (flag.startsWith('--')) spellings.set(flag.slice(2).replaceAll('-', '_'), name);
    }
  }
  for (const name of knownNames()) spellings.set(name, name);
  const exact = spellings.get(word);
  if (exact !== undefined) return [exact];
  return [...new Set(nearest(word, spellings.keys()).map((one) => spellings.get(one) ?? one))];
}
