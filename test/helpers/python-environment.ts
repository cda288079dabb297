// The Python environment that the tests serve apps from: `make` builds it in .venv, and the variable
// WSGI_TS_TEST_VENV names another one. Its Python is of the version that pymport is compiled against.
// Nothing here starts a Python; it only says where it is.

import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { inRepository } from './repository.ts';

/** An environment made by `python -m venv`. */
export interface PythonEnvironment {
  /** Absolute path of the environment. */
  readonly directory: string;
  /** Absolute path of its folder of programs. */
  readonly bin: string;
  /** Absolute path of its Python. */
  readonly python: string;
}

/**
 * Where the tests' Python environment is.
 *
 * @returns its paths
 * @throws Error with the command that builds it, when there is none
 */
export function testPythonEnvironment(): PythonEnvironment {
  const given = process.env['WSGI_TS_TEST_VENV'];
  const directory = given ? resolve(given) : inRepository('.venv');
  const environment = {
    directory,
    bin: join(directory, 'bin'),
    python: join(directory, 'bin', 'python'),
  };
  if (!existsSync(environment.python)) {
    throw new Error(`No Python environment in ${directory}: \`make setup\` builds it.`);
  }
  return environment;
}

/** Variables that would change what a started server does; a test that wants one passes it itself. */
const leftOut = [
  'PORT',
  'WEB_CONCURRENCY',
  'GUNICORN_CMD_ARGS',
  'WSGI_TS_CMD_ARGS',
  'VIRTUAL_ENV',
  'PYTHONHOME',
  'PYTHONPATH',
  'PYTHONUNBUFFERED',
  'PYTHONDONTWRITEBYTECODE',
  'LISTEN_FDS',
  'LISTEN_PID',
  'NODE_TEST_CONTEXT',
];

/**
 * This process's environment variables as an activated {@link testPythonEnvironment} would have them,
 * without those that change a server's behaviour.
 *
 * @param extra - variables to set besides; one that is `undefined` is taken away
 * @param environment - another environment than that of the tests
 */
export function activatedEnvironment(
  extra: Readonly<Record<string, string | undefined>> = {},
  environment: PythonEnvironment = testPythonEnvironment(),
): Record<string, string> {
  const { directory, bin } = environment;
  const variables: Record<string, string | undefined> = { ...process.env };
  for (const name of Object.keys(variables)) {
    if (leftOut.includes(name) || name.startsWith('WSGI_TS_')) variables[name] = undefined;
  }
  Object.assign(variables, {
    VIRTUAL_ENV: directory,
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    ...extra,
  });
  return Object.fromEntries(
    Object.entries(variables).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
