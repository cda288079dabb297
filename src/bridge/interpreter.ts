// The embedded CPython: starts it once a process, in the environment that the person means, and calls the
// functions of python/wsgi_ts. The only file that loads a binding (pymport).
// Called by handler.ts, the master and the command, on the main thread. Each call holds the GIL and blocks
// the event loop until it returns, so none may be made for a request. The host's process.env is the same
// after as before: another package's Python, or a child, must not meet our changes.

import * as fs from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { BuildListener } from '../binding/build.ts';
import { provideBinding, type Binding } from '../binding/choose.ts';
import { chooseEnvironment } from '../binding/choose-environment.ts';
import { describeEnvironment, type Environment } from '../binding/environment.ts';
import { loadProblem, misfit } from '../binding/load-problem.ts';
import { quote } from '../binding/shell.ts';
import { localSite, packageRoot, type BindingSite } from '../binding/site.ts';
import { WsgiTsError } from '../errors.ts';

/** What travels between TypeScript and Python, as JSON. */
export type Plain =
  null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** The running interpreter. */
export interface Interpreter {
  /** `3.11.7` */
  readonly version: string;
  /** `sys.executable`, absolute; empty if there is no interpreter of this version outside. */
  readonly executable: string;
  /** `sys.prefix`: the environment's folder where there is one. */
  readonly prefix: string;
  /** The binding that carries it, and how it came. */
  readonly binding: Binding;
  /**
   * Calls `wsgi_ts.<module>.<name>(*args)` and returns its result.
   * @throws WsgiTsError ERR_WSGI_PYTHON_EXCEPTION (server) with the traceback if it raises.
   */
  call(module: string, name: string, ...args: Plain[]): Plain;
}

/** Which Python to start. */
export interface InterpreterOptions {
  /** `--python`: an interpreter or the folder of an environment; null: look for one. */
  readonly python: string | null;
  /** Where `.venv` and `venv` are looked for, absolute: the app's directory. */
  readonly directory: string;
  /** Where there is no binding for that Python: fail, instead of building one. */
  readonly noBuild: boolean;
  /** Is told how a building goes. */
  readonly listener: BuildListener;
  /** Ends a building that is under way. */
  readonly signal?: AbortSignal;
}

/** What `wsgi_ts.entry.call` answers, and what `wsgi_ts.boot.settle` returns. */
type Answer =
  | { readonly ok: true; readonly value: Plain }
  | { readonly ok: false; type: string; message: string; traceback: string; errno: number | null };
type Facts = Pick<Interpreter, 'version' | 'executable' | 'prefix'>;

/** What is used of pymport. */
interface Pymport {
  readonly pymport: (module: string) => PyObject;
}
interface PyObject {
  get(attribute: string): PyObject;
  call(...args: unknown[]): PyObject;
  toJS(): unknown;
}

let started: { readonly interpreter: Interpreter; readonly environment: Environment } | undefined;
let last: Promise<unknown> = Promise.resolve();
/** Python could not start here; what is left of it in the process can't be started again. */
let spent: WsgiTsError | undefined;

/**
 * Starts Python; later calls return the same interpreter. Where there is no binding for it yet, one is built
 * first, which takes about 20 seconds.
 * @throws WsgiTsError (operator, exit code 1): see findEnvironment, provideBinding and loadProblem; and
 * ERR_WSGI_ENVIRONMENT_MISFIT, ERR_WSGI_ENVIRONMENT_UNUSED (Python didn't take the environment),
 * ERR_WSGI_PYTHON_IN_USE (the process runs another one already).
 */
export function startInterpreter(options: InterpreterOptions): Promise<Interpreter> {
  // One after the other: who comes while a binding is being built needs none of their own.
  const turn = last.then(() => start(options));
  last = turn.catch(() => undefined);
  return turn;
}

/** The one that runs already; undefined: none does. */
export function runningInterpreter(): Interpreter | undefined {
  return started?.interpreter;
}

async function start(options: InterpreterOptions): Promise<Interpreter> {
  const site = localSite({ ...process.env });
  const environment = chooseEnvironment(options.python, options.directory, site);
  if (started !== undefined) {
    assertSame(started.environment, environment, started.interpreter.executable);
    return started.interpreter;
  }
  if (spent !== undefined) throw spent;
  const binding = await provideBinding(environment, site, options);
  let interpreter: Interpreter;
  try {
    interpreter = settle(binding, environment);
  } catch (error) {
    if (!(error instanceof WsgiTsError) || error.code !== 'ERR_WSGI_BINDING_FAILED') throw error;
    if (binding.origin !== 'installed') throw error;
    // npm's is of no use here (another system's, or another Node's): one of our own takes its place.
    const own = await provideBinding(environment, withoutInstalled(site), options);
    interpreter = settle(own, environment);
  }
  started = { interpreter, environment };
  return interpreter;
}

