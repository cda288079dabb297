// The same app under wsgi-ts and under gunicorn, each with two workers and data of its own, visited in step:
// each step is done on both, and status, body and every field that the app set must be equal. What differs
// by nature (tokens, dates, the server's own fields) is named here or by the test, nothing else is let pass.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser } from './browser.ts';
import type { Answer } from './browser.ts';
import { activatedEnvironment } from './python-environment.ts';
import { inRepository } from './repository.ts';
import { startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';
import { SpawnedProcess } from './spawned-process.ts';

/** An app to serve twice. */
export interface Site {
  /** Folder below fixtures/. */
  readonly folder: string;
  /** The app as both servers are given it. */
  readonly app: string;
  /** Variable that tells the app where its data is. */
  readonly dataVariable?: string;
  /** Commands that make that data, each run in the folder: program and arguments. */
  readonly preparations?: readonly (readonly string[])[];
  /** Environment for the preparations and both servers. */
  readonly env?: Readonly<Record<string, string>>;
  /** Parts of bodies and of fields (`Name: value`) that are made up anew each time. */
  readonly volatile?: readonly RegExp[];
}

/** Fields that belong to the server or the connection, not to the app. */
const serversOwn = new Set(['date', 'server', 'connection', 'keep-alive', 'transfer-encoding']);

/** Flask lists methods in the order of a set, which differs from process to process. */
const sorted = (list: string): string => list.split(', ').sort().join(', ');

/** Both servers, running, with a visitor each. */
export class SideBySide {
  readonly server: ServerProcess;
  readonly gunicorn: SpawnedProcess;
  readonly #urls: readonly [string, string];
  readonly #site: Site;
  readonly #data: string;
  #visitors: readonly [Browser, Browser];

  constructor(
    site: Site,
    data: string,
    server: ServerProcess,
    gunicorn: SpawnedProcess,
    url: string,
  ) {
    this.server = server;
    this.gunicorn = gunicorn;
    this.#urls = [server.url, url];
    this.#site = site;
    this.#data = data;
    this.#visitors = [new Browser(server.url), new Browser(url)];
  }

  /** Another visitor comes: no cookies. */
  newVisitor(): void {
    this.#visitors = [new Browser(this.#urls[0]), new Browser(this.#urls[1])];
  }

  /**
   * Does a step on both and compares.
   *
   * @param step - what the visitor does
   * @param different - names of fields (in lower case) that differ by nature in this step
   * @returns the answer of wsgi-ts
   */
  async visit(
    step: (visitor: Browser) => Promise<Answer>,
    different: readonly string[] = [],
  ): Promise<Answer> {
    const [ours, theirs] = await Promise.all([step(this.#visitors[0]), step(this.#visitors[1])]);
    this.#compare(ours, theirs, new Set([...serversOwn, ...different]));
    return ours;
  }

  /** Does a step on wsgi-ts alone, where what gunicorn does is a matter of luck. */
  visitOurs(step: (visitor: Browser) => Promise<Answer>): Promise<Answer> {
    return step(this.#visitors[0]);
  }

  /** {@link visit} with a GET. */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.visit((visitor) => visitor.get(path, headers));
  }

  /** Stops both and takes their data away; both must end with exit code 0. */
  async stop(): Promise<void> {
    const codes = await Promise.all([this.server.stop(), this.gunicorn.stop()]);
    rmSync(this.#data, { recursive: true, force: true });
    assert.deepEqual(codes, [0, 0]);
  }

  #compare(ours: Answer, theirs: Answer, left: ReadonlySet<string>): void {
    // A server may add the length of a body that it has whole (PEP 3333, "Handling the Content-Length Header").
    const added = theirs.header('content-length') === undefined ? 'content-length' : '';
    const shown = (answer: Answer): unknown => ({
      status: answer.status,
      headers: answer.headers
        .filter(([name]) => !left.has(name.toLowerCase()) && name.toLowerCase() !== added)
        .map(([name, value]) => `${name}: ${name === 'Allow' ? sorted(value) : value}`)
        .map((line) => this.#steady(line)),
      body: /^(text|application\/json)/.test(answer.header('content-type') ?? 'text')
        ? this.#steady(answer.text)
        : answer.body.toString('base64'),
    });
    assert.deepEqual(shown(ours), shown(theirs));
  }

  #steady(text: string): string {
    const steady = (all: string, pattern: RegExp): string => all.replaceAll(pattern, '…');
    return (this.#site.volatile ?? [])
      .reduce(steady, text)
      .replaceAll(this.#urls[0], this.#urls[1]);
  }
}

/**
 * Prepares a site's data, and serves it by both.
 *
 * @throws Error with a program's output, when a preparation or a server fails
 */
export async function serveSideBySide(site: Site): Promise<SideBySide> {
  const cwd = inRepository('fixtures', site.folder);
  const data = mkdtempSync(join(tmpdir(), 'wsgi-ts-site-'));
  const [ourData, theirData] = [join(data, 'ours'), join(data, 'theirs')];
  const variables = (folder: string): Record<string, string> => ({
    ...site.env,
    ...(site.dataVariable ? { [site.dataVariable]: folder } : {}),
    PYTHONDONTWRITEBYTECODE: '1',
  });
  const env = activatedEnvironment(variables(ourData));
  for (const [program = '', ...args] of site.preparations ?? []) {
    execFileSync(program, args, { cwd, env, stdio: 'pipe' });
  }
  if (site.preparations) cpSync(ourData, theirData, { recursive: true, preserveTimestamps: true });
  const gunicorn = new SpawnedProcess(
    'gunicorn',
    ['--workers=2', '--bind=127.0.0.1:0', `--control-socket=${join(data, 'control')}`, site.app],
    { cwd, env: activatedEnvironment(variables(theirData)) },
  );
  const [, url = ''] = await gunicorn.waitForOutput(/Listening at: (\S+)/);
  const server = await startServer(['--workers=2', site.app], { cwd, env: variables(ourData) });
  return new SideBySide(site, data, server, gunicorn, url);
}
