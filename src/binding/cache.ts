// The bindings that were built for this user, each in a folder of its own: which there are, whether one may be
// trusted, how one is put there and taken away. Called by choose.ts, build.ts, the doctor and the command. What is
// loaded from here runs with all of the user's rights: the folder must be theirs or root's, and writable by nobody
// else; for root, so must every folder above.

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import { readBinary } from './binary.ts';
import type { BindingSite } from './site.ts';

/** The Python that a binding is for. */
export interface BoundPython {
  /** `3.12` */
  readonly version: string;
  /** Where that Python is installed: `/usr`. */
  readonly basePrefix: string;
}

/** What is written beside a binding, for `wsgi-ts binding list`. */
export interface BindingRecord extends BoundPython {
  /** `3.12.1`: the Python that it was compiled with. */
  readonly python: string;
  readonly pymport: string;
  /** Version of Node: `20.19.0`. */
  readonly node: string;
  readonly platform: string;
  /** ISO 8601 */
  readonly built: string;
}

/** A binding in the cache. */
export interface CachedBinding {
  /** Name of its folder. */
  readonly name: string;
  /** The file to load, absolute. */
  readonly path: string;
  /** null: not written, or not readable. */
  readonly record: BindingRecord | null;
}

const binaryName = 'pymport.node';
const recordName = 'binding.json';
const nameForm = /^pymport-[\w.-]+-python[\w.-]+-[0-9a-f]{12}-node\d+-[\w-]+$/;
const groupWritable = 0o020;
const othersWritable = 0o002;
const sticky = 0o1000;

/** The name of a binding: all that it depends on. */
export function bindingName(site: BindingSite, python: BoundPython): string {
  const place = createHash('sha256').update(python.basePrefix).digest('hex').slice(0, 12);
  const pymport = site.pymport?.version ?? site.wantedVersion;
  return `pymport-${pymport}-python${python.version}-${place}-node${site.abi}-${site.platform}`;
}

/**
 * The binding for a Python, if it was built already and is whole.
 *
 * @throws WsgiTsError ERR_WSGI_BINDING_CACHE (operator) where somebody else could have written it
 */
export function findCached(site: BindingSite, python: BoundPython): CachedBinding | null {
  if (site.cache === null) return null;
  const found = read(site.cache, bindingName(site, python));
  if (readBinary(found.path, fs)?.version !== python.version) return null;
  // What root has put there (in an image, say) is as good as the user's own.
  assertSafe(site, dirname(found.path), [site.uid, 0]);
  return found;
}

/** Every binding in the cache, the damaged ones too. */
export function listCached({ cache }: BindingSite): CachedBinding[] {
  return cache === null ? [] : entries(cache, nameForm).map((name) => read(cache, name));
}

/** Takes a binding away. A server that has loaded it goes on. @returns whether it was there */
export function removeCached(site: BindingSite, name: string): boolean {
  const { cache } = site;
  if (cache === null || !nameForm.test(name) || !fs.existsSync(join(cache, name))) return false;
  atCache(site, () => {
    fs.rmSync(join(cache, name), { recursive: true });
    clearRemains(cache, name);
  });
  return true;
}

/** Takes away what builders of a binding have left that were killed. The lock must be held, if anybody may build. */
export function clearRemains(cache: string, name: string): void {
  for (const left of entries(cache, /\.(?:build|new|old)-\w+$/)) {
    if (left.startsWith(`${name}.`)) fs.rmSync(join(cache, left), { recursive: true, force: true });
  }
}

/**
 * Makes the cache's folder, for this user only.
 *
 * @returns its path
 * @throws WsgiTsError ERR_WSGI_BINDING_CACHE (operator): it can't be made or written, or others could write it
 */
export function openCache(site: BindingSite): string {
  const cache = checkCache(site);
  atCache(site, () => {
    makeFolders(cache);
  });
  assertSafe(site, cache, [site.uid]);
  return cache;
}

/**
 * Whether the cache's folder is there or could be made, as openCache finds it; changes nothing.
 *
 * @returns its path
 * @throws WsgiTsError ERR_WSGI_BINDING_CACHE (operator)
 */
export function checkCache(site: BindingSite): string {
  const { cache } = site;
  if (cache === null) throw cacheProblem(site, 'there is no home folder');
  let there = cache;
  while (!fs.existsSync(there)) there = dirname(there);
  if (there === cache) assertSafe(site, cache, [site.uid]);
  else if (site.uid === 0) assertRootsAbove(site, join(there, 'x'));
  atCache(site, () => {
    fs.accessSync(`${there}/.`, fs.constants.W_OK); // ENOTDIR for a file
  });
  return cache;
}

