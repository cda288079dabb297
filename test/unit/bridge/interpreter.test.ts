// Each test starts Python in a process of its own: one process can have but one.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
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
    const start = (python = null) => startInterpreter({ python, directory: process.cwd() });
    const failure = (action) => {
      try { return { value: action() }; }
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
       const { version, executable, prefix, call } = start();
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
      `start().call('boot', 'prepare', {});
       show(process.env.PATH);
       show(process.env.VIRTUAL_ENV);`,
    );
    assert.equal(activated, join(environment, 'bin') + delimiter + path);
    assert.equal(virtualEnv, environment);
  });

  it('is the same for each who asks, and refuses to be another', () => {
    const other = makeEnvironment('other');
    const [same, named, refused] = run(
      `const first = start(${JSON.stringify(environment)});
       show(first === start());
       show(first === start(${JSON.stringify(join(environment, 'bin', 'python3'))}));
       show(failure(() => start(${JSON.stringify(other)})));`,
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
      `const { call } = start();
       call('boot', 'prepare', { argv: ${JSON.stringify(sent)} });
       show(call('boot', 'check', 'caf\u00e9:app'));`,
    );
    assert.deepEqual(argv, sent);
    assert.deepEqual(checked, { ok: true });
  });

  it('makes an exception of Python an error with its traceback and its errno', () => {
    const [failed] = run(
      `show(failure(() => start().call('boot', 'prepare', { chdir: '/no/such/folder' })));`,
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
         const { call } = start();
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
                 start(); show('started'); setInterval(() => {}, 1000);`),
        { cwd: folder, env: variables(), stdio: ['ignore', 'pipe', 'inherit'] },
      );
      child.stdout.once('data', () => child.kill('SIGINT'));
      const [, signal] = (await once(child, 'close')) as [number | null, string | null];
      assert.equal(signal, 'SIGINT');
    }
  });
});

describe('a Python that cannot be used', () => {
  it('because the environment is of another version is refused before the app is imported', () => {
    write('old/pyvenv.cfg', `home = ${join(environment, 'bin')}\nversion = 3.1.5\n`);
    write('old/bin/python3', '');
    fs.chmodSync(join(folder, 'old/bin/python3'), 0o755);
    const [failed] = run("show(failure(() => start('old')));") as Record<string, unknown>[];
    assert.equal(failed?.['code'], 'ERR_WSGI_ENVIRONMENT_VERSION');
    assert.deepEqual([failed['blame'], failed['exitCode']], ['operator', 1]);
    assert.match(String(failed['message']), /old is Python 3\.1, .* Python 3\.\d+$/);
    assert.match(String(failed['remedy']), /npm_config_build_from_source=true .*npm --prefix /);
  });

  it('because its standard library is of another build is told as that', () => {
    const { python } = testPythonEnvironment();
    const show = 'import sys, sysconfig; print(sysconfig.get_path("stdlib"), sys.base_prefix)';
    const [stdlib = ''] = execFileSync(python, ['-c', show], { encoding: 'utf8' }).split(' ');
    // Like Debian's, which lacks as files what its libpython holds: here it is what we need first.
    const library = join(folder, 'another/lib', basename(stdlib));
    fs.mkdirSync(library, { recursive: true });
    for (const name of fs.readdirSync(stdlib)) {
      if (name !== 'traceback.py') fs.symlinkSync(join(stdlib, name), join(library, name));
    }
    write(`another/bin/${basename(stdlib)}`, '');
    fs.chmodSync(join(folder, 'another/bin', basename(stdlib)), 0o755);
    fs.symlinkSync(basename(stdlib), join(folder, 'another/bin/python3'));
    const [failed] = run("show(failure(() => start('another')));") as Record<string, unknown>[];
    assert.equal(failed?.['code'], 'ERR_WSGI_ENVIRONMENT_MISFIT');
    assert.match(String(failed['message']), /another.*No module named 'traceback'/);
    assert.match(String(failed['remedy']), /PKG_CONFIG_PATH=.*another\/lib\/pkgconfig/);
  });

  it('because the binding is missing, fails, or has a Python of its own is told as that', () => {
    const root = join(folder, 'project/node_modules/wsgi-ts');
    write('project/package.json', '{}');
    fs.cpSync(inRepository('dist/src'), join(root, 'dist/src'), { recursive: true });
    fs.copyFileSync(inRepository('package.json'), join(root, 'package.json'));
    const tell = (): unknown => {
      const [failed] = run('show(failure(start));', variables(), root) as Record<string, unknown>[];
      assert.match(String(failed?.['remedy']), /npm/);
      return failed?.['code'];
    };
    assert.equal(tell(), 'ERR_WSGI_BINDING_MISSING');
    const pymport = 'project/node_modules/pymport';
    write(`${pymport}/package.json`, '{ "main": "index.js" }');
    write(
      `${pymport}/index.js`,
      'throw new Error("libpython3.9.so.1.0: cannot open shared object")',
    );
    assert.equal(tell(), 'ERR_WSGI_BINDING_NOT_BUILT');
    write(`${pymport}/lib/binding/${process.platform}-${process.arch}/pymport.node`, '');
    assert.equal(tell(), 'ERR_WSGI_BINDING_LIBPYTHON');
    write(
      `${pymport}/index.js`,
      'exports.version = { pythonLibrary: { builtin: true, major: 3, minor: 12 } };',
    );
    assert.equal(tell(), 'ERR_WSGI_BINDING_BUILTIN');
  });
});
