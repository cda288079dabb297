// Builds a binding for one Python into the user's cache: one process at a time, complete or not at all. Called by
// choose.ts where there is none yet, and by `wsgi-ts binding build`. It takes seconds and waits only by events;
// a builder that was killed leaves a lock that is taken over, and a folder that the next builder of the same binding
// clears away.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { WsgiTsError } from '../errors.ts';
import {
  addCached,
  atCache,
  bindingName,
  cacheProblem,
  clearRemains,
  findCached,
  openCache,
  type BoundPython,
  type CachedBinding,
} from './cache.ts';
import { compile, withoutNames } from './compile.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import type { InterpreterFacts } from './interpreter-facts.ts';
import { findRecipe, type Recipe } from './recipe.ts';
import { isPlain } from './shell.ts';
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
/** Milliseconds that a binding may take to load, on a machine that does other things as well. */
const loadPatience = 60_000;

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
  const cache = openCache(site);
  const { listener, signal, force = false } = options;
  const who = `${shortName(environment, site.cwd)} uses Python ${facts.version}`;
  try {
    for (;;) {
      await using lock = await takeLock(
        join(cache, bindingName(site, python)),
        site,
        signal,
        () => {
          listener.begin(`${who}; another process is building the binding for it`);
        },
      );
      const there = force ? null : findCached(site, python);
      if (there !== null) {
        listener.end('done');
        return there;
      }
      listener.begin(`${who}; building the binding for it, once (about 20 s)`);
      const built = await buildHoldingLock(target, recipe, site, options, lock.lost);
      // Lost: the machine slept, say, and somebody else took it for dead. They are building now.
      if (built === 'lost') continue;
      listener.end('done');
      return built;
    }
  } catch (error) {
    listener.end('failed');
    throw error;
  }
}

async function buildHoldingLock(
  { environment, facts, python }: BuildTarget,
  recipe: Recipe,
  site: BindingSite,
  { listener, signal, onOutput = () => undefined }: BuildOptions,
  lost: AbortSignal,
): Promise<CachedBinding | 'lost'> {
  const folder = makeFolder(site, python);
  try {
    const binary = await compile({
      ...{ recipe, site, folder, onOutput },
      python: describeEnvironment(environment),
      signal: signal === undefined ? lost : AbortSignal.any([signal, lost]),
      ownGroup: signal !== undefined,
      onStep: () => {
        listener.step();
      },
    });
    await assertLoads(binary, facts, site);
    return addCached(site, binary, {
      ...python,
      python: facts.version,
      pymport: site.pymport?.version ?? site.wantedVersion,
      node: process.versions.node,
      platform: site.platform,
      built: new Date().toISOString(),
    });
  } catch (error) {
    // Who takes the lock over clears the folder away.
    if (signal?.aborted !== true && (lost.aborted || !fs.existsSync(folder))) return 'lost';
    const { code = '' } = error as NodeJS.ErrnoException;
    throw ['ENOSPC', 'EDQUOT'].includes(code) ? cacheProblem(site, code) : error;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A lock that is held. */
interface Lock extends AsyncDisposable {
  /** Aborted when somebody else has taken it over. */
  readonly lost: AbortSignal;
}

/** Takes the lock of one binding. It is renewed while it is held, so that a killed holder's can be told apart. */
async function takeLock(
  path: string,
  site: BindingSite,
  signal: AbortSignal | undefined,
  onWait: () => void,
): Promise<Lock> {
  // Only here: it puts handlers for signals into the process.
  const { lock } = await import('proper-lockfile');
  const lost = new AbortController();
  const onCompromised = (): void => {
    lost.abort();
  };
  for (let waits = false; ; waits = true) {
    try {
      const release = await lock(path, { realpath: false, stale, onCompromised });
      return {
        lost: lost.signal,
        [Symbol.asyncDispose]: () => release().catch(() => undefined), // it was lost
      };
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== 'ELOCKED') throw cacheProblem(site, code);
    }
    if (!waits) onWait();
    await sleep(lookAgainEvery, undefined, signal === undefined ? {} : { signal });
  }
}

/** A fresh folder to build in, after those that killed builders of the same binding have left are gone. */
function makeFolder(site: BindingSite, python: BoundPython): string {
  const cache = openCache(site);
  const name = bindingName(site, python);
  return atCache(site, () => {
    clearRemains(cache, name);
    // node-gyp's makefiles can't take every path.
    const place = isPlain(cache) ? cache : tmpdir();
    return fs.mkdtempSync(join(place, `${name}.build-`));
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
    "console.log('\\nloaded ' + binding.exports.pymport('platform').get('python_version').call().toJS())";
  const env = {
    ...withoutNames(variables, misleading),
    PATH: [dirname(executable), variables['PATH'] ?? ''].join(delimiter),
    PYMPORTPATH: dirname(binary),
  };
  const run = promisify(execFile);
  try {
    const options = { env, timeout: loadPatience };
    const { stdout } = await run(process.execPath, ['-e', program, binary], options);
    // `3.14.0rc1`, `3.12.1+`: what is built from a checkout says more than its number.
    if (stdout.includes(`\nloaded ${version}`)) return;
    throw new Error(`it runs another Python: ${stdout.trim()}`);
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

/** What would let another Python start, or other code run in it; in lower case. */
const misleading = new Set(['pythonhome', 'pythonpath', 'pythonstartup', 'node_options']);

/** As a person calls it: `.venv`, where it is below the current directory. */
function shortName(environment: Environment, cwd: string): string {
  const name = describeEnvironment(environment);
  const below = relative(cwd, name);
  return below === '' || below.startsWith('..') ? name : below;
}
