// What a binding for a given Python is compiled from and with; or why that can't be, and the way out. Called by
// build.ts before it does anything. It looks at files only, runs nothing, and must never advise what could
// change other packages of the person's.

import * as fs from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import type { InterpreterFacts } from './interpreter-facts.ts';
import { packageManager, type PackageManager } from './package-manager.ts';
import type { BindingSite } from './site.ts';

/** What to compile a binding with. */
export interface Recipe {
  /** Folder of Python's headers. */
  readonly include: string;
  /** Python's shared library. */
  readonly library: string;
  /** The interpreter that node-gyp may run. */
  readonly executable: string;
  /** Folder that holds Node's own headers, `include/node`; null: node-gyp has to fetch them. */
  readonly nodeHeaders: string | null;
}

/** The minor versions of Python 3 that wsgi-ts runs with. */
export const oldestMinor = 8;
export const newestMinor = 14;

/**
 * Finds out how to compile a binding for a Python.
 *
 * @throws WsgiTsError (operator, exit code 1) ERR_WSGI_PYTHON_UNSUPPORTED: another implementation, version or
 * kind than wsgi-ts can embed; ERR_WSGI_PYTHON_STATIC: it has no shared library; ERR_WSGI_BINDING_HEADERS: its
 * headers are missing; ERR_WSGI_BINDING_COMPILER: no compiler, or no make
 */
export function findRecipe(
  environment: Environment,
  facts: InterpreterFacts,
  site: BindingSite,
): Recipe {
  const who = `${describeEnvironment(environment)} is ${facts.implementation} ${facts.version}`;
  assertSupported(who, facts);
  const packages = packageManager(site);
  const owner = usesDistribution(facts) ? packages : null;
  if (facts.library === null) throw noLibrary(who, facts, owner);
  const missing = missingTools(site, packages);
  if (!facts.hasHeaders) {
    const names = owner === null ? [] : [owner.headers(facts.binaryVersion, isDefault(facts))];
    const install = owner === null ? null : owner.install([...missing.packages, ...names]);
    const why = `${who}; a binding has to be compiled for it, and its headers are missing (${facts.include}/Python.h).`;
    throw new WsgiTsError('ERR_WSGI_BINDING_HEADERS', 'operator', why, {
      remedy: install ?? 'Install the development files of that Python, then start again.',
    });
  }
  if (missing.tools.length > 0) {
    const why = `${who}; a binding has to be compiled for it, and there is no ${missing.tools.join(' and no ')}.`;
    throw new WsgiTsError('ERR_WSGI_BINDING_COMPILER', 'operator', why, {
      remedy: packages?.install(missing.packages) ?? 'Install make and a C++ compiler.',
    });
  }
  const { include, library, executable } = facts;
  return { include, library, executable, nodeHeaders: findNodeHeaders(site) };
}

function assertSupported(who: string, facts: InterpreterFacts): void {
  const refuse = (why: string, remedy: string): WsgiTsError =>
    new WsgiTsError('ERR_WSGI_PYTHON_UNSUPPORTED', 'operator', `${who}, ${why}.`, { remedy });
  const versions = `3.${oldestMinor} to 3.${newestMinor}`;
  const another = `Make the environment with a CPython ${versions}, or name one: --python /usr/bin/python3`;
  if (facts.implementation !== 'CPython') {
    throw refuse('and only CPython can be embedded', another);
  }
  const [major, minor] = facts.version.split('.').map(Number);
  if (major !== 3 || minor === undefined || minor < oldestMinor || minor > newestMinor) {
    throw refuse(`and wsgi-ts runs with ${versions}`, another);
  }
  if (facts.freeThreaded) {
    throw refuse(
      'a free-threaded build, which pymport, the embedding, does not know yet',
      `Make the environment with the ordinary build: python${major}.${minor} -m venv --clear .venv`,
    );
  }
}

function noLibrary(
  who: string,
  facts: InterpreterFacts,
  owner: PackageManager | null,
): WsgiTsError {
  const why = `${who}, and has no shared library (libpython${facts.binaryVersion}), which embedding it needs.`;
  const pyenv = /\/versions\/([^/]+)$/.exec(facts.basePrefix)?.[1];
  const byPyenv = `PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force ${pyenv ?? ''}`;
  const byHand =
    pyenv !== undefined && facts.basePrefix.includes('pyenv')
      ? byPyenv
      : 'Take a Python that was built with ./configure --enable-shared';
  const remedy =
    owner === null ? byHand : owner.install([owner.headers(facts.binaryVersion, isDefault(facts))]);
  return new WsgiTsError('ERR_WSGI_PYTHON_STATIC', 'operator', why, { remedy });
}

/** Whether the system's own packages have brought this Python. */
function usesDistribution({ basePrefix }: InterpreterFacts): boolean {
  return basePrefix === '/usr' || basePrefix.includes('/Python.framework/');
}

/** Whether it is the one that the distribution calls `python3`. */
function isDefault(facts: InterpreterFacts): boolean {
  try {
    return fs.realpathSync('/usr/bin/python3') === fs.realpathSync(facts.executable);
  } catch {
    return false;
  }
}

/** Of what compiles: the tools that are missing, and the packages that bring them. */
function missingTools(
  { variables }: BindingSite,
  packages: PackageManager | null,
): { tools: string[]; packages: string[] } {
  const compiler = variables['CXX']?.split(' ')[0];
  const missing = [
    ...(compiler === undefined ? [['g++', 'c++', 'clang++']] : [[compiler]]),
    ['make', 'gmake'],
  ].filter((names) => !names.some((name) => isOnPath(name, variables['PATH'] ?? '')));
  const tools = missing.map(([name]) => (name === 'g++' ? 'C++ compiler' : (name ?? '')));
  return {
    tools,
    packages: missing.map(([name]) =>
      name === 'make' ? (packages?.make ?? '') : (packages?.compiler ?? ''),
    ),
  };
}

/** Whether a command is there: on PATH, or by its path. */
function isOnPath(command: string, path: string): boolean {
  const candidates = command.includes('/')
    ? [command]
    : path.split(delimiter).map((folder) => join(folder, command));
  return candidates.some((candidate) => {
    try {
      fs.accessSync(candidate, fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Where an installed Node keeps its headers, npm's setting for it first; null: nowhere. */
export function findNodeHeaders({ variables }: BindingSite): string | null {
  const given = variables['npm_config_nodedir'];
  const beside = dirname(dirname(fs.realpathSync(process.execPath)));
  const folders = given === undefined || given === '' ? [beside] : [given];
  const found = folders.find((folder) =>
    ['node_api.h', 'uv.h'].every((name) => fs.existsSync(join(folder, 'include', 'node', name))),
  );
  return found ?? null;
}