/** Loads the binding, and has its Python settle in. */
function settle(binding: Binding, environment: Environment): Interpreter {
  const changed = changeVariables(environment);
  let pymport: Pymport;
  try {
    pymport = load(binding.path);
  } catch (error) {
    const problem = loadProblem(error, binding.path, environment, changed['PYTHONHOME'] ?? null);
    if (problem.code === 'ERR_WSGI_PYTHON_FAILED') spent = problem;
    throw problem;
  } finally {
    restoreVariables(changed);
  }
  let call: Interpreter['call'];
  let facts: Facts;
  try {
    call = openEntry(pymport);
    // os.environ was read while they were changed.
    facts = call('boot', 'settle', environment.executable, changed) as unknown as Facts;
  } catch (error) {
    throw isImportError(error) ? misfit(environment, binding.version, error) : error;
  }
  if (environment.root !== null) assertPrefix(environment.root, facts);
  return { ...facts, binding, call };
}

/** As pymport's own JavaScript does it, which would look for no other binding than the installed one. */
function load(path: string): Pymport {
  process.env['PYMPORTPATH'] = dirname(path);
  const binding = { exports: {} };
  // Global, so that Python's own extension modules find the symbols of libpython.
  process.dlopen(binding, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL);
  return binding.exports as Pymport;
}

function withoutInstalled(site: BindingSite): BindingSite {
  return { ...site, pymport: site.pymport && { ...site.pymport, binary: '' } };
}

type Variables = Record<string, string | null>;

/**
 * Sets the variables that the starting Python reads: the first `python3` on PATH decides on sys.prefix.
 * Returns what they were, null for not set.
 */
function changeVariables({ root, executable }: Environment): Variables {
  const before: Variables = {
    PATH: process.env['PATH'] ?? null,
    PYTHONHOME: process.env['PYTHONHOME'] ?? null,
    PYMPORTPATH: process.env['PYMPORTPATH'] ?? null, // pymport's own: it sets it
    LC_CTYPE: process.env['LC_CTYPE'] ?? null, // Python sets it in the C locale (PEP 538)
  };
  if (executable !== null) {
    process.env['PATH'] = [dirname(executable), before['PATH'] ?? ''].join(delimiter);
  }
  // It would win over the environment, which `bin/activate` prevents in the same way.
  if (root !== null) delete process.env['PYTHONHOME'];
  return before;
}

function restoreVariables(before: Variables): void {
  for (const [name, value] of Object.entries(before)) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the names are our own
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
}

/** Imports wsgi_ts from its file, so that sys.path neither hides nor shows it. */
function openEntry({ pymport }: Pymport): Interpreter['call'] {
  const importer = pymport('importlib.util');
  const file = join(packageRoot, 'python', 'wsgi_ts', '__init__.py');
  const spec = importer.get('spec_from_file_location').call('wsgi_ts', file);
  const wsgiTs = importer.get('module_from_spec').call(spec);
  pymport('sys').get('modules').get('__setitem__').call('wsgi_ts', wsgiTs);
  spec.get('loader').get('exec_module').call(wsgiTs);
  const entry = pymport('wsgi_ts.entry').get('call');
  return (module, name, ...args) => {
    const text = entry.call(module, name, JSON.stringify(args)).toJS() as string;
    const answer = JSON.parse(text) as Answer;
    if (answer.ok) return answer.value;
    const message = `wsgi_ts.${module}.${name}: ${answer.type}: ${answer.message}`;
    throw new WsgiTsError('ERR_WSGI_PYTHON_EXCEPTION', 'server', message, {
      traceback: answer.traceback,
      cause: { type: answer.type, errno: answer.errno },
    });
  };
}

function assertPrefix(root: string, { prefix }: Facts): void {
  if (fs.realpathSync(prefix) === fs.realpathSync(root)) return;
  throw new WsgiTsError(
    'ERR_WSGI_ENVIRONMENT_UNUSED',
    'operator',
    `Python did not take the environment ${root}, but ${prefix}`,
    { remedy: `Make it anew: python3 -m venv --clear ${quote(root)}` },
  );
}

/** One process can have but one Python; a second wish that nobody expressed is none. */
function assertSame(running: Environment, wanted: Environment, executable: string): void {
  const isWish = wanted.root !== null || wanted.source === '--python';
  if (!isWish || [running.executable, executable].includes(wanted.executable)) return;
  throw new WsgiTsError(
    'ERR_WSGI_PYTHON_IN_USE',
    'operator',
    `This process runs ${describeEnvironment(running)} already and can't run ` +
      `${describeEnvironment(wanted)} beside it`,
    { remedy: 'Serve the second app from a process of its own.' },
  );
}

/** Whether Python lacked a module: of its own, since nothing else has been imported yet. */
function isImportError(error: unknown): error is Error {
  return (
    error instanceof Error && /No module named|cannot import|undefined symbol/.test(error.message)
  );
}