/** Puts a compiled binding into the cache: there it is whole, or not at all. */
export function addCached(site: BindingSite, binary: string, record: BindingRecord): CachedBinding {
  const cache = openCache(site);
  const name = bindingName(site, record);
  const target = join(cache, name);
  atCache(site, () => {
    const fresh = fs.mkdtempSync(`${target}.new-`);
    const replaced = `${target}.old-${process.pid}`;
    try {
      fs.copyFileSync(binary, join(fresh, binaryName));
      fs.writeFileSync(join(fresh, recordName), `${JSON.stringify(record, null, 2)}\n`);
      // A folder can't be renamed onto another one that has something in it.
      if (fs.existsSync(target)) fs.renameSync(target, replaced);
      fs.renameSync(fresh, target);
    } finally {
      fs.rmSync(fresh, { recursive: true, force: true });
      fs.rmSync(replaced, { recursive: true, force: true });
    }
  });
  return read(cache, name);
}

/**
 * Does something in the cache.
 *
 * @throws WsgiTsError ERR_WSGI_BINDING_CACHE (operator), instead of the system's error
 */
export function atCache<Result>(site: BindingSite, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof WsgiTsError) throw error;
    throw cacheProblem(site, code);
  }
}

/** What a system error of this code means for the cache. */
export function cacheProblem({ cache }: BindingSite, code: string): WsgiTsError {
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const why = full ? 'the disk is full' : `it can't be written (${code})`;
  const message = `A binding for this Python has to be kept in ${cache ?? '~/.cache'}, and ${why}.`;
  return new WsgiTsError('ERR_WSGI_BINDING_CACHE', 'operator', message, {
    remedy: full
      ? 'Make room (about 10 MB), or name another place: XDG_CACHE_HOME=/path'
      : 'Name a folder that is yours to write, with XDG_CACHE_HOME: XDG_CACHE_HOME=/path wsgi-ts …',
  });
}

/** One by one: with `recursive`, Node never returns from a folder such as /proc that takes none. */
function makeFolders(folder: string): void {
  if (fs.existsSync(folder)) return;
  makeFolders(dirname(folder));
  try {
    fs.mkdirSync(folder, 0o700);
  } catch (error) {
    // Somebody else was quicker.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function read(cache: string, name: string): CachedBinding {
  const folder = join(cache, name);
  let record: BindingRecord | null = null;
  try {
    record = JSON.parse(fs.readFileSync(join(folder, recordName), 'utf8')) as BindingRecord;
  } catch {
    // Only `binding list` shows it; the binding doesn't need it.
  }
  return { name, path: join(folder, binaryName), record };
}

function entries(folder: string, form: RegExp): string[] {
  try {
    const names = fs.readdirSync(folder);
    return names.filter((name) => form.test(name)).sort();
  } catch {
    return [];
  }
}

/** A folder must belong to one of `owners`, and be writable by nobody else. */
function assertSafe(site: BindingSite, folder: string, owners: readonly number[]): void {
  const { mode, uid } = fs.statSync(folder);
  if (!owners.includes(uid)) throw unsafe(site, folder, "is another user's");
  if ((mode & (groupWritable | othersWritable)) !== 0) {
    throw unsafe(site, folder, 'can be written by other users');
  }
  if (site.uid === 0) assertRootsAbove(site, folder);
}

/** Whoever can rename a folder above can put another one in its place: for root, each must be root's. */
function assertRootsAbove(site: BindingSite, folder: string): void {
  for (let above = dirname(folder); ; above = dirname(above)) {
    const { gid, mode, uid } = fs.statSync(above);
    if (uid !== 0) throw unsafe(site, above, 'belongs to a user who is not root');
    const groups = gid === 0 ? 0 : groupWritable;
    if ((mode & (othersWritable | groups)) !== 0 && (mode & sticky) === 0) {
      throw unsafe(site, above, 'can be written by users other than root');
    }
    if (above === dirname(above)) return;
  }
}

function unsafe({ cache }: BindingSite, path: string, why: string): WsgiTsError {
  return new WsgiTsError(
    'ERR_WSGI_BINDING_CACHE',
    'operator',
    `A binding would be loaded from ${cache ?? ''}, but ${path} ${why}.`,
    {
      remedy:
        'Name a place that is safe with XDG_CACHE_HOME, or install pymport compiled for this Python: ' +
        'npm_config_build_from_source=true npm install pymport',
    },
  );
}
