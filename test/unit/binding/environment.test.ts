import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  describeEnvironment,
  findEnvironment,
  type Environment,
  type EnvironmentSearch,
} from '../../../src/binding/environment.ts';
import { WsgiTsError } from '../../../src/errors.ts';

let folder: string;

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-')));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

function at(...parts: string[]): string {
  return join(folder, ...parts);
}

/** An executable file, and `links` to it, as an installation of Python has them. */
function install(prefix: string, version: string): string {
  fs.mkdirSync(at(prefix, 'bin'), { recursive: true });
  const real = at(prefix, 'bin', `python${version}`);
  fs.writeFileSync(real, '', { mode: 0o755 });
  fs.symlinkSync(`python${version}`, at(prefix, 'bin', 'python3'));
  return real;
}

/** A virtual environment as `python3 -m venv` makes it. */
function makeEnvironment(root: string, prefix: string, configuration = ''): string {
  fs.mkdirSync(at(root, 'bin'), { recursive: true });
  fs.writeFileSync(at(root, 'pyvenv.cfg'), `home = ${at(prefix, 'bin')}\n${configuration}`);
  fs.symlinkSync(at(prefix, 'bin', 'python3'), at(root, 'bin', 'python3'));
  return at(root);
}

function find(changes: Partial<EnvironmentSearch> & { PATH?: string } = {}): Environment {
  const { PATH = at('usr', 'bin'), ...others } = changes;
  return findEnvironment({
    python: null,
    directory: at('app'),
    cwd: folder,
    files: fs,
    ask: () => assert.fail('asked an interpreter whose files tell enough'),
    ...others,
    variables: { PATH, ...others.variables },
  });
}

function refusal(changes: Parameters<typeof find>[0], code: string): WsgiTsError {
  try {
    find(changes);
  } catch (error) {
    assert.ok(error instanceof WsgiTsError);
    assert.deepEqual([error.code, error.blame, error.exitCode], [code, 'operator', 1]);
    assert.ok(error.remedy);
    return error;
  }
  return assert.fail(`expected ${code}`);
}

describe('which Python is used', () => {
  it('is the activated environment before every other', () => {
    install('usr', '3.12');
    const active = makeEnvironment('active', 'usr', 'version = 3.12.1\n');
    const named = makeEnvironment('named', 'usr');
    makeEnvironment('app/.venv', 'usr');
    const found = find({
      PATH: `${at('nothing')}:${at('active', 'bin')}:${at('usr', 'bin')}`,
      variables: { VIRTUAL_ENV: named },
    });
    assert.deepEqual(found, {
      source: 'PATH',
      root: active,
      executable: at('active', 'bin', 'python3'),
      version: '3.12',
      basePrefix: at('usr'),
    });
  });

  it('is VIRTUAL_ENV, then .venv, then venv in the directory of the app', () => {
    install('usr', '3.12');
    makeEnvironment('named', 'usr');
    makeEnvironment('app/.venv', 'usr');
    makeEnvironment('app/venv', 'usr');
    const sources: [string, string | null][] = [];
    const look = (variables: Record<string, string>): void => {
      const { source, root } = find({ variables });
      sources.push([source, root]);
    };
    look({ VIRTUAL_ENV: at('named') });
    look({ VIRTUAL_ENV: '' });
    fs.rmSync(at('app', '.venv'), { recursive: true });
    look({});
    assert.deepEqual(sources, [
      ['VIRTUAL_ENV', at('named')],
      ['.venv', at('app', '.venv')],
      ['venv', at('app', 'venv')],
    ]);
  });

  it('is the first python3 on PATH where there is no environment', () => {
    install('usr', '3.11');
    install('opt', '3.12');
    fs.mkdirSync(at('app', 'venv'), { recursive: true }); // somebody's folder of that name
    fs.mkdirSync(at('odd', 'python3'), { recursive: true });
    const PATH = `${at('odd')}:opt/bin:${at('usr', 'bin')}`;
    assert.deepEqual(find({ PATH }), {
      source: 'PATH',
      root: null,
      executable: at('opt', 'bin', 'python3'),
      version: '3.12',
      basePrefix: at('opt'),
    });
  });

  it("is conda's environment where one was activated on purpose, which `base` is not", () => {
    install('conda', '3.12');
    install('conda/envs/mine', '3.11');
    install('usr', '3.10');
    makeEnvironment('app/.venv', 'usr');
    const look = (name: string, root: string): [string, string | null] => {
      const variables = { CONDA_PREFIX: at(root), CONDA_DEFAULT_ENV: name };
      const { source, version } = find({ PATH: at(root, 'bin'), variables });
      return [source, version];
    };
    assert.deepEqual(look('mine', 'conda/envs/mine'), ['CONDA_PREFIX', '3.11']);
    assert.deepEqual(look('base', 'conda'), ['.venv', '3.10']);
    const deactivated = { CONDA_PREFIX: at('conda/envs/mine'), CONDA_DEFAULT_ENV: 'mine' };
    assert.equal(find({ PATH: at('usr', 'bin'), variables: deactivated }).source, '.venv');
  });

  it('tells a free-threaded build by its name', () => {
    install('usr', '3.13t');
    makeEnvironment('app/.venv', 'usr', 'version = 3.13.1\n');
    assert.equal(find().version, '3.13t');
  });

  it("is the binding's own where there is no Python at all", () => {
    const found = find();
    assert.equal(found.source, 'none');
    assert.equal(found.executable, null);
  });

  it('is asked for where its name tells nothing, as with a shim of pyenv', () => {
    fs.mkdirSync(at('shims'));
    fs.writeFileSync(at('shims', 'python3'), '#!/bin/sh', { mode: 0o755 });
    const facts = { version: '3.9', basePrefix: '/opt' };
    const found = find({
      PATH: at('shims'),
      ask: (executable) => {
        assert.equal(executable, at('shims', 'python3'));
        return facts;
      },
    });
    const executable = at('shims', 'python3');
    assert.deepEqual(found, { source: 'PATH', root: null, executable, ...facts });
    assert.equal(find({ PATH: at('shims'), ask: () => null }).version, null);
  });
});

