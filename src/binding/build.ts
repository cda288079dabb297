// Builds a binding for one Python into the user's cache: one process at a time, complete or not at all. Called by
// choose.ts where there is none yet, and by `wsgi-ts binding build`. It takes seconds and waits only by events;
// a builder that was killed leaves a lock that is taken over, and a folder that the next one clears away.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { WsgiTsError } from '../errors.ts';
import {
  addCached,
  atCache,
  bindingName,
  cacheProblem,
  findCached,
  openCache,
  type BoundPython,
  type CachedBinding,
} from './cache.ts';
import { compile } from './compile.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import type { InterpreterFacts } from './interpreter-facts.ts';
import { findRecipe } from './recipe.ts';
import type { BindingSite } from './site.ts';

/** Who is told how a building goes. */
export interface BuildListener {
  /** A building begins, or somebody else's is waited for. */
  begin(text: string): void;
  /** One of the files is compiled. */
  step(): void;
  end(text: 'done' | 'failed'): void;
}

/** How to build. */
export interface BuildOptions {
  readonly listener: BuildListener;
  /** Ends the building; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Build it though it is there. */
  readonly force?: boolean;
  /** Is given everything that npm, node-gyp and the compiler write. */
  readonly onOutput?: (text: string) => void;
}

/** The Python to build for. */
export interface BuildTarget {
  readonly environment: Environment;
  readonly facts: InterpreterFacts;
  readonly python: BoundPython;
}

/** Milliseconds after which a lock whose holder doesn't renew it counts as left behind. */
const stale = 10_000;
const lookAgainEvery = 250;
/** Paths that node-gyp's makefiles can take. */
const plainPath = /^[\w@%+=:,./-]+$/;

/**
 * Builds the binding, or waits for the process that is building it.
 *
 * @throws WsgiTsError (operator, exit code 1): see findRecipe, compile and openCache;
 * ERR_WSGI_BINDING_COMPILATION too where the compiled binding can't be loaded
 */
export async function buildBinding(
  target: BuildTarget,
  site: BindingSite,
  options: BuildOptions,
): Promise<CachedBinding> {
  const { environment, facts, python } = target;
  const recipe = findRecipe(environment, facts, site);
  openCache(site);
  const { listener, signal, force = false } = options;
  const who = `${shortName(environment, site.cwd)} uses Python ${facts.version}`;
  const release = await lock(join(site.cache, bindingName(site, python)), signal, () => {
    listener.begin(`${who}; another process is building the binding for it`);
  });
  try {
    const there = force ? null : findCached(site, python);
    if (there !== null) {
      listener.end('done');
      return there;
    }
    listener.begin(`${who}; building the binding for it, once (about 15 s)`);
    const folder = makeFolder(site, python);
    try {
      const binary = await compile({
        ...{ recipe, site, folder, signal },
        onStep: () => {
          listener.step();
        },
        onOutput: options.onOutput ?? (() => undefined),
      });
      await assertLoads(binary, facts, site);
      const built = addCached(site, binary, {
        ...python,
        python: facts.version,
        pymport: site.pymport?.version ?? site.wantedVersion,
        node: process.versions.node,
        platform: site.platform,
        built: new Date().toISOString(),
      });
      listener.end('done');
      return built;
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  } catch (error) {
    listener.end('failed');
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof WsgiTsError || code === undefined || signal?.aborted) throw error;
    throw cacheProblem(site, code);
  } finally {
    await release();
  }
}

/** Takes the lock of one binding. It is renewed while it is held, so that a killed holder's can be told apart. */
async function lock(
  path: string,
  signal: AbortSignal | undefined,
  onWait: () => void,
): Promise<() => Promise<void>> {
  // Only here: it puts handlers for signals into the process.
  const { lock: take } = await import('proper-lockfile');
  const attempt = async (): Promise<(() => Promise<void>) | null> => {
    try {
      // A lock that was lost (the machine slept) is no reason to die: what is built is put in place whole.
      return await take(path, { realpath: false, stale, onCompromised: () => undefined });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return null;
      throw error;
    }
  };
  let release = await attempt();
  if (release === null) onWait();
  while (release === null) {
    await sleep(lookAgainEvery, undefined, signal === undefined ? {} : { signal });
    release = await attempt();
  }
  const held = release;
  return async () => {
    await held().catch(() => undefined); // lost
  };
}

/** A fresh folder to build in, after those that killed builders of the same binding have left are gone. */
function makeFolder(site: BindingSite, python: BoundPython): string {
  const prefix = `${bindingName(site, python)}.build-`;
  const { TMPDIR = '/tmp' } = site.variables;
  const place = plainPath.test(site.cache) ? site.cache : TMPDIR;
  return atCache(site, () => {
    for (const left of fs.readdirSync(place).filter((name) => name.startsWith(prefix))) {
      fs.rmSync(join(place, left), { recursive: true, force: true });
    }
    return fs.mkdtempSync(join(place, prefix));
  });
}

/** Loads the binding in a process of its own: what doesn't load never comes into the cache. */
async function assertLoads(
  binary: string,
  { executable, version }: InterpreterFacts,
  { variables }: BindingSite,
): Promise<void> {
  const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL;
  const program =
    `const binding = { exports: {} }; process.dlopen(binding, process.argv[1], ${flags});` +
    "console.log(binding.exports.pymport('platform').get('python_version').call().toJS())";
  const PATH = [dirname(executable), variables['PATH'] ?? ''].join(delimiter);
  const env = { ...variables, PATH, PYMPORTPATH: dirname(binary), PYTHONHOME: undefined };
  const run = promisify(execFile);
  try {
    const { stdout } = await run(process.execPath, ['-e', program, binary], { env });
    if (stdout.trim() === version) return;
    throw new Error(`it runs Python ${stdout.trim()}`);
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string };
    const said = (stderr ?? '').split('\n').find((line) => line.startsWith('Error:')) ?? message;
    throw new WsgiTsError(
      'ERR_WSGI_BINDING_COMPILATION',
      'operator',
      `The binding for Python ${version} was compiled, but can't be loaded: ${said}`,
      { cause },
    );
  }
}

/** As a person calls it: `.venv`, where it is below the current directory. */
function shortName(environment: Environment, cwd: string): string {
  const name = describeEnvironment(environment);
  const below = relative(cwd, name);
  return below === '' || below.startsWith('..') ? name : below;
}
