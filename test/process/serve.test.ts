// serve(): the command as a child of this very process, as somebody's program has it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { serve, WsgiTsError, type RunningServer, type ServeOptions } from '../../src/index.ts';
import { openGate } from '../helpers/gate.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, untilGone } from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-serve-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const apps = inRepository('fixtures', 'apps');
const { directory: python } = testPythonEnvironment();
const quiet = { python, stdout: 'ignore', stderr: 'ignore' } as const;

/** What a server writes. */
class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function start(app: string, options: ServeOptions = {}): Promise<RunningServer> {
  return serve(app, { chdir: apps, ...quiet, ...options });
}

async function get(server: RunningServer, path = '/'): Promise<string> {
  const response = await fetch(server.url + path, { headers: { connection: 'close' } });
  return response.text();
}

/** The error of a server that must not start. */
async function refusal(app: string, options: ServeOptions = {}): Promise<WsgiTsError> {
  return start(app, options).then(
    () => assert.fail('it started'),
    (error: unknown) => {
      assert.ok(error instanceof WsgiTsError, String(error));
      return error;
    },
  );
}

describe('a server', { concurrency: true }, () => {
  test('serves when it is there, and is gone when it is closed', async () => {
    const stderr = new Collector();
    const server = await start('does_nothing:app', { workers: 2, stderr });
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    assert.deepEqual(server.urls, [server.url]);
    assert.ok(isAlive(server.pid));
    assert.equal(await get(server), 'Hello, World!\n');
    await server.close();
    assert.deepEqual(await server.closed, { code: 0, signal: null });
    assert.ok(!isAlive(server.pid));
    // All of its output has arrived.
    assert.match(
      stderr.text,
      /Listening at: [^]*Shutting down: Master\n.*Served 1 request, cut off 0/,
    );
    await server.close();
    await assert.rejects(server.reload(), { code: 'ERR_WSGI_RELOAD' });
  });

  test('is closed at the end of its block, and two of them are two servers', async () => {
    const pids: number[] = [];
    {
      await using one = await serve(
        { module: 'does_nothing', callable: 'app', chdir: apps, python },
        {
          stdout: 'ignore',
          stderr: 'ignore',
        },
      );
      await using two = await start('process_facts:app', { env: { GREETING: 'hello' } });
      pids.push(one.pid, two.pid);
      assert.notEqual(one.url, two.url);
      assert.equal(await get(one), 'Hello, World!\n');
      const { environment } = JSON.parse(await get(two)) as { environment: Record<string, string> };
      assert.equal(environment['GREETING'], 'hello');
      const ours = Object.keys(environment).filter((name) => /^WSGI_TS_|^NODE_CHANNEL/.test(name));
      assert.deepEqual(ours, []);
    }
    assert.deepEqual(pids.filter(isAlive), []);
  });

  test('listens where it is told to, and says so with all addresses', async () => {
    const socket = join(folder, 'two.sock');
    await using server = await start('does_nothing:app', { bind: [`unix:${socket}`, '[::1]:0'] });
    assert.equal(server.url, `unix:${socket}`);
    assert.match(server.urls[1] ?? '', /^http:\/\/\[::1\]:\d+$/);
  });

  test('has new code after a reload, and the old one after a reload that is refused', async () => {
    const app = (body: string): string =>
      `def app(environ, start_response):\n    start_response("200 OK", [])\n    return [b"${body}"]\n`;
    const file = join(folder, 'changing.py');
    writeFileSync(file, app('first'));
    await using server = await start('changing:app', { chdir: folder, workers: 2 });
    assert.equal(await get(server), 'first');
    writeFileSync(file, app('second, and longer'));
    // A wish that comes while another is fulfilled is fulfilled afterwards.
    await Promise.all([server.reload(), server.reload(), server.reload()]);
    for (let count = 0; count < 8; count++) assert.equal(await get(server), 'second, and longer');
    writeFileSync(file, 'import no_such_package\n');
    await assert.rejects(server.reload(), (error) => {
      assert.ok(error instanceof WsgiTsError);
      assert.equal(error.code, 'ERR_WSGI_DEPENDENCY_NOT_FOUND');
      assert.equal(error.python?.type, 'ModuleNotFoundError');
      assert.match(error.python.traceback, /changing\.py", line 1[^]*no_such_package/);
      return true;
    });
    assert.equal(await get(server), 'second, and longer');
    writeFileSync(file, app('third'));
    await server.reload();
    assert.equal(await get(server), 'third');
  });

  test('tells of a reload that is refused before any worker is started', async () => {
    const config = join(folder, 'conf.py');
    writeFileSync(config, 'workers = 1\n');
    await using server = await start('does_nothing:app', { config });
    writeFileSync(config, 'workers = "many"\n');
    await assert.rejects(server.reload(), { code: 'ERR_WSGI_SETTINGS', message: /'many' is not/ });
    assert.equal(await get(server), 'Hello, World!\n');
  });

  test('finishes what it runs when it is closed', async () => {
    await using gate = await openGate();
    const server = await start('sleeping:app');
    const answer = get(server, `/sleep?${gate.query}`);
    await gate.said();
    const closing = server.close();
    gate.letGo();
    assert.equal(await answer, 'slept\n');
    await closing;
    assert.deepEqual(await server.closed, { code: 0, signal: null });
  });

  test('is killed where it does not end in its time', async () => {
    const server = await start('does_nothing:app', { gracefulTimeout: 0 });
    process.kill(server.pid, 'SIGSTOP');
    await server.close();
    assert.deepEqual(await server.closed, { code: null, signal: 'SIGKILL' });
  });

  test('that is killed tells so, and its workers go too', async () => {
    const stderr = new Collector();
    const server = await start('does_nothing:app', { stderr });
    const [, worker] = /Booting worker with pid: (\d+)/.exec(stderr.text) ?? [];
    process.kill(server.pid, 'SIGKILL');
    assert.deepEqual(await server.closed, { code: null, signal: 'SIGKILL' });
    await untilGone([Number(worker)]);
  });

  test('goes on where its output has been closed', async () => {
    const stderr = new Collector();
    const server = await start('error_stream:app', { stderr, accessLogFile: '-', stdout: stderr });
    stderr.destroy();
    // More than a pipe takes.
    const target = `/${'a'.repeat(8000)}`;
    for (let count = 0; count < 30; count++) await get(server, target);
    await server.close();
    assert.deepEqual(await server.closed, { code: 0, signal: null });
  });

  test('tells its end though a process that a config file has left behind holds its channel', async () => {
    const config = join(folder, 'leaves.py');
    const pidFile = join(folder, 'left.pid');
    const lines = [
      'import os, time',
      'def on_starting(server):',
      '    pid = os.fork()',
      '    if pid == 0:',
      '        time.sleep(100)',
      '        os._exit(0)',
      `    open(${JSON.stringify(pidFile)}, "w").write(str(pid))`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const server = await start('does_nothing:app', { config });
    await server.close();
    assert.deepEqual(await server.closed, { code: 0, signal: null });
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  });

  test('ends with its signal, be it before or after it serves', async () => {
    const [early, late, never] = [1, 2, 3].map(() => new AbortController());
    const server = await start('does_nothing:app', { signal: late?.signal });
    late?.abort();
    assert.deepEqual(await server.closed, { code: 0, signal: null });
    const starting = start('does_nothing:app', { signal: early?.signal });
    early?.abort(new Error('enough'));
    await assert.rejects(starting, { message: 'enough' });
    never?.abort();
    await assert.rejects(start('does_nothing:app', { signal: never?.signal }), {
      name: 'AbortError',
    });
  });
});

describe(
  'a server that can not start rejects with the error that its own process made',
  { concurrency: true },
  () => {
    test('where there is no such app', async () => {
      const module = await refusal('no_such_module:app');
      assert.deepEqual([module.code, module.exitCode], ['ERR_WSGI_MODULE_NOT_FOUND', 3]);
      const name = await refusal('does_nothing:no_such_name');
      assert.deepEqual([name.code, name.exitCode], ['ERR_WSGI_ATTRIBUTE_NOT_FOUND', 4]);
      assert.match(name.remedy ?? '', /Did you mean `does_nothing:app`/);
    });

    test('where the app raises: with its traceback', async () => {
      writeFileSync(join(folder, 'raises.py'), 'def fail():\n    return {}["key"]\n\n\nfail()\n');
      const error = await refusal('raises:app', { chdir: folder, workers: 2 });
      assert.deepEqual(
        [error.code, error.blame, error.exitCode],
        ['ERR_WSGI_IMPORT_FAILED', 'application', 3],
      );
      assert.deepEqual([error.python?.type, error.python?.message], ['KeyError', "'key'"]);
      assert.match(
        error.traceback ?? '',
        /raises\.py", line 5[^]*line 2, in fail[^]*KeyError: 'key'/,
      );
    });

    test('where there is no such environment', async () => {
      const error = await refusal('does_nothing:app', { python: join(folder, 'venv') });
      assert.deepEqual(
        [error.code, error.blame, error.exitCode],
        ['ERR_WSGI_PYTHON_NOT_FOUND', 'operator', 1],
      );
    });

    test('where its address is taken', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      const error = await refusal('does_nothing:app', { bind: `127.0.0.1:${port}` });
      other.close();
      assert.equal(error.code, 'ERR_WSGI_ADDRESS_IN_USE');
    });

    test('where it dies without a word', async () => {
      writeFileSync(join(folder, 'dies.py'), 'import os\nos._exit(9)\n');
      const error = await refusal('dies:app', { chdir: folder });
      assert.deepEqual([error.code, error.exitCode], ['ERR_WSGI_START', 3]);
      const killer = 'data:text/javascript,process.kill(process.pid,9)';
      const dead = await refusal('does_nothing:app', {
        env: { NODE_OPTIONS: `--import=${killer}` },
      });
      assert.deepEqual(
        [dead.code, dead.message],
        ['ERR_WSGI_START', 'The server ended by SIGKILL'],
      );
    });

    test('where options are wrong: before any process is started', async () => {
      const wrong = { workers: 'none', timeout: -1 };
      const error = await refusal('does_nothing:app', wrong as unknown as ServeOptions);
      assert.equal(error.code, 'ERR_WSGI_SETTINGS');
      assert.match(error.message, /workers: 'none' is not[^]*timeout: '-1' is not/);
      const misspelt = { worker: 2 } as ServeOptions;
      assert.match(
        (await refusal('does_nothing:app', misspelt)).message,
        /worker: did you mean workers/,
      );
      for (const options of [{ daemon: true }, { bind: [] }, { chdir: 7 }]) {
        const { blame } = await refusal('does_nothing:app', options as ServeOptions);
        assert.equal(blame, 'operator');
      }
      // @ts-expect-error -- a number is no address
      await refusal('does_nothing:app', { bind: 8000 });
      const twice = serve({ module: 'does_nothing', chdir: apps }, { chdir: apps });
      await assert.rejects(twice, { code: 'ERR_WSGI_OPTION' });
    });
  },
);
