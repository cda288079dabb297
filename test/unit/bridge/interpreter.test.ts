// Each test starts Python in a process of its own: one process can have but one.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readBinary } from '../../../src/binding/binary.ts';
import { bindingName } from '../../../src/binding/cache.ts';
import { localSite } from '../../../src/binding/site.ts';
import { testPythonEnvironment } from '../../helpers/python-environment.ts';
import { inRepository } from '../../helpers/repository.ts';

let folder: string;
let environment: string;

before(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-')));
  environment = makeEnvironment('environment');
});
after(() => {
  fs.rmSync(folder, { recursive: true });
});

function makeEnvironment(name: string): string {
  const root = join(folder, name);
  execFileSync(testPythonEnvironment().python, ['-m', 'venv', '--without-pip', root]);
  return root;
}

function write(path: string, text: string): void {
  fs.mkdirSync(join(folder, path, '..'), { recursive: true });
  fs.writeFileSync(join(folder, path), text);
}

/** A program that imports the built package at `root` and runs `body`, in which `start` starts Python. */
function program(body: string, root = inRepository()): string[] {
  const module = JSON.stringify(join(root, 'dist/src/bridge/interpreter.js'));
  const text = `
    import { writeSync } from 'node:fs';
    import { isDeepStrictEqual } from 'node:util';
    import { startInterpreter } from ${module};
    const show = (value) => writeSync(1, JSON.stringify(value) + '\\n');
    const silent = { begin() {}, step() {}, end() {} };
    const start = (python = null) =>
      startInterpreter({ python, directory: process.cwd(), noBuild: true, listener: silent });
    const failure = async (action) => {
      try { return { value: await action() }; }
      catch ({ code, blame, exitCode, message, remedy, traceback, cause }) {
        return { code, blame, exitCode, message, remedy, traceback, cause };
      }
    };
    ${body}`;
  return ['--input-type=module', '-e', text];
}

/** PATH without an environment that is active while the tests run. */
const path = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((entry) => !fs.existsSync(join(entry, '..', 'pyvenv.cfg')))
  .join(delimiter);

/** Our variables, with our environment and these. */
function variables(changes: Record<string, string> = {}): NodeJS.ProcessEnv {
  const none = { PYTHONHOME: undefined, PYTHONPATH: undefined };
  return { ...process.env, ...none, PATH: path, VIRTUAL_ENV: environment, ...changes };
}

