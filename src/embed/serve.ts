// `serve()`: the command as a child process of somebody's program, with its master and workers. It is the command itself, so
// all that is true of the command is true here; what is added is the channel to it (launch-words.ts). Runs in a program
// that is not ours: it must never touch that program's signals, directory or environment, and never leave a process behind.

import { Writable } from 'node:stream';
import { WsgiTsError } from '../errors.ts';
import { readOptions } from '../settings/options.ts';
import type { SettingOptions, Variables } from '../settings/options.ts';
import { settingRows } from '../settings/table.ts';
import type { SettingKey } from '../settings/table.ts';
import { settingsWorld } from '../settings/this-machine.ts';
import { environmentVariables } from '../settings/value-types.ts';
import { argumentsOf } from './arguments.ts';
import { handlerKeys, serverKeys } from './program-options.ts';
import { ServerChild } from './server-child.ts';
import { startServer } from './server-process.ts';
import type { ServerOutput } from './server-process.ts';
import { checkedOptions, readTarget, withTarget } from './target.ts';
import type { AppTarget } from './target.ts';

/** Settings that make no sense for a server whose program waits for it, or that have an option of another meaning. */
const notOffered = [
  ...(['app', 'env', 'checkConfig', 'printConfig', 'logConfigDict'] as const),
  ...(['daemon', 'enableStdioInheritance', 'readyFd'] as const),
] as const;
const offered: ReadonlySet<string> = new Set([
  ...settingRows.map(([key]) => key).filter((key) => !notOffered.some((one) => one === key)),
  ...serverKeys,
]);

/** Options that are no settings. */
interface ProcessOptions {
  /** Variables for the server and the app, besides those of this process; `undefined` takes one away. */
  readonly env?: Variables | undefined;
  /** Where standard output goes. Default: `inherit`. */
  readonly stdout?: ServerOutput | undefined;
  /** Where standard error goes, the log with it. Default: `inherit`. */
  readonly stderr?: ServerOutput | undefined;
  /** Ends the server, be it while it starts. */
  readonly signal?: AbortSignal | undefined;
}

/** Every setting of docs/settings.md by its name in camelCase, and how the process is run. */
export type ServeOptions = SettingOptions<Exclude<SettingKey, (typeof notOffered)[number]>> &
  ProcessOptions;

/** A server that serves. `await using server = await serve(…)` stops it at the end of the block. */
export interface RunningServer extends AsyncDisposable {
  /** The first address: `http://127.0.0.1:43210`, or `unix:/run/app.sock`. */
  readonly url: string;
  /** All of them. */
  readonly urls: readonly string[];
  /** The master's process id. */
  readonly pid: number;
  /**
   * Reads settings, certificates and code anew, as SIGHUP does. Resolves when the new workers serve and the old ones are
   * gone.
   *
   * @throws WsgiTsError why it was refused; the old workers go on
   */
  reload(): Promise<void>;
  /** Stops it: running requests are finished. Resolves when it is gone, whatever its end. */
  close(): Promise<void>;
  /** Resolves when it is gone, for whatever reason. */
  readonly closed: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/**
 * Starts a server: the command `wsgi-ts` as a child process, at a free port of 127.0.0.1 unless `bind` says otherwise.
 * Resolves when its first worker serves. It ends with this process, however that ends.
 *
 * @param target - `module:callable`, or its parts
 * @throws WsgiTsError what the server could not start for: `operator` (settings, address, Python), `application` (with
 *   `exitCode` 3 or 4, `traceback` and `python`); ERR_WSGI_OPTION for an option that does not exist. The reason of `signal`
 *   where that was aborted meanwhile. No process is left then.
 */
export async function serve(target: AppTarget, options: ServeOptions = {}): Promise<RunningServer> {
  const {
    env = {},
    stdout = 'inherit',
    stderr = 'inherit',
    signal,
    ...settings
  } = checkedOptions(options);
  checkProgramOptions({ stdout, stderr, signal });
  const app = readTarget(target);
  const variables = { ...process.env, ...(isList(env) ? environmentVariables(env) : env) };
  const texts = readOptions(
    { ...withTarget(app, settings), env, bind: settings.bind ?? '127.0.0.1:0' },
    settingsWorld(variables),
    offered,
    'this setting has no use for a server that a program waits for and ends.',
    { keys: handlerKeys, sentence: 'createHandler takes it; this server is a process of its own.' },
  );
  if (texts.bind?.length === 0) {
    const message = 'bind: an address to listen at is expected, not an empty list';
    throw new WsgiTsError('ERR_WSGI_SETTINGS', 'operator', message);
  }
  signal?.throwIfAborted();
  const server = new ServerChild(
    startServer([...argumentsOf({ ...texts, env: [] }), '--', app.app], variables, [
      stdout,
      stderr,
    ]),
    signal,
  );
  await server.serving;
  return server;
}

/** @throws WsgiTsError `ERR_WSGI_OPTION` (operator) for what the types don't allow, before anything is started */
function checkProgramOptions(given: Pick<ServeOptions, 'stdout' | 'stderr' | 'signal'>): void {
  const wrong = (name: string, allowed: string): WsgiTsError =>
    new WsgiTsError('ERR_WSGI_OPTION', 'operator', `${name}: ${allowed} is expected`);
  for (const name of ['stdout', 'stderr'] as const) {
    const output: unknown = given[name];
    if (output === 'inherit' || output === 'ignore' || output instanceof Writable) continue;
    throw wrong(name, "'inherit', 'ignore' or a stream that can be written to");
  }
  if (given.signal !== undefined && !((given.signal as unknown) instanceof AbortSignal)) {
    throw wrong('signal', 'an AbortSignal');
  }
}

function isList(env: Variables): env is readonly string[] {
  return Array.isArray(env);
}
