// Why a binding that was there could not be used, and the command that mends it. Called by bridge/interpreter.ts
// when loading it has failed, or has given a Python that the environment can't live with. Pure. Each cause has
// a code of its own; it must never blame the app.

import { WsgiTsError } from '../errors.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import { quote } from './shell.ts';

/**
 * Names the reason why loading the binding at `path` threw `cause`: ERR_WSGI_PYTHON_FAILED (Python can't start)
 * or ERR_WSGI_BINDING_FAILED (anything else). Both: operator, exit code 1.
 *
 * @param pythonHome - PYTHONHOME, null where it is not set
 */
export function loadProblem(
  cause: unknown,
  path: string,
  environment: Environment,
  pythonHome: string | null,
): WsgiTsError {
  const said = messageOf(cause).split('\n', 1)[0] ?? '';
  if (said.includes('Failed initializing Python')) {
    return new WsgiTsError(
      'ERR_WSGI_PYTHON_FAILED',
      'operator',
      `Python could not start with ${describeEnvironment(environment)}: ${said}`,
      {
        remedy:
          pythonHome === null
            ? rebuildCommand(environment)
            : `PYTHONHOME is ${pythonHome}; try: unset PYTHONHOME`,
        cause,
      },
    );
  }
  return new WsgiTsError(
    'ERR_WSGI_BINDING_FAILED',
    'operator',
    `The binding ${path} can't be loaded: ${said}`,
    { remedy: rebuildCommand(environment), cause },
  );
}

/**
 * ERR_WSGI_ENVIRONMENT_MISFIT (operator): the same minor version, but built in another way. Debian's libpython
 * holds `select` and `math`, for example, which that of pyenv expects to find as files.
 */
export function misfit(environment: Environment, version: string, cause: Error): WsgiTsError {
  const why = messageOf(cause).split('\n', 1)[0]?.replace(/^.*: /, '') ?? '';
  const message =
    `${describeEnvironment(environment)} does not fit its binding, which was compiled for ` +
    `another Python ${version} (${why})`;
  return new WsgiTsError('ERR_WSGI_ENVIRONMENT_MISFIT', 'operator', message, {
    remedy: rebuildCommand(environment),
    cause,
  });
}

/** Builds the binding for this very Python anew. */
function rebuildCommand(environment: Environment): string {
  const python = environment.root ?? environment.executable;
  return `wsgi-ts binding build --force${python === null ? '' : ` --python ${quote(python)}`}`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
