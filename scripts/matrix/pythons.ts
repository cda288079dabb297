// The Pythons to try: those that `make matrix PYTHONS="…"` names, else every CPython that wsgi-ts runs with that is found
// here with a shared library, which embedding needs: pyenv's, the system's, those on PATH. Called by
// matrix.ts. A Python that can't be embedded is said, with the reason, never dropped without a word.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { newestMinor, oldestMinor } from '../../src/binding/recipe.ts';

/** A Python as it was installed: no virtual environment. */
export interface Python {
  /** Absolute path of the interpreter. */
  readonly executable: string;
  /** `3.11.7` */
  readonly version: string;
  /** Who built it: `pyenv`, `Debian`, `own build`. */
  readonly owner: string;
  /** What its folders are called: `3.11.7-pyenv`. */
  readonly id: string;
}

/** What was found: those to try, newest first, and those that can't be, with the reason. */
export interface FoundPythons {
  readonly pythons: readonly Python[];
  readonly leftOut: readonly { readonly candidate: string; readonly reason: string }[];
}

interface Facts {
  readonly implementation: string;
  readonly version: string;
  readonly executable: string;
  readonly prefix: string;
  readonly shared: number;
  readonly freeThreaded: number;
}

const question = `
import json, os, sys, sysconfig
print(json.dumps({
    "implementation": sys.implementation.name,
    "version": "%d.%d.%d" % sys.version_info[:3],
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "prefix": os.path.realpath(sys.base_prefix),
    "shared": sysconfig.get_config_var("Py_ENABLE_SHARED") or 0,
    "freeThreaded": sysconfig.get_config_var("Py_GIL_DISABLED") or 0,
}))`;
const minors = Array.from(
  { length: newestMinor - oldestMinor + 1 },
  (_, index) => `3.${newestMinor - index}`,
);
const pyenvRoot = process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv');

/**
 * Finds the Pythons.
 *
 * @param named - paths or commands to try instead of those that are found; empty: find them
 * @throws Error when one that was named can't be used
 */
export function findPythons(named: readonly string[]): FoundPythons {
  const pythons = new Map<string, Python>();
  const leftOut: { candidate: string; reason: string }[] = [];
  for (const candidate of named.length > 0 ? named : candidates()) {
    const facts = ask(candidate);
    const reason = facts === null ? 'it does not run' : unusable(facts);
    if (facts !== null && reason === null) {
      pythons.set(`${facts.version} ${facts.prefix}`, toPython(facts));
    } else if (named.length > 0) {
      throw new Error(`${candidate}: ${reason ?? ''}`);
    } else if (facts !== null) {
      leftOut.push({ candidate: `${titleOf(facts)} ${facts.version}`, reason: reason ?? '' });
    }
  }
  return { pythons: [...pythons.values()].sort(newestFirst), leftOut };
}

/** pyenv's shims are on PATH too, and those of versions that are not chosen only print an error. */
function candidates(): string[] {
  const versions = join(pyenvRoot, 'versions');
  const ofPyenv = existsSync(versions)
    ? readdirSync(versions).map((name) => join(versions, name, 'bin', 'python3'))
    : [];
  const onPath = minors.map((minor) => `python${minor}`);
  return [...ofPyenv.filter((path) => existsSync(path)), '/usr/bin/python3', ...onPath];
}

function ask(candidate: string): Facts | null {
  const { status, stdout } = spawnSync(candidate, ['-I', '-c', question], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return status === 0 ? (JSON.parse(stdout) as Facts) : null;
}

function titleOf({ implementation }: Facts): string {
  return implementation === 'cpython' ? 'CPython' : implementation;
}

function unusable(facts: Facts): string | null {
  if (facts.implementation !== 'cpython') return `it is ${facts.implementation}, not CPython`;
  const minor = facts.version.split('.').slice(0, 2).join('.');
  if (!minors.includes(minor)) return `${minors.at(-1) ?? ''} to ${minors[0] ?? ''} are supported`;
  if (facts.freeThreaded === 1) return 'it is a free-threaded build';
  return facts.shared === 1 ? null : 'it was built without a shared library';
}

function toPython({ version, executable, prefix }: Facts): Python {
  const owner = ownerOf(prefix);
  // Two that were built by hand may have the same version.
  const hash = createHash('sha256').update(prefix).digest('hex').slice(0, 6);
  const id = `${version}-${owner === 'own build' ? hash : owner.toLowerCase()}`;
  return { executable, version, owner, id };
}

function ownerOf(prefix: string): string {
  if (prefix.startsWith(`${pyenvRoot}/`)) return 'pyenv';
  if (prefix !== '/usr') return 'own build';
  return /^NAME="?(\w+)/m.exec(osRelease())?.[1] ?? 'system';
}

/** What the machine calls its system: `Debian GNU/Linux 12 (bookworm)`. */
export function systemName(): string {
  return /^PRETTY_NAME="?([^"\n]+)/m.exec(osRelease())?.[1] ?? process.platform;
}

function osRelease(): string {
  const file = '/etc/os-release';
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function newestFirst(one: Python, other: Python): number {
  const order = other.version.localeCompare(one.version, 'en', { numeric: true });
  return order === 0 ? one.owner.localeCompare(other.owner) : order;
}