/** What the program shows, line by line. */
function run(body: string, env = variables(), root?: string): unknown[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, program(body, root), {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const lines = stdout.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}

describe('the interpreter', () => {
  it('runs in the environment of VIRTUAL_ENV, and leaves process.env and os.environ as they were', () => {
    write(
      'look.py',
      'import json, os, sys\n' +
        'print(json.dumps([dict(os.environ), sys._base_executable != sys.executable]))\n' +
        'def app(environ, start_response): return []\n',
    );
    const [facts, same, environ, checked] = run(
      `const before = { ...process.env };
       const { version, executable, prefix, call } = await start();
       show([version, executable, prefix]);
       show(isDeepStrictEqual(before, { ...process.env }));
       call('boot', 'prepare', { own_process: false });
       const checked = call('boot', 'check', 'look:app');
       call('boot', 'finish');
       show(checked);`,
      variables({ PYTHONHOME: '/nowhere' }),
    );
    const [version, executable, prefix] = facts as string[];
    assert.match(version ?? '', /^3\.\d+\.\d+$/);
    assert.equal(executable, join(environment, 'bin', 'python3'));
    assert.equal(prefix, environment);
    assert.equal(same, true);
    const [seen, hasBase] = environ as [Record<string, string>, boolean];
    assert.equal(seen['PATH'], path);
    assert.equal(seen['PYTHONHOME'], '/nowhere');
    assert.equal(seen['PYMPORTPATH'], undefined);
    assert.equal(hasBase, true);
    assert.deepEqual(checked, { ok: true });
  });

  it('is an activated one to its children where the process is its own', () => {
    const [activated, virtualEnv] = run(
      `(await start()).call('boot', 'prepare', {});
       show(process.env.PATH);
       show(process.env.VIRTUAL_ENV);`,
    );
    assert.equal(activated, join(environment, 'bin') + delimiter + path);
    assert.equal(virtualEnv, environment);
  });

  it('is the same for each who asks, and refuses to be another', () => {
    const other = makeEnvironment('other');
    const [same, named, refused] = run(
      `const first = await start(${JSON.stringify(environment)});
       show(first === await start());
       show(first === await start(${JSON.stringify(join(environment, 'bin', 'python3'))}));
       show(await failure(() => start(${JSON.stringify(other)})));`,
    ) as [boolean, boolean, Record<string, unknown>];
    assert.deepEqual([same, named], [true, true]);
    assert.equal(refused['code'], 'ERR_WSGI_PYTHON_IN_USE');
  });

  it('takes plain values as they are, an object in the last place too', () => {
    write(
      'caf\u00e9.py',
      'import json, sys\nprint(json.dumps(sys.argv))\n' +
        'def app(environ, start_response): return []\n',
    );
    const sent = ['\u00e9 \u2603 \ud83d\ude00 \ud800 \u0000', '', 1, 1.5, true, null, [[]]];
    const [argv, checked] = run(
      `const { call } = await start();
       call('boot', 'prepare', { argv: ${JSON.stringify(sent)} });
       show(call('boot', 'check', 'caf\u00e9:app'));`,
    );
    assert.deepEqual(argv, sent);
    assert.deepEqual(checked, { ok: true });
  });

  it('makes an exception of Python an error with its traceback and its errno', () => {
    const [failed] = run(
      `show(await failure(async () => (await start()).call('boot', 'prepare', { chdir: '/no/such/folder' })));`,
    ) as Record<string, unknown>[];
    assert.deepEqual(
      [failed?.['code'], failed?.['blame']],
      ['ERR_WSGI_PYTHON_EXCEPTION', 'server'],
    );
    assert.deepEqual(failed?.['cause'], { type: 'FileNotFoundError', errno: 2 });
    assert.match(String(failed['traceback']), /^Traceback[^]*boot\.py[^]*FileNotFoundError/);
  });
});

describe('signals', () => {
  it('of Node keep their handlers while the app sets its own', async () => {
    write(
      'signals.py',
      'import signal\n' +
        'for each in (signal.SIGINT, signal.SIGTERM): signal.signal(each, lambda *_: None)\n' +
        'def app(environ, start_response): return []\n',
    );
    const child = spawn(
      process.execPath,
      program(
        `process.on('SIGTERM', () => { show('handled'); clearInterval(alive); });
         const alive = setInterval(() => {}, 1000);
         const { call } = await start();
         call('boot', 'prepare', {});
         show(call('boot', 'check', 'signals:app'));`,
      ),
      { cwd: folder, env: variables(), stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!said.includes('\n')) child.kill('SIGTERM');
      said += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(said, '{"ok":true}\n"handled"\n');
    assert.equal(code, 0);
  });

  it('that nobody handles end the process, SIGINT too', async () => {
    // Node gives SIGINT its default action back when the last handler goes: there Python takes it.
    for (const first of ['', "process.once('SIGINT', gone); process.off('SIGINT', gone);"]) {
      const child = spawn(
        process.execPath,
        program(`function gone() {} ${first}
                 await start(); show('started'); setInterval(() => {}, 1000);`),
        { cwd: folder, env: variables(), stdio: ['ignore', 'pipe', 'inherit'] },
      );
      child.stdout.once('data', () => child.kill('SIGINT'));
      const [, signal] = (await once(child, 'close')) as [number | null, string | null];
      assert.equal(signal, 'SIGINT');
    }
  });
});

/** Where wsgi-ts, below `folder`, would keep a binding that it has built for the Python in `basePrefix`. */
function cachedBinding(basePrefix: string): { cache: string; binary: string } {
  const cache = join(folder, 'cache');
  const site = localSite({ XDG_CACHE_HOME: cache });
  const version = /python(3\.\d+)/.exec(pythonProgram())?.[1] ?? '';
  return {
    cache,
    binary: join(site.cache ?? '', bindingName(site, { version, basePrefix }), 'pymport.node'),
  };
}

/** The interpreter that the tests' environment was made from: `/usr/bin/python3.11`. */
function pythonProgram(): string {
  return fs.realpathSync(join(environment, 'bin', 'python3'));
}

function installedBinary(): string {
  return localSite({}).pymport?.binary ?? '';
}

/** An installation that lacks a module of the standard library, at `folder`/`name`. */
function makeLackingPython(name: string): void {
  const { python } = testPythonEnvironment();
  const show = 'import sysconfig; print(sysconfig.get_path("stdlib"))';
  const stdlib = execFileSync(python, ['-c', show], { encoding: 'utf8' }).trim();
  const library = join(folder, name, 'lib', basename(stdlib));
  fs.mkdirSync(library, { recursive: true });
  for (const file of fs.readdirSync(stdlib)) {
    if (file !== 'traceback.py') fs.symlinkSync(join(stdlib, file), join(library, file));
  }
  write(`${name}/bin/${basename(stdlib)}`, '');
  fs.chmodSync(join(folder, name, 'bin', basename(stdlib)), 0o755);
  fs.symlinkSync(basename(stdlib), join(folder, name, 'bin/python3'));
}

describe('a Python that cannot be used', () => {
  it('because there is no binding for its version is refused before the app is imported', () => {
    write('old/pyvenv.cfg', `home = ${join(environment, 'bin')}\nversion = 3.1.5\n`);
    write('old/bin/python3', '');
    fs.chmodSync(join(folder, 'old/bin/python3'), 0o755);
    const [failed] = run("show(await failure(() => start('old')));") as Record<string, unknown>[];
    assert.equal(failed?.['code'], 'ERR_WSGI_BINDING_MISSING');
    assert.deepEqual([failed['blame'], failed['exitCode']], ['operator', 1]);
    assert.match(
      String(failed['message']),
      /old \(Python 3\.1 in .*\).* is for Python 3\.\d+ in \//,
    );
    assert.match(String(failed['remedy']), /^wsgi-ts binding build --python \/.*old$/);
  });

  it('because it is another build of the same version is refused, too', () => {
    makeLackingPython('same');
    const [failed] = run("show(await failure(() => start('same')));") as Record<string, unknown>[];
    assert.equal(failed?.['code'], 'ERR_WSGI_BINDING_MISSING');
  });

  it('because its standard library is not the one of its binding is told as that', () => {
    makeLackingPython('another');
    const { cache, binary } = cachedBinding(join(folder, 'another'));
    fs.mkdirSync(join(binary, '..'), { recursive: true, mode: 0o700 });
    fs.copyFileSync(installedBinary(), binary);
    const [failed] = run(
      "show(await failure(() => start('another')));",
      variables({ XDG_CACHE_HOME: cache }),
    ) as Record<string, unknown>[];
    assert.equal(failed?.['code'], 'ERR_WSGI_ENVIRONMENT_MISFIT');
    assert.match(String(failed['message']), /another.*No module named 'traceback'/);
    assert.match(String(failed['remedy']), /binding build --force --python \/.*another/);
  });

  it('because npm has installed no binding, or one with a Python of its own, is told as that', () => {
    const root = join(folder, 'project/node_modules/wsgi-ts');
    write('project/package.json', '{}');
    for (const part of ['dist/src', 'python']) {
      fs.cpSync(inRepository(part), join(root, part), { recursive: true });
    }
    fs.copyFileSync(inRepository('package.json'), join(root, 'package.json'));
    const nothingBuilt = variables({ XDG_CACHE_HOME: join(folder, 'empty') });
    const tell = (): unknown => {
      const body = 'show(await failure(start));';
      const [failed] = run(body, nothingBuilt, root) as Record<string, unknown>[];
      assert.equal(failed?.['code'], 'ERR_WSGI_BINDING_MISSING');
      return failed['message'];
    };
    assert.match(String(tell()), /pymport is not installed/);
    const pymport = 'project/node_modules/pymport';
    write(`${pymport}/package.json`, '{ "main": "lib/index.js", "version": "1.2.3" }');
    write(`${pymport}/lib/index.js`, '');
    assert.match(String(tell()), /pymport was not compiled/);
    const binary = `${pymport}/lib/binding/${process.platform}-${process.arch}/pymport.node`;
    write(binary, 'cut short');
    assert.match(String(tell()), /pymport was not compiled, or not to the end/);
    fs.writeFileSync(join(folder, binary), builtinBinary());
    assert.match(String(tell()), /pymport carries a Python of its own/);
  });
});

/** The installed binding, changed so that it looks for its Python beside itself, as a prebuilt one does. */
function builtinBinary(): Buffer {
  const bytes = fs.readFileSync(installedBinary());
  const folders = readBinary(installedBinary(), fs)?.folders ?? [];
  const [runpath = ''] = folders;
  assert.ok(runpath.length >= '$ORIGIN/lib'.length, 'the installed pymport has an rpath');
  const at = bytes.indexOf(`${runpath}\0`);
  bytes.write('$ORIGIN/lib\0', at);
  return bytes;
}
