// Which app is meant, as a Node program says it. Used by create-handler.ts, and by whoever starts a server from a program.
// Pure; whether there is such an app is for Python to find out.

import { WsgiTsError } from '../errors.ts';

/**
 * A WSGI app: `'module:variable'` as the command takes it, or its parts.
 *
 * A module alone means its variable `application` (PEP 3333); a callable may be `object.attribute`, or the call of a
 * factory with literal arguments, `"create_app('test')"`.
 */
export type AppTarget = string | AppTargetParts;

/** An app by its parts. */
export interface AppTargetParts {
  /** Dotted name of a Python module: `'app'`, `'shop.wsgi'`. */
  readonly module: string;
  /** What to serve in it. Default: `'application'`. */
  readonly callable?: string;
  /** Directory the app is imported from; a relative one starts at the working directory. Default: that one. */
  readonly chdir?: string;
  /** A virtual environment, or its Python. Default: the one that is found (docs/settings.md, `--python`). */
  readonly python?: string;
}

/** A target that was read: what the command takes, and settings that come with it. */
export interface ReadTarget {
  /** `module:callable` */
  readonly app: string;
  readonly settings: { readonly chdir?: string; readonly python?: string };
}

const parts: ReadonlySet<string> = new Set(['module', 'callable', 'chdir', 'python']);

/**
 * Reads a target.
 *
 * @throws WsgiTsError `ERR_WSGI_TARGET_FORM` (operator) for what is none, `ERR_WSGI_NO_APP` (operator) where it is empty
 */
export function readTarget(target: unknown): ReadTarget {
  if (typeof target === 'string') return { app: named(target), settings: {} };
  if (typeof target !== 'object' || target === null || Array.isArray(target)) {
    throw noTarget(`${target === null ? 'null' : typeof target} is no app`);
  }
  const given = Object.entries(target).filter(([, value]) => value !== undefined);
  for (const [key, value] of given) {
    if (!parts.has(key)) throw noTarget(`there is no part ${key} of an app`);
    if (typeof value !== 'string') throw noTarget(`${key}: ${typeof value} is not a text`);
  }
  const {
    module = '',
    callable,
    ...settings
  } = Object.fromEntries(given) as Partial<Record<keyof AppTargetParts, string>>;
  return { app: callable === undefined ? named(module) : `${named(module)}:${callable}`, settings };
}

/**
 * The options, with the settings that came with the target.
 *
 * @throws WsgiTsError `ERR_WSGI_OPTION` (operator) where both give the same
 */
export function withTarget<Options extends { readonly chdir?: unknown; readonly python?: unknown }>(
  { settings }: ReadTarget,
  options: Options,
): Options & ReadTarget['settings'] {
  for (const key of ['chdir', 'python'] as const) {
    if (options[key] === undefined || settings[key] === undefined) continue;
    const message = `${key} is given twice: with the app, and as an option`;
    throw new WsgiTsError('ERR_WSGI_OPTION', 'operator', message, {
      remedy: `Give ${key} once: it means the same in both places.`,
    });
  }
  return { ...options, ...settings };
}

/**
 * The options, which a program in JavaScript may have got wrong.
 *
 * @throws WsgiTsError `ERR_WSGI_OPTION` (operator) for what is no object
 */
export function checkedOptions<Options extends object>(options: Options): Options {
  const given: unknown = options;
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return options;
  const what = given === null ? 'null' : typeof given;
  const message = `options: an object is expected, such as { threads: 4 }, not ${what}`;
  throw new WsgiTsError('ERR_WSGI_OPTION', 'operator', message);
}

function named(name: string): string {
  if (name.trim() !== '') return name;
  throw new WsgiTsError('ERR_WSGI_NO_APP', 'operator', 'No app is named.', { remedy });
}

function noTarget(message: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_TARGET_FORM', 'operator', message, { remedy });
}

const remedy = "Name it as 'module:variable', or as { module, callable, chdir, python }.";
