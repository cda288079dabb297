// The one command that compiles pymport for a given Python, as a person can paste it into a shell.
// Called by binding.ts when there is no usable binding. Looks at files only; it runs nothing. It must never
// advise what could change other packages of the person's: npm removes what a folder's package.json
// doesn't list.

import { basename, delimiter, dirname, join, relative } from 'node:path';
import type { readdirSync } from 'node:fs';
import type { Environment, FileSystem } from './environment.ts';

/** Where things are: all that a diagnosis needs to know, so that it can be tested with a made-up layout. */
export interface BindingSite {
  /** Folder of the package wsgi-ts. */
  readonly packageRoot: string;
  /** The version of pymport that wsgi-ts wants. */
  readonly wantedVersion: string;
  /** The Python to build for. */
  readonly environment: Environment;
  readonly cwd: string;
  /** PATH */
  readonly searchPath: string;
  /** PYTHONHOME; null: not set. */
  readonly pythonHome: string | null;
  /** `linux-x64` */
  readonly platform: string;
  /** Whether commands run as root, who needs no sudo. */
  readonly root: boolean;
  readonly files: FileSystem & { readonly readdirSync: typeof readdirSync };
}

/** Command line tools that the compilation calls, and the Debian package of each. */
const tools = [
  ['make', 'make'],
  ['g++', 'g++'],
  ['pkg-config', 'pkg-config'],
] as const;

/** The folder of the installed pymport, as Node finds it from wsgi-ts; null if there is none. */
export function findPymport(site: BindingSite): string | null {
  for (let folder = site.packageRoot; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', 'pymport');
    if (isThere(site, join(candidate, 'package.json'))) return candidate;
    if (folder === dirname(folder)) return null;
  }
}

/** The command that installs pymport, compiled for the environment's Python. */
export function installCommand(site: BindingSite): string {
  // npm installs into the folder above node_modules, or wsgi-ts' own when that is not inside of one.
  const parent = dirname(site.packageRoot);
  const project = basename(parent) === 'node_modules' ? dirname(parent) : site.packageRoot;
  // Without a package.json that folder is npm's global one, where everything else would be removed.
  const isGlobal = !isThere(site, join(project, 'package.json'));
  const place = isGlobal || project === site.cwd ? '' : `cd ${quote(project)} && `;
  const npm = `npm install ${isGlobal ? '-g ' : ''}pymport@${site.wantedVersion}`;
  return `${prerequisites(site)}${place}${settings(site)} ${npm}`;
}

/** The command that compiles the installed pymport anew, for the environment's Python. */
export function rebuildCommand(site: BindingSite, pymport: string): string {
  const below = relative(site.cwd, pymport);
  const folder = quote(below.startsWith('..') ? pymport : below);
  // The package's own script, not `npm rebuild`: npm 12 runs that only for approved packages.
  return `${prerequisites(site)}${settings(site)} npm --prefix ${folder} run install`;
}

/** Debian packages that the compilation needs and that are not there. */
export function missingPackages(site: BindingSite): string[] {
  const folders = site.searchPath.split(delimiter).filter((folder) => folder !== '');
  const missing: string[] = tools
    .filter(([tool]) => !folders.some((folder) => isThere(site, join(folder, tool))))
    .map(([, debianPackage]) => debianPackage);
  const { version } = site.environment;
  if (usesDistribution(site) && distributionFolder(site, pcName(version)) === null) {
    missing.push(isDefaultPython(site) ? 'python3-dev' : `python${version ?? '3'}-dev`);
  }
  return missing;
}

function prerequisites(site: BindingSite): string {
  const missing = missingPackages(site);
  if (missing.length === 0) return '';
  return `${site.root ? '' : 'sudo '}apt-get install -y ${missing.join(' ')} && `;
}

/**
 * Variables for pymport's build. npm passes them on to its script; as a flag, `--build-from-source` is
 * refused from npm 12 on. Without it a prebuilt binary is taken, which carries a Python of its own.
 */
function settings(site: BindingSite): string {
  const source = 'npm_config_build_from_source=true';
  const { basePrefix, version } = site.environment;
  if (!usesDistribution(site) && basePrefix !== null) {
    const lib = join(basePrefix, 'lib');
    const rpath = quote(`-Wl,-rpath,${lib}`);
    return `${source} PKG_CONFIG_PATH=${quote(join(lib, 'pkgconfig'))} LDFLAGS=${rpath}`;
  }
  // pymport asks for `python3-embed`, which is the distribution's default Python. Any other one is
  // given to it under that name.
  if (version === null || isDefaultPython(site)) return source;
  const folder = distributionFolder(site, pcName(version)) ?? '/usr/lib/*/pkgconfig';
  const pc = join(folder, pcName(version));
  return `d=$(mktemp -d) && ln -s ${pc} $d/python3-embed.pc && ${source} PKG_CONFIG_PATH=$d`;
}

function pcName(version: string | null): string {
  return version === null ? 'python3-embed.pc' : `python-${version}-embed.pc`;
}

function usesDistribution({ environment }: BindingSite): boolean {
  return environment.basePrefix === null || environment.basePrefix === '/usr';
}

/** Whether the environment's Python is the one that the distribution calls `python3`. */
function isDefaultPython(site: BindingSite): boolean {
  const { version } = site.environment;
  if (version === null) return true;
  try {
    return basename(site.files.realpathSync('/usr/bin/python3')) === `python${version}`;
  } catch {
    return false;
  }
}

/** Where the distribution keeps `name`, a description of a library for pkg-config. */
function distributionFolder(site: BindingSite, name: string): string | null {
  const folders = ['/usr/lib/pkgconfig', '/usr/lib64/pkgconfig', '/usr/share/pkgconfig'];
  try {
    const below = site.files.readdirSync('/usr/lib').filter((entry) => entry.includes('-linux-'));
    folders.unshift(...below.map((entry) => `/usr/lib/${entry}/pkgconfig`));
  } catch {
    // no /usr/lib: macOS keeps everything below a prefix
  }
  return folders.find((folder) => isThere(site, join(folder, name))) ?? null;
}

/** Whether there is a file or folder of this path. */
export function isThere(site: BindingSite, path: string): boolean {
  try {
    site.files.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
