// One cell of the compatibility matrix: a framework's app under the real command, in a Python's environment,
// with the libraries' routes in the same process. Called by matrix.ts and old-pins.ts, one at a time. Whatever
// happens, the server is gone in the end, and what it wrote is in .matrix/logs.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser } from '../../test/helpers/browser.ts';
import { inRepository } from '../../test/helpers/repository.ts';
import { startServer } from '../../test/helpers/server-process.ts';
import type { ServerProcess } from '../../test/helpers/server-process.ts';
import { matrixFolder, run } from './environments.ts';
import type { MatrixEnvironment } from './environments.ts';
import type { Framework } from './frameworks.ts';
import { checkLibrary } from './libraries.ts';
import { describe, failure } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { Python } from './pythons.ts';

/** What became of a framework and of the libraries beside it; a library is not in it where none was tried. */
export interface Trial {
  readonly framework: Outcome;
  readonly libraries: ReadonlyMap<string, Outcome>;
}

/** The first start with a Python may compile the binding for it. */
const patience = 180_000;

/**
 * Serves, visits, stops and looks at the log.
 *
 * @param libraries - distributions to use in the same process; those that are not installed are left alone
 */
export async function tryFramework(
  python: Python,
  environment: MatrixEnvironment,
  framework: Framework,
  libraries: readonly string[],
): Promise<Trial> {
  const plain = environment.plain(framework.package.distribution);
  const outcomes = new Map(libraries.map((name) => [name, environment.plain(name)]));
  if (plain.state !== 'works') return { framework: plain, libraries: new Map() };
  const data = mkdtempSync(join(tmpdir(), 'wsgi-ts-matrix-'));
  let log = '';
  try {
    const env = variables(framework, join(data, 'data'));
    prepare(environment, framework, env);
    const server = await start(environment, framework, env, libraries.length > 0);
    try {
      await visitAll(server, framework, outcomes);
      // The last word of the server is what matters, also where the visits went well.
      const code = await server.stop();
      assert.equal(code, 0, `the server ended with ${code}`);
    } finally {
      server.killGroup();
      log = server.output();
    }
    assert.doesNotMatch(log, /\[(ERROR|CRITICAL)\]/, log);
    return { framework: plain, libraries: outcomes };
  } catch (error) {
    log += `\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
    return {
      framework: failure(error),
      libraries: log.includes('Listening at') ? outcomes : new Map(),
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
    keep(`${python.id}-${framework.key}`, log, outcomes);
  }
}

/** No environment is activated: `--python` is all that says which one it is. */
function variables(
  { env = {}, dataVariable }: Framework,
  data: string,
): Record<string, string | undefined> {
  mkdirSync(data);
  return {
    ...env,
    ...(dataVariable === undefined ? {} : { [dataVariable]: data }),
    PATH: process.env['PATH'],
    VIRTUAL_ENV: undefined,
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

function prepare(
  { python }: MatrixEnvironment,
  { folder, preparations = [] }: Framework,
  env: Record<string, string | undefined>,
): void {
  for (const args of preparations) {
    const { status, output } = run(python, args, { cwd: inRepository('fixtures', folder), env });
    assert.equal(status, 0, `${args.join(' ')}: ${output}`);
  }
}

function start(
  { folder }: MatrixEnvironment,
  framework: Framework,
  env: Record<string, string | undefined>,
  withLibraries: boolean,
): Promise<ServerProcess> {
  const dispatcher = ['--pythonpath', inRepository('fixtures', 'frameworks')];
  const app = withLibraries
    ? [...dispatcher, `with_libraries:create('${framework.app}')`]
    : [framework.app];
  const cwd = inRepository('fixtures', framework.folder);
  return startServer(['--python', folder, '--threads=4', ...app], { cwd, env, patience });
}

/** The app, every library by itself, all libraries at once on four threads, and the app again. */
async function visitAll(
  server: ServerProcess,
  { visit }: Framework,
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const check = async (name: string): Promise<void> => {
    const before = outcomes.get(name);
    if (before?.state !== 'works') return;
    try {
      await checkLibrary(new Browser(server.url), name, before.version);
    } catch (error) {
      outcomes.set(name, failure(error));
    }
  };
  await visit(new Browser(server.url));
  for (const name of outcomes.keys()) await check(name);
  await Promise.all([...outcomes.keys(), ...outcomes.keys()].map(check));
  await visit(new Browser(server.url));
}

function keep(name: string, log: string, outcomes: ReadonlyMap<string, Outcome>): void {
  const folder = join(matrixFolder, 'logs');
  mkdirSync(folder, { recursive: true });
  const lines = [...outcomes].map(([library, outcome]) => `${library}: ${describe(outcome)}\n`);
  writeFileSync(join(folder, `${name}.log`), `${log}\n${lines.join('')}`);
}
