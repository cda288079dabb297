// Why pymport, the native binding that carries CPython, can't be used, and the command that mends it.
// Called by interpreter.ts when loading it has failed, or has given a Python that the environment can't live
// with. Pure but for looking at files. Each cause has a code of its own; it must never blame the app.

import { join } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import {
  findPymport,
  installCommand,
  isThere,
  missingPackages,
  rebuildCommand,
  type BindingSite,
} from './binding-build.ts';
import { describeEnvironment } from './environment.ts';

/**
 * Names the reason why `require('pymport')` threw `cause`: ERR_WSGI_BINDING_MISSING (not installed),
 * _NOT_BUILT (no binary in it), _LIBPYTHON (its Python library isn't found), _FAILED (anything else), or
 * ERR_WSGI_PYTHON_FAILED (loaded, but Python itself can't start). All: operator, exit code 1.
 */
export function diagnoseBinding(cause: unknown, site: BindingSite): WsgiTsError {
  const said = cause instanceof Error ? cause.message : String(cause);
  const pymport = findPymport(site);
  if (pymport === null) {
    // pymport is an optional dependency: when its compilation fails npm removes it and says nothing.
    const missing = missingPackages(site);
    const why =
      missing.length === 0
        ? 'It was left out (--omit=optional), or could not be compiled, when wsgi-ts was installed.'
        : `It could not be compiled when wsgi-ts was installed, for want of ${missing.join(', ')}.`;
    return problem(
      'ERR_WSGI_BINDING_MISSING',
      `pymport, which embeds Python, is not installed. ${why}`,
      {
        remedy: installCommand(site),
        cause,
      },
    );
  }
  const remedy = rebuildCommand(site, pymport);
  const binary = join(pymport, 'lib', 'binding', site.platform, 'pymport.node');
  if (!isThere(site, binary)) {
    const why = `pymport, which embeds Python, was installed but not compiled: there is no ${binary}`;
    return problem('ERR_WSGI_BINDING_NOT_BUILT', why, { remedy, cause });
  }
  const library = /(?:lib)?[Pp]ython[\w.+-]*(?:\.so|\.dylib|\.framework)[\w.]*/.exec(said)?.[0];
  if (library !== undefined && /cannot open shared object|Library not loaded/.test(said)) {
    const why = `pymport was compiled for ${library}, which is not on this machine, or not found`;
    return problem('ERR_WSGI_BINDING_LIBPYTHON', why, { remedy, cause });
  }
  if (said.includes('Failed initializing Python')) {
    const home = site.pythonHome;
    return new WsgiTsError(
      'ERR_WSGI_PYTHON_FAILED',
      'operator',
      `Python could not start with ${describeEnvironment(site.environment)}: ${said}`,
      { remedy: home === null ? remedy : `PYTHONHOME is ${home}; try: unset PYTHONHOME`, cause },
    );
  }
  if ((cause as NodeJS.ErrnoException | null)?.code === 'MODULE_NOT_FOUND') {
    const why = `pymport is not installed completely: ${firstLine(said)}`;
    return problem('ERR_WSGI_BINDING_FAILED', why, { remedy: installCommand(site), cause });
  }
  return problem('ERR_WSGI_BINDING_FAILED', `pymport can't be loaded: ${firstLine(said)}`, {
    remedy,
    cause,
  });
}

/** ERR_WSGI_BINDING_BUILTIN: a prebuilt pymport, whose own Python knows no environment of the person's. */
export function builtinBinding(site: BindingSite): WsgiTsError {
  const message =
    'The installed pymport carries a Python of its own, which can use none of your packages.';
  return problem('ERR_WSGI_BINDING_BUILTIN', message, { remedy: mend(site) });
}

/** ERR_WSGI_ENVIRONMENT_VERSION: the environment is of another minor version than the binding. */
export function versionMismatch(site: BindingSite, builtFor: string): WsgiTsError {
  const { environment } = site;
  const message =
    `${describeEnvironment(environment)} is Python ${environment.version ?? '?'}, ` +
    `but pymport was compiled for Python ${builtFor}`;
  return new WsgiTsError('ERR_WSGI_ENVIRONMENT_VERSION', 'operator', message, {
    remedy: mend(site),
  });
}

/**
 * ERR_WSGI_ENVIRONMENT_MISFIT: the same minor version, but built in another way. Debian's libpython holds
 * `select` and `math`, for example, which that of pyenv expects to find as files.
 */
export function libraryMismatch(site: BindingSite, builtFor: string, cause: Error): WsgiTsError {
  const message =
    `${describeEnvironment(site.environment)} does not fit pymport, which was compiled for ` +
    `another Python ${builtFor} (${firstLine(cause.message).replace(/^.*: /, '')})`;
  return new WsgiTsError('ERR_WSGI_ENVIRONMENT_MISFIT', 'operator', message, {
    remedy: mend(site),
    cause,
  });
}

function mend(site: BindingSite): string {
  const pymport = findPymport(site);
  return pymport === null ? installCommand(site) : rebuildCommand(site, pymport);
}

function problem(
  code: string,
  message: string,
  details: { remedy: string; cause?: unknown },
): WsgiTsError {
  return new WsgiTsError(code, 'operator', message, details);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
