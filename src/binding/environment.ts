// Which Python shall be used: the virtual environment or interpreter that the person means, found the way
// they expect it, without running Python where a file tells as much.
// Called by bridge/interpreter.ts before anything of Python is loaded. Reads files; the file system, the
// environment variables and the running of an interpreter come in as arguments. It must never change
// anything, and never guess past a choice that was explicit: a broken choice is an error.

import type { accessSync, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import { quote } from './shell.ts';

/** What is needed of `node:fs`. */
export interface FileSystem {
  readonly accessSync: typeof accessSync;
  readonly lstatSync: typeof lstatSync;
  readonly readFileSync: typeof readFileSync;
  readonly realpathSync: typeof realpathSync;
  readonly statSync: typeof statSync;
}

/** What an interpreter says of itself when it is run. */
export interface PythonFacts {
  /** `3.12`; `3.13t` for a free-threaded one. */
  readonly version: string;
  /** `sys.base_prefix` */
  readonly basePrefix: string;
}

/** Where to look, and with what. */
export interface EnvironmentSearch {
  /** `--python`: an interpreter, the folder of an environment, or a command on PATH; null: not given. */
  readonly python: string | null;
  /** The app's directory, absolute. */
  readonly directory: string;
  /** What relative paths are relative to, absolute. */
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly files: FileSystem;
  /** Runs an interpreter; null if that fails. */
  readonly ask: (executable: string) => PythonFacts | null;
}

/** How an environment was found; none: there is no Python at all but the binding's. */
export type EnvironmentSource =
  '--python' | 'PATH' | 'CONDA_PREFIX' | 'VIRTUAL_ENV' | '.venv' | 'venv' | 'none';

/** The Python that was chosen. */
export interface Environment {
  readonly source: EnvironmentSource;
  /** Folder of the virtual environment; null: none, a Python as it was installed. */
  readonly root: string | null;
  /** The interpreter, absolute, as children are to be started with; null with source none. */
  readonly executable: string | null;
  /** `3.12`, `3.13t` for a free-threaded one; null if it can't be known. */
  readonly version: string | null;
  /** Where the Python is installed that the environment was made from: `/usr`; null if unknown. */
  readonly basePrefix: string | null;
}

const executableBit = 1; // X_OK
const remedyForPython =
  'Give --python an interpreter (/usr/bin/python3) or the folder of a virtual environment (.venv).';

/**
 * Finds the environment: `--python`, the activated one (the first `python3` on PATH belongs to it; of conda's,
 * any but `base`, which many shells activate by themselves), VIRTUAL_ENV, `.venv` and `venv` in the app's directory, else the first `python3` on PATH.
 * @throws WsgiTsError ERR_WSGI_PYTHON_NOT_FOUND: what was asked for is not there, or is no Python;
 * ERR_WSGI_ENVIRONMENT_BROKEN: an environment whose Python is gone. Both: operator, exit code 1.
 */
export function findEnvironment(search: EnvironmentSearch): Environment {
  if (search.python !== null) return fromOption(search, search.python);
  const onPath = firstOnPath(search, 'python3');
  const activated = onPath === null ? null : rootOf(search.files, onPath);
  if (onPath !== null && activated !== null) {
    return virtualEnvironment(search, 'PATH', activated, onPath);
  }
  if (onPath !== null && isActiveConda(search, onPath)) {
    return installed(search, 'CONDA_PREFIX', onPath);
  }
  const named = search.variables['VIRTUAL_ENV'];
  if (named !== undefined && named !== '') return fromVariable(search, resolve(search.cwd, named));
  for (const source of ['.venv', 'venv'] as const) {
    const root = join(search.directory, source);
    if (isFile(search.files, join(root, 'pyvenv.cfg'))) {
      return virtualEnvironment(search, source, root);
    }
  }
  return onPath === null
    ? { source: 'none', root: null, executable: null, version: null, basePrefix: null }
    : installed(search, 'PATH', onPath);
}

/** Whether conda has activated an environment, on purpose, and its Python is this one. */
function isActiveConda({ variables }: EnvironmentSearch, executable: string): boolean {
  const { CONDA_PREFIX: prefix, CONDA_DEFAULT_ENV: name } = variables;
  return (
    Boolean(prefix) && name !== 'base' && dirname(dirname(executable)) === resolve(prefix ?? '')
  );
}

/** What messages call it: the environment's folder, or the interpreter. */
export function describeEnvironment(environment: Environment): string {
  return environment.root ?? environment.executable ?? 'Python';
}

function fromOption(search: EnvironmentSearch, python: string): Environment {
  const { files } = search;
  const path = resolve(search.cwd, python);
  if (isFolder(files, path)) {
    if (isFile(files, join(path, 'pyvenv.cfg'))) {
      return virtualEnvironment(search, '--python', path);
    }
    const executable = join(path, 'bin', 'python3');
    if (isExecutable(files, executable)) return installed(search, '--python', executable);
    throw notFound(`--python: ${path} is no environment: it has no pyvenv.cfg`, remedyForPython);
  }
  if (!exists(files, path)) {
    const command = python.includes('/') ? null : firstOnPath(search, python);
    if (command !== null) return fromExecutable(search, command);
    throw notFound(`--python: there is no ${path}`, remedyForPython);
  }
  return fromExecutable(search, path);
}

function fromExecutable(search: EnvironmentSearch, path: string): Environment {
  const root = rootOf(search.files, path);
  if (root !== null) return virtualEnvironment(search, '--python', root, path);
  if (!isExecutable(search.files, path)) {
    throw notFound(`--python: ${path} can't be executed`, remedyForPython);
  }
  return installed(search, '--python', path);
}

function fromVariable(search: EnvironmentSearch, root: string): Environment {
  if (isFile(search.files, join(root, 'pyvenv.cfg'))) {
    return virtualEnvironment(search, 'VIRTUAL_ENV', root);
  }
  const state = exists(search.files, root) ? 'is no virtual environment' : 'does not exist';
  throw notFound(
    `VIRTUAL_ENV is ${root}, which ${state}`,
    'Activate another one, or: unset VIRTUAL_ENV',
  );
}

function virtualEnvironment(
  search: EnvironmentSearch,
  source: EnvironmentSource,
  root: string,
  executable = join(root, 'bin', 'python3'),
): Environment {
  const { files } = search;
  const configuration = readConfiguration(files, join(root, 'pyvenv.cfg'));
  const home = configuration.get('home');
  const broken = (why: string): WsgiTsError =>
    new WsgiTsError('ERR_WSGI_ENVIRONMENT_BROKEN', 'operator', `${root} is broken: ${why}`, {
      remedy: `Make it anew, then install the app's packages again: python3 -m venv --clear ${quote(root)}`,
    });
  if (!isExecutable(files, executable)) {
    throw broken(
      exists(files, executable)
        ? `the Python that it was made from${home === undefined ? '' : ` (in ${home})`} is gone`
        : `it has no ${executable}`,
    );
  }
  if (home !== undefined && !isFolder(files, home)) {
    throw broken(`the Python that it was made from (in ${home}) is gone`);
  }
  const real = files.realpathSync(executable);
  const copied = real.startsWith(files.realpathSync(root) + '/');
  const made = minorOf(configuration.get('version') ?? configuration.get('version_info'));
  const now = copied ? null : versionInName(real);
  if (made !== null && now !== null && made !== minorOf(now)) {
    throw broken(`it was made for Python ${made}, and its python3 is Python ${now} now`);
  }
  return {
    source,
    root,
    executable,
    version: now ?? made ?? search.ask(executable)?.version ?? null,
    basePrefix: copied ? (home === undefined ? null : dirname(home)) : dirname(dirname(real)),
  };
}

/** A Python with no environment around it. What a name doesn't tell (a pyenv shim), it is asked for. */
function installed(
  search: EnvironmentSearch,
  source: EnvironmentSource,
  executable: string,
): Environment {
  const real = search.files.realpathSync(executable);
  const version = versionInName(real);
  // A shim of pyenv has the name, and is a script.
  if (version !== null && !isScript(search.files, real)) {
    return { source, root: null, executable, version, basePrefix: dirname(dirname(real)) };
  }
  const facts = search.ask(executable);
  if (facts === null && source === '--python') {
    throw notFound(`--python: ${executable} is no Python 3`, remedyForPython);
  }
  const { version: told = null, basePrefix = null } = facts ?? {};
  return { source, root: null, executable, version: told, basePrefix };
}

/**
 * The folder of the environment that `executable` belongs to, or null. As Python has it: pyvenv.cfg is
 * beside the interpreter or one folder up, and symbolic links are not followed.
 */
function rootOf(files: FileSystem, executable: string): string | null {
  const folder = dirname(executable);
  const candidates = [folder, dirname(folder)];
  return candidates.find((candidate) => isFile(files, join(candidate, 'pyvenv.cfg'))) ?? null;
}

function firstOnPath(search: EnvironmentSearch, command: string): string | null {
  for (const folder of (search.variables['PATH'] ?? '').split(delimiter)) {
    const path = join(resolve(search.cwd, folder), command);
    if (isExecutable(search.files, path)) return path;
    // An activated environment whose Python is gone: to pass over it in silence would use another one.
    if (exists(search.files, path) && rootOf(search.files, path) !== null) return path;
  }
  return null;
}

function readConfiguration(files: FileSystem, path: string): ReadonlyMap<string, string> {
  const lines = files.readFileSync(path, 'utf8').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()]];
    }),
  );
}

