// What an app finds around it: arguments, executable, __main__, directory and environment, children by fork
// and by spawn, threads started at import, atexit and signal handlers. All of it as under gunicorn.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ask, fixture, json, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const apps = inRepository('fixtures', 'apps');

/** What fixtures/apps/process_shown.py answers. */
interface Shown {
  readonly atImport: {
    readonly argv: readonly string[];
    readonly main: string;
    readonly inMainThread: boolean;
    readonly cwd: string;
    readonly environment: string | null;
  };
  readonly argv: readonly string[];
  readonly executable: string;
  readonly prefix: string;
  readonly isVirtual: boolean;
  readonly main: string;
  readonly path: readonly string[];
  readonly cwd: string;
  readonly pid: number;
  readonly parent: number;
  readonly environment: string | null;
  readonly stdin: string;
}

async function shown(): Promise<Shown> {
  const server = await fixture('process_shown', '--env', 'SET_BY_THE_TEST=its value');
  using client = await connect(server.port);
  await client.send(requestBytes('/'));
  return json(await client.readResponse()) as Shown;
}

describe('an app', () => {
  after(stopFixtures);

  test('finds the command line in sys.argv', async () => {
    const { argv, atImport } = await shown();
    assert.match(argv[0] ?? '', /wsgi-ts|cli\.js/);
    assert.deepEqual(argv.slice(-1), ['process_shown:app']);
    assert.ok(argv.includes('--chdir'));
    assert.deepEqual(atImport.argv, argv);
  });

  test("finds its own environment's Python in sys.executable and sys.prefix", async () => {
    const { executable, prefix, isVirtual } = await shown();
    const environment = testPythonEnvironment();
    assert.equal(prefix, environment.directory);
    assert.ok(executable.startsWith(`${environment.bin}/python`), executable);
    assert.equal(isVirtual, true);
  });

  test('finds a __main__ to import', async () => {
    const { main, atImport } = await shown();
    assert.deepEqual([main, atImport.main], ['__main__', '__main__']);
  });

  test('is imported on the main thread, in the directory of --chdir, which is first on sys.path', async () => {
    const { atImport, cwd, path } = await shown();
    assert.equal(atImport.inMainThread, true);
    assert.deepEqual([atImport.cwd, cwd], [apps, apps]);
    assert.equal(path[0], apps);
    assert.ok(!path.includes(''), 'the current directory, whatever that is');
  });

  test('finds the variables of --env, at import already', async () => {
    const { environment, atImport } = await shown();
    assert.deepEqual([atImport.environment, environment], ['its value', 'its value']);
  });

  test('is a child of the process that was started, with nothing on standard input', async () => {
    const server = await fixture('process_shown', '--env', 'SET_BY_THE_TEST=its value');
    const { pid, parent, stdin } = await shown();
    assert.deepEqual([pid, parent, stdin], [server.workerPids()[0], server.pid, '']);
  });
});

describe('a child process of the app', () => {
  after(stopFixtures);

  for (const method of ['fork', 'spawn']) {
    test(`started by multiprocessing with ${method} gives its result back`, async () => {
      const answer = await ask('child_processes', `/process/${method}`);
      assert.equal(answer.text, '49, another process: True, exit code 0');
    });

    test(`of a pool and of an executor with ${method} gives its result back`, async () => {
      assert.equal((await ask('child_processes', `/pool/${method}`)).text, '[1, 4, 9]');
      assert.equal((await ask('child_processes', `/executor/${method}`)).text, '81');
    });
  }

  test('started by subprocess runs the same Python', async () => {
    const { text } = await ask('child_processes', '/subprocess/-');
    assert.equal(text, `SAID ${testPythonEnvironment().directory}\n`);
    assert.equal((await ask('child_processes', '/failing-subprocess/-')).text, '5');
  });

  test('made by os.fork can be waited for', async () => {
    const { text } = await ask('child_processes', '/os-fork/-');
    assert.equal(text, 'from the child, exit code 6');
  });

  test('leaves the worker alone', async () => {
    const server = await fixture('child_processes');
    assert.equal(server.workerPids().length, 1);
    assert.equal(server.stderr().match(/Booting worker/g)?.length, 1);
  });
});

describe('what an app sets up at import', () => {
  test('a thread runs while no request is there, and serves views', async () => {
    await using gate = await openGate();
    const args = ['--chdir', apps, '--env', `GATE=${gate.query}`, 'thread_at_import:app'];
    await using server = await startServer(args);
    for (const tick of ['tick 0', 'tick 1', 'tick 2']) {
      assert.equal(await gate.said(), tick);
      gate.letGo();
    }
    using client = await connect(server.port);
    await client.send(requestBytes('/'));
    assert.equal((await client.readResponse()).text, '42');
    client.close();
    assert.equal(await server.stop(), 0);
  });

  test('an atexit function runs at a stop by TERM, INT and QUIT', async () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
      const server = await startServer(['--chdir', apps, 'output_at_exit:app']);
      assert.equal(await server.stop(signal), 0, signal);
      assert.equal(server.stdout().match(/^printed by atexit$/gm)?.length, 1, signal);
    }
  });

  test('signal handlers neither fail nor keep the server from stopping', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = await startServer(['--chdir', apps, 'signal_at_import:app']);
      using client = await connect(server.port);
      await client.send(requestBytes('/'));
      assert.equal((await client.readResponse()).text, 'installed\n');
      client.close();
      assert.equal(await server.stop(signal), 0, signal);
    }
  });
});
