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
  // Only what the server has answered for is in it: that a library is installed says nothing of the server.
  const outcomes = new Map<string, Outcome>();
  if (plain.state !== 'works') return { framework: plain, libraries: outcomes };
  const data = mkdtempSync(join(tmpdir(), 'wsgi-ts-matrix-'));
  let log = '';
  try {
    const env = variables(framework, join(data, 'data'));
    prepare(environment, framework, env);
    const server = await start(environment, framework, env, libraries.length > 0);
    try {
      await framework.visit(new Browser(server.url));
      if (libraries.length > 0)
        await checkLibrary(new Browser(server.url), 'python', python.version);
      await useLibraries(server, environment, libraries, outcomes);
      await framework.visit(new Browser(server.url));
      // The last word of the server is what matters, also where the visits went well.
      const code = await server.stop();
      assert.equal(code, 0, `the server ended with ${code}`);
    } finally {
      // Where a visit went wrong, what the server says of it is complete only then.
      if (server.end === undefined) await server.stop().catch(() => undefined);
      log = server.output();
    }
    const errors = log
      .split('\n')
      .filter((line) => /\[(ERROR|CRITICAL)\]/.test(line) && framework.says?.test(line) !== true);
    assert.equal(errors.length, 0, errors.join('\n'));
    const booted = log.split('Booting worker').length - 1;
    assert.equal(booted, 1, `${booted} workers were booted instead of one`);
    return { framework: plain, libraries: outcomes };
  } catch (error) {
    log += `\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
    return { framework: failure(error), libraries: outcomes };
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

/** Every library by itself, then all at once on four threads. */
async function useLibraries(
  server: ServerProcess,
  environment: MatrixEnvironment,
  libraries: readonly string[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const use = async (name: string): Promise<void> => {
    const plain = environment.plain(name);
    // A library that has failed stays failed.
    if (outcomes.get(name)?.state === 'fails') return;
    const outcome =
      plain.state === 'works'
        ? await checkLibrary(new Browser(server.url), name, plain.version).then(
            () => plain,
            failure,
          )
        : plain;
    if (outcomes.get(name)?.state !== 'fails') outcomes.set(name, outcome);
  };
  for (const name of libraries) await use(name);
  await Promise.all([...libraries, ...libraries].map(use));
}

function keep(name: string, log: string, outcomes: ReadonlyMap<string, Outcome>): void {
  const folder = join(matrixFolder, 'logs');
  mkdirSync(folder, { recursive: true });
  const lines = [...outcomes].map(([library, outcome]) => `${library}: ${describe(outcome)}\n`);
  writeFileSync(join(folder, `${name}.log`), `${log}\n${lines.join('')}`);
}
