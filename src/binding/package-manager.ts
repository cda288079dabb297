// The command that installs what compiling a binding needs, in the words of the system at hand: apt, dnf, apk or
// brew. Called by recipe.ts and the doctor. It reads one file and runs nothing.

import { readFileSync } from 'node:fs';
import type { BindingSite } from './site.ts';

/** How packages are installed here, and what they are called. */
export interface PackageManager {
  /** The command that installs them, to be pasted into a shell. */
  install(packages: readonly string[]): string;
  /** Packages with a C++ compiler, and with make. */
  readonly compiler: string;
  readonly make: string;
  /** The package with Node's headers; null: they come with Node. */
  readonly nodeHeaders: string | null;
  /** The package with the headers and the shared library of a Python; `isDefault`: of the system's `python3`. */
  headers(version: string, isDefault: boolean): string;
}

const known: Readonly<Record<string, (sudo: string) => PackageManager>> = {
  apt: (sudo) => ({
    install: (packages) => `${sudo}apt-get install -y ${packages.join(' ')}`,
    compiler: 'g++',
    make: 'make',
    nodeHeaders: 'libnode-dev',
    headers: (version, isDefault) => (isDefault ? 'python3-dev' : `python${version}-dev`),
  }),
  dnf: (sudo) => ({
    install: (packages) => `${sudo}dnf install -y ${packages.join(' ')}`,
    compiler: 'gcc-c++',
    make: 'make',
    nodeHeaders: 'nodejs-devel',
    headers: (version, isDefault) => (isDefault ? 'python3-devel' : `python${version}-devel`),
  }),
  apk: (sudo) => ({
    install: (packages) => `${sudo}apk add ${packages.join(' ')}`,
    compiler: 'g++',
    make: 'make',
    nodeHeaders: 'nodejs-dev',
    headers: () => 'python3-dev',
  }),
  brew: () => ({
    install: (packages) =>
      packages.includes('xcode')
        ? 'xcode-select --install'
        : `brew reinstall ${packages.join(' ')}`,
    compiler: 'xcode',
    make: 'xcode',
    nodeHeaders: null,
    headers: (version) => `python@${version}`,
  }),
};

/** Families of Linux by the ID and ID_LIKE of os-release(5). */
const families: readonly (readonly [RegExp, string])[] = [
  [/\b(?:debian|ubuntu)\b/, 'apt'],
  [/\b(?:fedora|rhel|centos|amzn)\b/, 'dnf'],
  [/\balpine\b/, 'apk'],
];

/**
 * The package manager of this system; null where it is none of those that are known.
 *
 * @param release - the text of os-release(5)
 */
export function packageManager(
  { platform, uid }: BindingSite,
  release: string = readRelease(),
): PackageManager | null {
  const sudo = uid === 0 ? '' : 'sudo ';
  if (platform.startsWith('darwin')) return known['brew']?.('') ?? null;
  const ids = release
    .split('\n')
    .filter((line) => /^ID(?:_LIKE)?=/.test(line))
    .join(' ');
  const [, name = ''] = families.find(([family]) => family.test(ids)) ?? [];
  return known[name]?.(sudo) ?? null;
}

function readRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}
