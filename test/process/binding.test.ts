// `wsgi-ts binding` as far as it goes without compiling: what a person reads where no binding can be built, and what
// list and remove do. The Pythons that can't be had everywhere (PyPy, a free-threaded one, one with no shared library)
// are programs that say of themselves what those say.

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { bindingName } from '../../src/binding/cache.ts';
import { localSite } from '../../src/binding/site.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, type CliResult } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-binding-')));
after(() => {
  fs.rmSync(folder, { recursive: true });
});

const cache = join(folder, 'cache', 'wsgi-ts', 'bindings');

beforeEach(() => {
  fs.rmSync(join(folder, 'cache'), { recursive: true, force: true });
});

const ordinary = {
  implementation: 'CPython',
  version: '3.12.9',
  binary_version: '3.12',
  free_threaded: false,
  executable: '/opt/python/bin/python3',
  base_prefix: '/opt/python',
  library: join(folder, 'libpython3.12.so.1.0'),
  include: join(folder, 'include'),
  has_headers: true,
};

function writeProgram(path: string, text: string): string {
  fs.mkdirSync(join(folder, path, '..'), { recursive: true });
  fs.writeFileSync(join(folder, path), text, { mode: 0o755 });
  return join(folder, path);
}

/** An interpreter that says this of itself. */
function python(facts: Partial<Record<keyof typeof ordinary, unknown>> = {}): string {
  const text = JSON.stringify({ ...ordinary, ...facts });
  return writeProgram(
    `python-${fs.readdirSync(folder).length}/bin/python3`,
    `#!/bin/sh\n/bin/cat <<'END'\n${text}\nEND\n`,
  );
}

