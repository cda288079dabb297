// The bindings that were built for this user, each in a folder of its own: which there are, whether one may be
// trusted, how one is put there and taken away. Called by choose.ts, build.ts and the command. What is loaded
// from here runs with all of the user's rights, so nothing is read from or written to a place that somebody
// else can write.

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
  const found = read(site, bindingName(site, python));
  if (readBinary(found.path, fs)?.version !== python.version) return null;
  assertOurs(site, dirname(found.path));
  return found;
}

/** Every binding in the cache, the damaged ones too. */
export function listCached(site: BindingSite): CachedBinding[] {
  try {
    const names = fs.readdirSync(site.cache).filter((name) => nameForm.test(name));
    return names.sort().map((name) => read(site, name));
  } catch {
    return [];
  }
}

/** Takes a binding away. A server that has loaded it goes on. @returns whether it was there */
export function removeCached(site: BindingSite, name: string): boolean {
  const folder = join(site.cache, name);
  if (!nameForm.test(name) || !fs.existsSync(folder)) return false;
  atCache(site, () => {
    fs.rmSync(folder, { recursive: true });
  });
  return true;
}

/**
 * Makes the cache's folder, for this user only.
 *
 * @throws WsgiTsError ERR_WSGI_BINDING_CACHE (operator): it can't be made or written, or it is another user's
 */
export function openCache(site: BindingSite): void {
  atCache(site, () => {
    fs.mkdirSync(site.cache, { recursive: true, mode: 0o700 });
    fs.accessSync(site.cache, fs.constants.W_OK);
  });
  assertOurs(site, site.cache);
}

/** Puts a compiled binding into the cache: there it is whole, or not at all. */
export function addCached(site: BindingSite, binary: string, record: BindingRecord): CachedBinding {
  const name = bindingName(site, record);
  const target = join(site.cache, name);
  atCache(site, () => {
    const fresh = fs.mkdtempSync(join(site.cache, 'new-'));
    try {
      fs.copyFileSync(binary, join(fresh, binaryName));
      fs.writeFileSync(join(fresh, recordName), `${JSON.stringify(record, null, 2)}\n`);
      fs.rmSync(target, { recursive: true, force: true });
      fs.renameSync(fresh, target);
    } catch (error) {
      fs.rmSync(fresh, { recursive: true, force: true });
      throw error;
    }
  });
  return read(site, name);
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
    if (code === undefined) throw error;
    throw cacheProblem(site, code);
  }
}

/** What a system error of this code means for the cache. */
export function cacheProblem({ cache }: BindingSite, code: string): WsgiTsError {
  const elsewhere =
    'Name a folder that is yours to write, with XDG_CACHE_HOME: XDG_CACHE_HOME=/path wsgi-ts …';
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const why = full ? 'the disk is full' : `it can't be written (${code})`;
  const message = `A binding for this Python has to be kept in ${cache}, and ${why}.`;
  return new WsgiTsError('ERR_WSGI_BINDING_CACHE', 'operator', message, {
    remedy: full
      ? 'Make room (about 10 MB), or name another place: XDG_CACHE_HOME=/path'
      : elsewhere,
  });
}

function read(site: BindingSite, name: string): CachedBinding {
  const folder = join(site.cache, name);
  let record: BindingRecord | null = null;
  try {
    record = JSON.parse(fs.readFileSync(join(folder, recordName), 'utf8')) as BindingRecord;
  } catch {
    // Only `binding list` shows it; the binding doesn't need it.
  }
  return { name, path: join(folder, binaryName), record };
}

/**
 * A folder must be the user's own, and writable by nobody else. For root that holds all the way up: whoever
 * can rename a folder above can put another one in its place.
 */
function assertOurs(site: BindingSite, folder: string): void {
  const { mode, uid } = fs.statSync(folder);
  const refuse = (path: string, why: string): WsgiTsError =>
    new WsgiTsError(
      'ERR_WSGI_BINDING_CACHE',
      'operator',
      `A binding would be loaded from ${site.cache}, but ${path} ${why}.`,
      {
        remedy:
          'Name a place that is safe with XDG_CACHE_HOME, or install pymport compiled for this Python: ' +
          'npm_config_build_from_source=true npm install pymport',
      },
    );
  if (uid !== site.uid) throw refuse(folder, "is another user's");
  if ((mode & (groupWritable | othersWritable)) !== 0) {
    throw refuse(folder, 'can be written by other users');
  }
  if (site.uid !== 0) return;
  for (let above = dirname(fs.realpathSync(folder)); ; above = dirname(above)) {
    const found = fs.statSync(above);
    if (found.uid !== 0) throw refuse(above, 'belongs to a user who is not root');
    const groups = found.gid === 0 ? 0 : groupWritable;
    if ((found.mode & (othersWritable | groups)) !== 0 && (found.mode & sticky) === 0) {
      throw refuse(above, 'can be written by users other than root');
    }
    if (above === dirname(above)) return;
  }
}
