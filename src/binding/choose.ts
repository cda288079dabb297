// Which binding carries the Python that was chosen: one that was built for it before, else the installed one where
// it is for that very Python, else one that is built now. Called by bridge/interpreter.ts before anything of
// Python is loaded. Where a binding is there, it reads files only: no interpreter is run and nothing is written.

import * as fs from 'node:fs';
import { dirname, isAbsolute, relative } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import { readBinary, type BinaryFacts } from './binary.ts';
import { buildBinding, type BuildOptions } from './build.ts';
import { findCached } from './cache.ts';
import { describeEnvironment, noPython, type Environment } from './environment.ts';
import { askInterpreter } from './interpreter-facts.ts';
import { quote } from './shell.ts';
import { isOn, type BindingSite } from './site.ts';

/** A binding to load. */
export interface Binding {
  /** The file, absolute. */
  readonly path: string;
  /** `3.12` */
  readonly version: string;
  readonly origin: 'installed' | 'cached' | 'built';
}

/** Whether to build, and how; the variable WSGI_TS_NO_BUILD forbids it, too. */
export interface ChoiceOptions extends BuildOptions {
  /** `--no-build`: no binding is built. */
  readonly noBuild: boolean;
}

/**
 * Finds or builds the binding for a Python.
 *
 * @throws WsgiTsError (operator, exit code 1) ERR_WSGI_BINDING_MISSING: there is none, and building is forbidden;
 * ERR_WSGI_PYTHON_NOT_FOUND: there is no Python at all; and whatever askInterpreter, findCached and buildBinding
 * throw
 */
export async function provideBinding(
  environment: Environment,
  site: BindingSite,
  options: ChoiceOptions,
): Promise<Binding> {
  const found = findBinding(environment, site);
  if (found !== null) return found;
  if (environment.executable === null) throw noPython();
  const mayBuild = !options.noBuild && !isOn(site.variables['WSGI_TS_NO_BUILD']);
  const isKnown = environment.version !== null && environment.basePrefix !== null;
  if (isKnown && !mayBuild) throw forbidden(environment, site);
  const facts = askInterpreter(environment.executable, site.variables);
  const { basePrefix, binaryVersion } = facts;
  const python = { basePrefix: environment.basePrefix ?? basePrefix, version: binaryVersion };
  const cached = findCached(site, python);
  if (cached !== null) return { path: cached.path, version: python.version, origin: 'cached' };
  if (!mayBuild) throw forbidden({ ...environment, ...python }, site);
  const { path } = await buildBinding({ environment, facts, python }, site, options);
  return { path, version: python.version, origin: 'built' };
}

/**
 * The binding that is there already; null where one would have to be built. One that was built for this very
 * Python comes first: it is there because the installed one would not do, or because somebody has asked for it.
 */
export function findBinding(environment: Environment, site: BindingSite): Binding | null {
  const { version, basePrefix } = environment;
  const cached =
    version === null || basePrefix === null ? null : findCached(site, { version, basePrefix });
  if (cached !== null && version !== null) return { path: cached.path, version, origin: 'cached' };
  const installed = site.pymport && readBinary(site.pymport.binary, fs);
  if (site.pymport && installed && fits(installed, environment, site)) {
    return { path: site.pymport.binary, version: installed.version, origin: 'installed' };
  }
  return null;
}

/**
 * Why the installed pymport is not the one to use, for people to read: `the installed pymport is for Python 3.11 in
 * /usr/lib`. null: it would do.
 */
export function whyNotInstalled(environment: Environment, site: BindingSite): string | null {
  if (site.pymport === null)
    return 'pymport is not installed: it was left out, or could not be compiled';
  const facts = readBinary(site.pymport.binary, fs);
  if (facts === null) return 'the installed pymport was not compiled, or not to the end';
  if (isBuiltin(facts, site.pymport.binary))
    return 'the installed pymport carries a Python of its own';
  if (fits(facts, environment, site)) return null;
  const folder = libraryFolder(facts, site);
  return `the installed pymport is for Python ${facts.version} in ${folder ?? 'a place that is gone'}`;
}

/**
 * Whether the installed binding is for this very Python. The same minor version is not enough: Debian's library
 * holds modules that pyenv's keeps as files, and has other symbols.
 */
function fits(facts: BinaryFacts, environment: Environment, site: BindingSite): boolean {
  const { version, basePrefix } = environment;
  if (site.pymport === null || isBuiltin(facts, site.pymport.binary)) return false;
  // No interpreter to compare with: its own is as good as any.
  if (environment.source === 'none') return libraryFolder(facts, site) !== null;
  if (version !== facts.version || basePrefix === null) return false;
  const folder = libraryFolder(facts, site);
  return folder !== null && belongsTo(folder, basePrefix);
}

/** Whether its Python lies beside it: pymport's prebuilt binaries look for it at `$ORIGIN/lib`. */
function isBuiltin({ library, folders }: BinaryFacts, path: string): boolean {
  return (
    library.startsWith('@loader_path') ||
    folders.some((folder) => folder.startsWith(`${dirname(path)}/`))
  );
}

/** The folder where the loader will find the binding's library; null: nowhere. ld.so(8), "DESCRIPTION". */
function libraryFolder({ library, folders }: BinaryFacts, site: BindingSite): string | null {
  if (isAbsolute(library)) return fs.existsSync(library) ? dirname(fs.realpathSync(library)) : null;
  const machine = { x64: 'x86_64', arm64: 'aarch64', riscv64: 'riscv64' };
  const [, arch = ''] = site.platform.split('-');
  const multiarch = `${new Map(Object.entries(machine)).get(arch) ?? arch}-linux-gnu`;
  const candidates = [
    ...(site.variables['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    ...folders,
    ...['/usr/local/lib', `/lib/${multiarch}`, `/usr/lib/${multiarch}`],
    ...['/lib64', '/usr/lib64', '/lib', '/usr/lib'],
  ];
  const found = candidates.find((folder) => fs.existsSync(`${folder}/${library}`));
  return found === undefined ? null : fs.realpathSync(found);
}

/** Whether `folder` is the library folder of the Python installed at `prefix`: `/usr/local/lib` is not that of /usr. */
function belongsTo(folder: string, prefix: string): boolean {
  const below = relative(fs.realpathSync(prefix), folder);
  return below === '' || /^lib(?:32|64)?(?:\/[\w-]+-linux-\w+)?$/.test(below);
}

function forbidden(environment: Environment, site: BindingSite): WsgiTsError {
  const who = describeEnvironment(environment);
  const { basePrefix, version } = environment;
  const which =
    version === null ? '' : ` (Python ${version} in ${basePrefix ?? 'an unknown place'})`;
  const message =
    `There is no binding for ${who}${which}, ` +
    `and none is to be built (--no-build): ${whyNotInstalled(environment, site) ?? ''}.`;
  const python = environment.executable === null ? '' : ` --python ${quote(who)}`;
  return new WsgiTsError('ERR_WSGI_BINDING_MISSING', 'operator', message, {
    remedy: `wsgi-ts binding build${python}`,
  });
}