function isScript(files: FileSystem, path: string): boolean {
  // A program is larger: it need not be read for that.
  const mayBe = (orNull(() => files.statSync(path))?.size ?? Infinity) < 65_536;
  return mayBe && orNull(() => files.readFileSync(path).toString('latin1', 0, 2)) === '#!';
}

/** Of `python3.12` and `python3.13t`; null for `python3` and everything else. */
function versionInName(executable: string): string | null {
  return /^python(3\.\d+[a-z]?)$/.exec(basename(executable))?.[1] ?? null;
}

function minorOf(version: string | undefined): string | null {
  return /^\d+\.\d+/.exec(version ?? '')?.[0] ?? null;
}

/** There is no Python at all. */
export function noPython(): WsgiTsError {
  const remedy = 'Install a CPython 3.8 or newer, or name one with --python.';
  return notFound('There is no python3 on PATH.', remedy);
}

function notFound(message: string, remedy: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_PYTHON_NOT_FOUND', 'operator', message, { remedy });
}

/** Whether there is a directory entry, even a symbolic link to nowhere. */
function exists(files: FileSystem, path: string): boolean {
  return orNull(() => files.lstatSync(path)) !== null;
}

function isFolder(files: FileSystem, path: string): boolean {
  return orNull(() => files.statSync(path))?.isDirectory() ?? false;
}

function isFile(files: FileSystem, path: string): boolean {
  return orNull(() => files.statSync(path))?.isFile() ?? false;
}

function isExecutable(files: FileSystem, path: string): boolean {
  const access = (): true => {
    files.accessSync(path, executableBit);
    return true;
  };
  return isFile(files, path) && orNull(access) !== null;
}

/** What can't be looked at (a folder without the right, a file as a folder) is as good as not there. */
function orNull<Result>(look: () => Result): Result | null {
  try {
    return look();
  } catch {
    return null;
  }
}
