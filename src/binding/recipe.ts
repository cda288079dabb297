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
  readonly tools: Tools;
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
  assertSupported(environment, facts);
  const who = describe(environment, facts);
  const packages = packageManager(site);
  const owner = usesDistribution(facts) ? packages : null;
  if (facts.library === null) throw noLibrary(who, facts, owner);
  // The path of a library's folder goes through a shell, make and the linker, which takes it apart at commas.
  if (/['",$\\:\s]/.test(dirname(facts.library).replaceAll(' ', ''))) {
    throw unsupported(who, 'in a folder whose name no linker can take', 'Install it elsewhere.');
  }
  const tools = findTools(site);
  const missing = [
    ...(tools.compiler === null ? ([['C++ compiler', packages?.compiler]] as const) : []),
    ...(tools.make === null ? ([['make', packages?.make]] as const) : []),
  ];
  const packagesForTools = missing.flatMap(([, name]) => name ?? []);
  const task = `${who}; a binding has to be compiled for it, and`;
  if (!facts.hasHeaders) {
    const headers = owner?.headers(facts.binaryVersion, isDefault(facts)) ?? [];
    const why = `${task} its headers are missing (${facts.include}/Python.h).`;
    throw new WsgiTsError('ERR_WSGI_BINDING_HEADERS', 'operator', why, {
      remedy:
        owner?.install([...packagesForTools, ...[headers].flat()]) ??
        'Install the development files of that Python, then start again.',
    });
  }
  if (missing.length > 0) {
    const why = `${task} there is no ${missing.map(([tool]) => tool).join(' and no ')}.`;
    throw new WsgiTsError('ERR_WSGI_BINDING_COMPILER', 'operator', why, {
      remedy: packages?.install(packagesForTools) ?? 'Install make and a C++ compiler.',
    });
  }
  const { include, library, executable } = facts;
  return { include, library, executable, tools, nodeHeaders: findNodeHeaders(site) };
}

function describe(environment: Environment, { implementation, version }: InterpreterFacts): string {
  return `${describeEnvironment(environment)} is ${implementation} ${version}`;
}

/** @throws WsgiTsError ERR_WSGI_PYTHON_UNSUPPORTED (operator) where wsgi-ts can't run with this Python at all */
export function assertSupported(environment: Environment, facts: InterpreterFacts): void {
  const who = describe(environment, facts);
  const versions = `3.${oldestMinor} to 3.${newestMinor}`;
  const another = `Make the environment with a CPython ${versions}, or name one: --python /usr/bin/python3`;
  if (facts.implementation !== 'CPython') {
    throw unsupported(who, 'and only CPython can be embedded', another);
  }
  const [major, minor] = facts.version.split('.').map(Number);
  if (major !== 3 || minor === undefined || minor < oldestMinor || minor > newestMinor) {
    throw unsupported(who, `and wsgi-ts runs with ${versions}`, another);
  }
  if (facts.freeThreaded) {
    throw unsupported(
      who,
      'a free-threaded build, which pymport, the embedding, does not know yet',
      `Make the environment with the ordinary build: python${major}.${minor} -m venv --clear .venv`,
    );
  }
}

function unsupported(who: string, why: string, remedy: string): WsgiTsError {
  const message = `${who}, ${why}.`;
  return new WsgiTsError('ERR_WSGI_PYTHON_UNSUPPORTED', 'operator', message, { remedy });
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

/** The tools that compile a binding. */
export interface Tools {
  /** The C++ compiler's command, as the shell takes it: `g++`, or what CXX says; null: none. */
  readonly compiler: string | null;
  /** The C compiler that goes with it. */
  readonly cCompiler: string;
  /** null: none */
  readonly make: string | null;
}

const compilers = [
  ['g++', 'gcc'],
  ['c++', 'cc'],
  ['clang++', 'clang'],
] as const;

/** Finds compiler and make; the variables CXX, CC and MAKE come first, as everywhere. */
export function findTools({ variables }: BindingSite): Tools {
  const { CXX, CC, MAKE, PATH = '' } = variables;
  const [found, partner] = compilers.find(([name]) => isOnPath(name, PATH)) ?? [null, 'cc'];
  const given = CXX !== undefined && isOnPath(CXX.split(' ')[0] ?? '', PATH) ? CXX : null;
  const makes = MAKE === undefined ? ['make', 'gmake'] : [MAKE];
  return {
    compiler: CXX === undefined ? found : given,
    cCompiler: CC ?? partner,
    make: makes.find((name) => isOnPath(name, PATH)) ?? null,
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
  const [, given = ''] =
    Object.entries(variables).find(([name]) => name.toLowerCase() === 'npm_config_nodedir') ?? [];
  const beside = dirname(dirname(fs.realpathSync(process.execPath)));
  const found = [given, beside].find((folder) =>
    ['node_api.h', 'uv.h'].every((name) => fs.existsSync(join(folder, 'include', 'node', name))),
  );
  return found ?? null;
}
