// The plug for Playwright's test runner: the `webServer` entry that starts a WSGI app, and the address that its tests visit.
// Called by playwright.config, in the runner and again in each of its worker processes, where it must give the same. It
// starts no server: the runner does.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argumentsOf } from '../embed/arguments.ts';
import { readTarget, withTarget, type AppTarget } from '../embed/target.ts';
import { WsgiTsError } from '../errors.ts';
import type { ServeOptions } from '../embed/serve.ts';
import { readOptions } from '../settings/options.ts';
import { settingRows } from '../settings/table.ts';
import { settingsWorld } from '../settings/this-machine.ts';

/**
 * An entry of Playwright's `webServer`: what is set of it here. (The types of `@playwright/test` need those of a browser,
 * which a program on a server has not.)
 */
export interface WebServer {
  command: string;
  cwd: string;
  name: string;
  gracefulShutdown: { signal: 'SIGTERM'; timeout: number };
  env?: Record<string, string>;
  wait?: { stdout: RegExp };
  url?: string;
  reuseExistingServer?: boolean;
  ignoreHTTPSErrors?: boolean;
}

/** Settings of `serve()`, but for where it listens and how it is waited for. What else `webServer` has is added there. */
export interface PlaywrightOptions extends Omit<
  ServeOptions,
  'bind' | 'env' | 'readyFile' | 'signal' | 'stdout' | 'stderr'
> {
  /** Port of 127.0.0.1. Default: one that is free. */
  readonly port?: number;
  /**
   * Whether a server that answers at `port` already is used, as Playwright's own option says: `!process.env.CI`. Needs a
   * `port`; the app's `/` must not answer 404 or 5xx then. Default: false.
   */
  readonly reuseExistingServer?: boolean;
  /** Where the command is started, and relative paths begin. Default: the current directory. */
  readonly cwd?: string;
  /** Variables for the server and the app, besides those of Playwright's process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What goes into playwright.config. */
export interface PlaywrightServer {
  readonly webServer: WebServer;
  /** For `use`. */
  readonly baseURL: string;
}

const command = fileURLToPath(new URL('../cli.js', import.meta.url));

/** Milliseconds that requests under way have when the tests are over; then it is killed. */
const patience = 5000;

const notOffered = [
  ...(['app', 'bind', 'checkConfig', 'daemon', 'env', 'logConfigDict', 'printConfig'] as const),
  ...(['readyFd', 'readyFile'] as const),
];
const offered: ReadonlySet<string> = new Set(
  settingRows.map(([key]) => key).filter((key) => !notOffered.some((one) => one === key)),
);

/**
 * A WSGI app as Playwright's `webServer`: ready when the app is loaded, at a free port, ended by SIGTERM.
 *
 * @param target - `'module:callable'`, or its parts
 * @throws WsgiTsError (operator) for a call that is wrong: `ERR_WSGI_TARGET_FORM`, `ERR_WSGI_NO_APP`, `ERR_WSGI_OPTION`,
 * `ERR_WSGI_SETTINGS`; `ERR_WSGI_PORT` where no port is free
 */
export function wsgi(target: AppTarget, options: PlaywrightOptions = {}): PlaywrightServer {
  const { port: wanted, reuseExistingServer = false, cwd = '.', env, ...settings } = options;
  if (reuseExistingServer && wanted === undefined) {
    const message = 'reuseExistingServer: a server can only be found again at a port that is named';
    throw new WsgiTsError('ERR_WSGI_OPTION', 'operator', message, { remedy: 'Give port, too.' });
  }
  const app = readTarget(target);
  const texts = readOptions(
    withTarget(app, settings),
    { ...settingsWorld(process.env), cwd: resolve(cwd) },
    offered,
    'this setting has no use where Playwright starts the server, and waits for it.',
  );
  const port = wanted ?? freePort(JSON.stringify([target, options]));
  const args = [...argumentsOf(texts), `--bind=127.0.0.1:${port}`, '--ready-fd=3', '--', app.app];
  const scheme = texts.certfile === undefined ? 'http' : 'https';
  const baseURL = `${scheme}://127.0.0.1:${port}`;
  return {
    baseURL,
    webServer: {
      // Playwright reads its output: the address appears there when the first request can be served.
      command: `${[process.execPath, command, ...args].map(quoted).join(' ')} 3>&1`,
      cwd: resolve(cwd),
      name: app.app,
      gracefulShutdown: { signal: 'SIGTERM', timeout: patience },
      ...(reuseExistingServer
        ? { url: `${baseURL}/`, reuseExistingServer, ignoreHTTPSErrors: true }
        : { wait: { stdout: new RegExp(`^${baseURL.replaceAll('.', '\\.')}$`, 'm') } }),
      ...(env && { env: { ...env } }),
    },
  };
}

/** A port that is free, the same for the same app in this process and in those that it starts. */
function freePort(key: string): number {
  const variable = `PLAYWRIGHT_WSGI_PORT_${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
  const known = process.env[variable];
  if (known !== undefined) return Number(known);
  // A configuration can't wait for anything; Node tells a port only to who waits.
  const program =
    "require('net').createServer().listen(0, '127.0.0.1', function () { " +
    'process.stdout.write(String(this.address().port)); this.close(); })';
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  if (!/^\d+$/.test(stdout)) {
    throw new WsgiTsError('ERR_WSGI_PORT', 'operator', `No port of 127.0.0.1 is free: ${stderr}`);
  }
  process.env[variable] = stdout;
  return Number(stdout);
}

/** A word for the shell that Playwright starts the command with. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