function binding(args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> {
  const variables = { XDG_CACHE_HOME: join(folder, 'cache'), ...env };
  return runCli(['binding', ...args], { cwd: folder, env: variables });
}

/** What is said where the building is refused. */
async function refusal(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { end, stdout, stderr } = await binding(['build', ...args], env);
  assert.equal(end, 1, stderr);
  assert.equal(stdout, '');
  assert.doesNotMatch(stderr, /^ +at /m, 'no stack trace of ours');
  assert.deepEqual(fs.existsSync(cache) ? fs.readdirSync(cache) : [], [], 'nothing is left');
  return stderr;
}

describe('a Python that no binding can be built for', () => {
  test('is told what it is, and what would do', async () => {
    const cases: [Parameters<typeof python>[0], RegExp][] = [
      [
        { implementation: 'PyPy', version: '3.10.14' },
        /is PyPy 3\.10\.14, and only CPython can be embedded\.\nMake the environment with a CPython/,
      ],
      [{ version: '3.7.16' }, /is CPython 3\.7\.16, and wsgi-ts runs with 3\.8 to 3\.14\.\n/],
      [{ version: '2.7.18' }, /is CPython 2\.7\.18, and wsgi-ts runs with 3\.8 to 3\.14\.\n/],
      [{ version: '3.15.0' }, /is CPython 3\.15\.0, and wsgi-ts runs with 3\.8 to 3\.14\.\n/],
      [
        { version: '3.13.1', binary_version: '3.13t', free_threaded: true },
        /a free-threaded build, .*\n.*python3\.13 -m venv --clear/,
      ],
      [
        { library: null, base_prefix: '/home/me/.pyenv/versions/3.12.9' },
        /no shared library \(libpython3\.12\).*\nPYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force 3\.12\.9\n/,
      ],
      [{ library: null }, /no shared library .*\n.*\.\/configure --enable-shared/],
      [{ has_headers: false }, /its headers are missing \(.*include\/Python\.h\)/],
    ];
    for (const [facts, expected] of cases) {
      assert.match(await refusal(['--python', python(facts)]), expected);
    }
  });

  test('because it does not run, is told with its own last word', async () => {
    const broken = writeProgram(
      'broken/bin/python3',
      '#!/bin/sh\necho "No module named encodings" >&2; exit 1\n',
    );
    const said = await refusal(['--python', broken]);
    assert.match(said, /broken\/bin\/python3 (?:does not run: No module|is no Python 3)/);
  });

  test('in a folder whose name no linker can take is told that', async () => {
    const library = join(folder, "it's", 'libpython3.12.so.1.0');
    assert.match(await refusal(['--python', python({ library })]), /whose name no linker can take/);
  });

  test('stops a server as well, with the same words and exit code 1', async () => {
    const args = ['--python', python({ implementation: 'PyPy' }), 'app:app'];
    const { end, stderr } = await runCli(args, { cwd: folder });
    assert.equal(end, 1);
    assert.match(stderr, /\[ERROR\] .* is PyPy 3\.12\.9, and only CPython can be embedded/);
  });
});

describe('a machine on which no binding can be built', () => {
  /** A PATH with these programs, each with a text, and no others. */
  function pathWith(programs: Record<string, string>): string {
    const place = `path-${fs.readdirSync(folder).length}`;
    for (const [name, text] of Object.entries(programs)) writeProgram(`${place}/${name}`, text);
    fs.mkdirSync(join(folder, place), { recursive: true });
    return `${join(folder, place)}:/nowhere`;
  }
  /** Runs the program with the PATH of this test: the stand-ins are shell scripts. */
  const real = (name: string): string =>
    `#!/bin/sh\nPATH='${process.env['PATH'] ?? ''}' exec ${name} "$@"\n`;

  test('for want of a compiler and make names the packages', async () => {
    const said = await refusal(['--python', python()], { PATH: pathWith({}) });
    assert.match(said, /there is no C\+\+ compiler and no make\./);
    const debian = /^ID(?:_LIKE)?=.*debian/m.test(fs.readFileSync('/etc/os-release', 'utf8'));
    if (debian) assert.match(said, /\n(?:sudo )?apt-get install -y g\+\+ make\n$/);
  });

  test('because the compiler fails shows what it said', async () => {
    fs.writeFileSync(ordinary.library, '');
    fs.mkdirSync(ordinary.include, { recursive: true });
    const program =
      '#!/bin/sh\necho "main.cc:1:10: fatal error: nothing works today" >&2; exit 1\n';
    const CXX = writeProgram('failing-compiler', program);

    const said = await refusal(['--python', python({ executable: 'python3' })], { CXX });
    assert.match(said, /could not be compiled for this Python:\n(?:.*\n)*.*nothing works today/);
    assert.match(said, /wsgi-ts binding build --verbose --python \/.*python3\n$/);
  });

  test("because it can't write its cache says where it may be instead", async () => {
    const file = join(folder, 'a-file');
    fs.writeFileSync(file, '');
    const said = await refusal(['--python', python()], { XDG_CACHE_HOME: file });
    assert.match(said, /has to be kept in \S+a-file\/\S+, and it can't be written \(ENOTDIR\)/);
    assert.match(said, /XDG_CACHE_HOME/);
  });

  test("because others could write its cache doesn't", async () => {
    fs.mkdirSync(cache, { recursive: true });
    fs.chmodSync(cache, 0o777);
    const said = await refusal(['--python', python()]);
    assert.match(said, /bindings can be written by other users\.\n/);
  });

  test("because Node's headers are not there and can't be fetched names them", async () => {
    fs.writeFileSync(ordinary.library, '');
    fs.mkdirSync(ordinary.include, { recursive: true });
    // A Node that was installed without them.
    const node = join(folder, 'node', 'bin', 'node');
    fs.mkdirSync(join(node, '..'), { recursive: true });
    fs.copyFileSync(process.execPath, node);
    const args = ['binding', 'build', '--python', python({ executable: 'python3' })];
    const cli = new SpawnedProcess(node, [inRepository('dist', 'src', 'cli.js'), ...args], {
      cwd: folder,
      env: activatedEnvironment({
        XDG_CACHE_HOME: join(folder, 'cache'),
        npm_config_nodedir: undefined,
        npm_config_disturl: 'http://127.0.0.1:9/',
        npm_config_devdir: join(folder, 'headers'),
      }),
    });
    assert.equal(await cli.waitForEnd(), 1);
    assert.match(cli.stderr(), /Node's headers, .* could not be fetched\.\n.*npm_config_nodedir/);
  });

  test('because pymport was left out and npm has no network says how to have it', async () => {
    fs.writeFileSync(ordinary.library, '');
    const npm = '#!/bin/sh\necho "npm error code ENOTFOUND" >&2; exit 1\n';
    const root = join(folder, 'project', 'node_modules', 'wsgi-ts');
    for (const part of ['dist/src', 'python', 'package.json']) {
      fs.cpSync(inRepository(part), join(root, part), { recursive: true });
    }
    for (const name of fs.readdirSync(inRepository('node_modules'))) {
      if (['pymport', '.package-lock.json'].includes(name)) continue;
      fs.symlinkSync(inRepository('node_modules', name), join(root, '..', name));
    }
    const PATH = pathWith({ npm, make: real('make'), 'c++': real('c++') });
    const args = [join(root, 'dist/src/cli.js'), 'binding', 'build', '--python', python()];
    const env = activatedEnvironment({ XDG_CACHE_HOME: join(folder, 'cache'), PATH });
    const cli = new SpawnedProcess(process.execPath, args, { cwd: folder, env });
    assert.equal(await cli.waitForEnd(), 1);
    assert.match(
      cli.stderr(),
      /is not installed \(npm left it out\), and npm could not fetch it:\n.*ENOTFOUND/,
    );
    assert.match(cli.stderr(), /\n.*npm install --ignore-scripts pymport@\d/);
  });
});

describe('the bindings that were built', () => {
  const record = {
    version: '3.12',
    basePrefix: '/opt/python',
    python: '3.12.9',
    pymport: '1.0.0',
    node: '20.0.0',
    platform: 'linux-x64-glibc',
    built: '2026-01-02T03:04:05.000Z',
  };

  function pretendBuilt(): string {
    const site = localSite({ XDG_CACHE_HOME: join(folder, 'cache') });
    const name = bindingName(site, record);
    fs.mkdirSync(join(cache, name), { recursive: true, mode: 0o700 });
    fs.writeFileSync(join(cache, name, 'pymport.node'), '');
    fs.writeFileSync(join(cache, name, 'binding.json'), JSON.stringify(record));
    return name;
  }

  test('are listed with the Python of each, for people and for programs', async () => {
    const none = await binding(['list']);
    assert.match(none.stdout, /^Installed by npm: \/.*pymport\.node\nBuilt, in .*:\n {2}none\n$/);
    const name = pretendBuilt();
    const { end, stdout } = await binding(['list']);
    assert.equal(end, 0);
    assert.ok(stdout.includes(`  ${name}\n    Python 3.12.9 in /opt/python, built 2026-01-02`));
    const json = JSON.parse((await binding(['list', '--json'])).stdout) as {
      cached: { name: string; record: unknown }[];
    };
    assert.deepEqual([json.cached[0]?.name, json.cached[0]?.record], [name, record]);
  });

  test('are removed by name or all, and nothing else is', async () => {
    const name = pretendBuilt();
    fs.writeFileSync(join(cache, 'precious'), '');
    for (const wrong of [['nothing'], ['..'], ['precious'], []]) {
      const { end, stderr } = await binding(['remove', ...wrong]);
      assert.equal(end, 1);
      assert.match(stderr, /wsgi-ts binding list/);
    }
    assert.equal((await binding(['remove', name])).stdout, `Removed ${name}\n`);
    pretendBuilt();
    await binding(['remove', '--all']);
    assert.deepEqual(fs.readdirSync(cache), ['precious']);
  });
});

describe('the command', () => {
  test('shows its help without a word, and refuses words that it does not know with 2', async () => {
    const help = await binding([]);
    assert.equal(help.end, 0);
    for (const name of ['build', 'list', 'remove'])
      assert.match(help.stdout, new RegExp(`^ +${name} `, 'm'));
    assert.equal((await binding(['bild'])).end, 2);
    assert.equal((await binding(['build', '--pyton', 'x'])).end, 2);
  });
});