describe('--python', () => {
  it('is an interpreter, the folder of an environment or of an installation, or a command', () => {
    install('usr', '3.12');
    const root = makeEnvironment('named', 'usr');
    const interpreter = at('named', 'bin', 'python3');
    const wanted: [string, string | null, string][] = [
      ['named', root, interpreter],
      ['./named/', root, interpreter],
      [interpreter, root, interpreter],
      ['usr/bin/python3.12', null, at('usr', 'bin', 'python3.12')],
      ['usr', null, at('usr', 'bin', 'python3')],
      ['python3.12', null, at('usr', 'bin', 'python3.12')],
    ];
    for (const [python, expectedRoot, executable] of wanted) {
      const found = find({ python, variables: { VIRTUAL_ENV: '/nowhere' } });
      assert.deepEqual(
        [found.source, found.root, found.executable, found.version],
        ['--python', expectedRoot, executable, '3.12'],
        python,
      );
    }
  });

  it('is refused where there is nothing, or no Python', () => {
    fs.mkdirSync(at('folder'));
    fs.writeFileSync(at('text'), '');
    fs.writeFileSync(at('program'), '', { mode: 0o755 });
    for (const python of ['nothing', 'no/such', 'folder', 'text', 'program']) {
      const error = refusal({ python, ask: () => null }, 'ERR_WSGI_PYTHON_NOT_FOUND');
      assert.match(error.message, new RegExp(at(python)));
    }
  });
});

describe('an environment', () => {
  it('tells its version in pyvenv.cfg, as venv, virtualenv and uv write it', () => {
    install('usr', '3.12');
    fs.rmSync(at('usr', 'bin', 'python3'));
    fs.copyFileSync(at('usr', 'bin', 'python3.12'), at('usr', 'bin', 'python3'));
    for (const line of ['version = 3.9.18', 'version_info = 3.9.18.final.0', 'VERSION=3.9']) {
      makeEnvironment('env', 'usr', `# comment\n${line}\n`);
      assert.equal(find({ python: 'env' }).version, '3.9');
      fs.rmSync(at('env'), { recursive: true });
    }
    makeEnvironment('env', 'usr');
    const facts = { version: '3.10', basePrefix: '/y' };
    assert.equal(find({ python: 'env', ask: () => facts }).version, '3.10');
  });

  it('that holds a copy of the interpreter knows its home all the same', () => {
    install('usr', '3.12');
    makeEnvironment('env', 'usr', 'version = 3.12.1\n');
    fs.rmSync(at('env', 'bin', 'python3'));
    fs.writeFileSync(at('env', 'bin', 'python3'), '', { mode: 0o755 });
    assert.equal(find({ python: 'env' }).basePrefix, at('usr'));
  });

  it('that is named by VIRTUAL_ENV must exist and be one', () => {
    fs.mkdirSync(at('plain'));
    const gone = refusal({ variables: { VIRTUAL_ENV: at('gone') } }, 'ERR_WSGI_PYTHON_NOT_FOUND');
    assert.match(gone.message, /does not exist/);
    const plain = refusal({ variables: { VIRTUAL_ENV: at('plain') } }, 'ERR_WSGI_PYTHON_NOT_FOUND');
    assert.match(plain.message, /is no virtual environment/);
  });

  it('whose Python is gone is broken, and never passed over', () => {
    install('usr', '3.12');
    makeEnvironment('app/.venv', 'usr');
    makeEnvironment('copied', 'usr');
    fs.rmSync(at('copied', 'bin', 'python3'));
    fs.writeFileSync(at('copied', 'bin', 'python3'), '', { mode: 0o755 });
    makeEnvironment('empty', 'usr');
    fs.rmSync(at('empty', 'bin', 'python3'));
    fs.rmSync(at('usr'), { recursive: true });
    install('opt', '3.12');
    const code = 'ERR_WSGI_ENVIRONMENT_BROKEN';
    const PATH = at('opt', 'bin');
    const home = at('usr', 'bin');
    assert.match(refusal({ PATH }, code).message, new RegExp(`${at('app', '.venv')}.*${home}`));
    const activated = `${at('app', '.venv', 'bin')}:${PATH}`;
    assert.match(refusal({ PATH: activated }, code).message, new RegExp(home));
    assert.match(refusal({ PATH, python: 'copied' }, code).message, new RegExp(home));
    assert.match(refusal({ PATH, python: 'empty' }, code).message, /it has no .*python3/);
  });

  it('whose Python was replaced by another version is broken', () => {
    install('usr', '3.12');
    makeEnvironment('env', 'usr', 'version = 3.11.2\n');
    const error = refusal({ python: 'env' }, 'ERR_WSGI_ENVIRONMENT_BROKEN');
    assert.match(error.message, /3\.11.*3\.12/);
    assert.match(error.remedy ?? '', /-m venv --clear/);
  });

  it('is called by its folder, a Python without one by its interpreter', () => {
    install('usr', '3.12');
    makeEnvironment('env', 'usr');
    assert.equal(describeEnvironment(find({ python: 'env' })), at('env'));
    assert.equal(describeEnvironment(find()), at('usr', 'bin', 'python3'));
  });
});
