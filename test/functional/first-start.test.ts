// The first start with a Python that no binding is there for: wsgi-ts as it is packed for npm, in a project of its own,
// beside a pymport that carries a Python of its own, as npm installs it where it has network. The binding is really
// compiled here, which takes up to half a minute: so this is one story, told in order.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readBinary } from '../../src/binding/binary.ts';
import { localSite } from '../../src/binding/site.ts';
import { install, pack } from '../helpers/packed.ts';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, ServerProcess } from '../helpers/server-process.ts';

/** Milliseconds for a compilation, on a machine that does other things as well. */
const patience = 180_000;

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-first-')));
const modules = join(folder, 'project', 'node_modules');
const caches = join(folder, 'caches');
const bindings = join(caches, 'wsgi-ts', 'bindings');

before(() => {
  install(pack(folder), modules, ['pymport']);
  installBuiltinPymport();
});
after(() => {
  fs.rmSync(folder, { recursive: true });
});

/** pymport whose binary looks for its library beside itself, as the prebuilt ones do. */
function installBuiltinPymport(): void {
  const { pymport } = localSite({});
  assert.ok(pymport);
  const skipped = new Set(['build', 'deps', 'test', 'wiki', 'examples', 'node_modules']);
  fs.cpSync(pymport.root, join(modules, 'pymport'), {
    recursive: true,
    filter: (path) => !skipped.has(basename(path)),
  });
  const binary = pymport.binary.replace(pymport.root, join(modules, 'pymport'));
  const bytes = fs.readFileSync(binary);
  const [runpath = ''] = readBinary(binary, fs)?.folders ?? [];
  assert.ok(runpath.length >= '$ORIGIN/lib'.length, 'the installed pymport has an rpath');
  bytes.write('$ORIGIN/lib\0', bytes.indexOf(`${runpath}\0`));
  fs.writeFileSync(binary, bytes);
}

function start(...args: string[]): ServerProcess {
  const cli = join(modules, 'wsgi-ts', 'dist', 'src', 'cli.js');
  const command = [cli, '--bind=127.0.0.1:0', '--log-level=debug', ...args, 'app:app'];
  return new ServerProcess(process.execPath, command, {
    cwd: inRepository('fixtures', 'tutorial'),
    env: activatedEnvironment({ XDG_CACHE_HOME: caches }),
  });
}

async function homePage(server: ServerProcess): Promise<string> {
  await server.waitForReadyWorkers(1, { patience });
  using client = await connect(server.port);
  await client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  return (await client.readResponse()).text;
}

const version = execFileSync(testPythonEnvironment().python, ['--version'], { encoding: 'utf8' })
  .replace('Python ', '')
  .trim();

describe('the first start with a Python', () => {
  test('with --no-build says what there is, what to do, and ends with 1', async () => {
    const server = start('--no-build');
    assert.equal(await server.waitForEnd(), 1);
    const said = server.stderr();
    assert.match(
      said,
      /\[ERROR\] There is no binding for .* the installed pymport carries a Python of its own\.\n/,
    );
    assert.match(said, /\nwsgi-ts binding build --python /);
    assert.equal(fs.existsSync(caches), false);
  });

  test('builds once for two that come together, though the one that builds is killed', async () => {
    const line = `uses Python ${version.replaceAll('.', '\\.')}; building the binding for it, once \\(about 20 s\\)\\n`;
    const first = start();
    await first.waitForOutput(new RegExp(line));
    await using second = start();
    await second.waitForOutput(/; another process is building the binding for it\n/);
    first.signal('SIGKILL');
    assert.equal(await first.waitForEnd(), 'SIGKILL');

    assert.match(await homePage(second), /^Hello from Flask App/m);
    assert.match(second.stderr(), new RegExp(line));
    const [name = '', ...others] = fs.readdirSync(bindings);
    assert.deepEqual(others, [], 'neither a lock nor a half-built binding is left');
    assert.deepEqual(fs.readdirSync(caches), ['wsgi-ts'], 'nothing was written beside it');
    assert.deepEqual(fs.readdirSync(join(caches, 'wsgi-ts')), ['bindings']);
    assert.deepEqual(fs.readdirSync(join(bindings, name)).sort(), ['binding.json', 'pymport.node']);
    assert.equal(fs.statSync(bindings).mode & 0o777, 0o700);
  });

  test('is the only one that builds: from then on there is not a word of it', async () => {
    await using server = start('--no-build');
    assert.match(await homePage(server), /^Hello from Flask App/m);
    assert.match(server.stderr(), /^\[[^\]]+\] \[\d+\] \[INFO\] Starting wsgi-ts/);
  });

  test('can be had ahead, and an interruption of that leaves what was there', async () => {
    const before = fs.readdirSync(bindings);
    const cli = join(modules, 'wsgi-ts', 'dist', 'src', 'cli.js');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const build = new ServerProcess(process.execPath, [cli, 'binding', 'build', '--force'], {
        cwd: inRepository('fixtures', 'tutorial'),
        env: activatedEnvironment({ XDG_CACHE_HOME: caches }),
      });
      await build.waitForOutput(/building the binding/);
      build.signal(signal);
      assert.equal(await build.waitForEnd(), 1);
      assert.match(build.stderr(), /\nError: Interrupted: nothing was built\.\n$/);
      assert.deepEqual(fs.readdirSync(bindings), before);
    }
  });

  test('whose binding was damaged since is a first start again, and a stop ends its building', async () => {
    const [name = ''] = fs.readdirSync(bindings);
    const binary = join(bindings, name, 'pymport.node');
    fs.truncateSync(binary, 100_000);
    const server = start();
    await server.waitForOutput(/building the binding/);
    server.signal('SIGTERM');
    assert.equal(await server.waitForEnd(), 0);
    assert.equal(isAlive(server.pid), false);
    assert.deepEqual(fs.readdirSync(bindings), [name]);
  });
});
