// The machine as the choice of a binding sees it: which pymport npm has installed, what a binary must be made
// for, where the cache is. Made once by localSite, given to everything else in this folder, so that a test can
// make up another machine. It must never change anything.

import { closeSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Environment variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** pymport as npm has installed it. */
export interface InstalledPymport {
  /** Folder of the package, absolute. */
  readonly root: string;
  readonly version: string;
  /** Where its compiled binding is, if it has one. */
  readonly binary: string;
}

/** All that the choice and the building of a binding depend on, besides the Python. */
export interface BindingSite {
  /** null: npm has left it out, because it could not be compiled or nobody wanted it. */
  readonly pymport: InstalledPymport | null;
  /** The version of pymport that wsgi-ts wants: `1.6.0`. */
  readonly wantedVersion: string;
  /** Folder of the bindings that were built, absolute and without links; null: the user has no home. */
  readonly cache: string | null;
  /** What a binary runs on: `linux-x64-glibc`, `linux-arm64-musl`, `darwin-arm64`. */
  readonly platform: string;
  /** Version of Node's binary interface: `115`. */
  readonly abi: string;
  /** The user's number; 0 is root. */
  readonly uid: number;
  readonly cwd: string;
  readonly variables: Variables;
}

const require = createRequire(import.meta.url);

/**
 * This machine.
 *
 * @param variables - the environment variables: XDG_CACHE_HOME says where caches are (XDG Base Directory
 * Specification; a relative path there counts as none)
 */
export function localSite(variables: Variables): BindingSite {
  const { optionalDependencies } = manifest();
  const libc = process.platform === 'linux' ? [usesMusl(process.execPath) ? 'musl' : 'glibc'] : [];
  return {
    pymport: findPymport(),
    wantedVersion: optionalDependencies.pymport,
    cache: findCache(variables),
    platform: [process.platform, process.arch, ...libc].join('-'),
    abi: process.versions.modules,
    uid: process.getuid?.() ?? -1,
    cwd: process.cwd(),
    variables,
  };
}

/** This package's own package.json. */
function manifest(): { readonly optionalDependencies: { readonly pymport: string } } {
  return require('../../../package.json') as ReturnType<typeof manifest>;
}

/** dist/src/binding/ → the package */
export const packageRoot: string = fileURLToPath(new URL('../../../', import.meta.url)).replace(
  /\/$/,
  '',
);

/** What a variable that is a switch says: `1`, `true` and whatever else is not a no. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && !/^(?:|0|false|no|off)$/i.test(value.trim());
}

function findCache({ XDG_CACHE_HOME: given = '' }: Variables): string | null {
  try {
    const caches = isAbsolute(given) ? given : join(homedir(), '.cache');
    return isAbsolute(caches) ? resolveLinks(join(caches, 'wsgi-ts', 'bindings')) : null;
  } catch {
    return null; // a user without an entry in /etc/passwd, and no HOME
  }
}

/** `path` with the links resolved in as much of it as there is. */
function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(resolveLinks(dirname(path)), basename(path));
  }
}

function findPymport(): InstalledPymport | null {
  try {
    // By a name that is not written here: Turbopack follows those that are, and breaks off at pymport's package.json
    // (`missing field napi_versions`), also where this package is not bundled.
    const [name = ''] = Object.keys(manifest().optionalDependencies);
    const root = dirname(dirname(require.resolve(name))); // its main file is lib/index.js
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    // As pymport's own package.json has it, for node-pre-gyp.
    const folder = `${process.platform}-${process.arch}`;
    return { root, version, binary: join(root, 'lib', 'binding', folder, 'pymport.node') };
  } catch {
    return null;
  }
}

/** Whether a program was linked to musl: the name of its loader stands at its beginning (ELF, PT_INTERP). */
function usesMusl(program: string): boolean {
  const file = openSync(program, 'r');
  try {
    const start = Buffer.alloc(4096);
    readSync(file, start, 0, start.length, 0);
    return start.includes('/ld-musl-');
  } finally {
    closeSync(file);
  }
}
