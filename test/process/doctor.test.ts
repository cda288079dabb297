// `wsgi-ts doctor` as a person runs it: on a machine where all is well, and for one thing that is wrong at a time.

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer } from '../helpers/server-process.ts';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-doctor-')));
after(() => {
  fs.rmSync(folder, { recursive: true });
});
const apps = ['--bind', '127.0.0.1:0', '--chdir', inRepository('fixtures', 'apps')];

interface Finding {
  readonly name: string;
  readonly state: string;
  readonly text: string;
  readonly remedy?: string;
  readonly traceback?: string;
}

/** The doctor's words as a program has them. */
async function consult(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ end: unknown; ok: boolean; finding: (name: string) => Finding }> {
  const { end, stdout, stderr } = await runCli(['doctor', '--json', ...args], { env });
  assert.equal(stderr, '');
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  assert.equal(end, ok ? 0 : 1);
  const finding = (name: string): Finding => {
    const found = findings.find((one) => one.name === name);
    return found ?? assert.fail(`nothing of ${name} in ${stdout}`);
  };
  return { end, ok, finding };
}

describe('wsgi-ts doctor', () => {
  test('shows all that an issue report needs where all is well', async () => {
    const { directory } = testPythonEnvironment();
    const { end, stdout } = await runCli(['doctor', ...apps, 'does_nothing:app']);
    assert.equal(end, 0, stdout);
    assert.match(stdout, /^wsgi-ts \d+\.\d+\.\d+\n✓ Node \d+\.\d+\.\d+ \(/);
    for (const line of [
      /✓ npm \d/,
      new RegExp(`✓ CPython 3\\.\\d+\\.\\d+: ${directory} \\(activated\\), made from /`),
      /✓ Its shared library is \/.*libpython3/,
      /✓ The binding for it is (?:installed by npm|built for this user): \/.*pymport\.node/,
      /✓ To build bindings with: /,
      /✓ Python's OpenSSL \d.* and Node's OpenSSL \d/,
      /[✓!] Open files: /,
      /[✓!] Connections that may wait: /,
      /✓ \d+(?:\.\d+ of \d+)? cores.* MiB/,
      /✓ 127\.0\.0\.1:0 is free/,
      /✓ does_nothing:app is imported in \d+\.\d\d s/,
    ]) {
      assert.match(stdout, line);
    }
    assert.match(stdout, /\n\n(?:All is well|\d+ warnings?)\.\n$/);
  });

  test('without an app looks at everything else', async () => {
    const { ok, finding } = await consult(apps);
    assert.equal(ok, true);
    assert.throws(() => finding('app'));
  });

  test('says what is wrong with the app, the traceback with it', async () => {
    fs.writeFileSync(join(folder, 'broken.py'), 'def look():\n    return {}["no key"]\nlook()\n');
    const missing = await consult([...apps, 'no_such_module:app']);
    assert.equal(missing.ok, false);
    assert.match(missing.finding('app').text, /no_such_module/);
    const raising = await consult([...apps, '--chdir', folder, 'broken:app']);
    assert.match(raising.finding('app').traceback ?? '', /broken\.py", line 2, in look/);
    const crashing = await consult([...apps, '--chdir', folder, 'crashing:app']);
    assert.match(crashing.finding('app').text, /crashing/);
  });

  test('survives an app that ends the process when it is imported', async () => {
    fs.writeFileSync(join(folder, 'deadly.py'), 'import ctypes\nctypes.string_at(0)\n');
    const { ok, finding } = await consult([...apps, '--chdir', folder, 'deadly:app']);
    assert.equal(ok, false);
    assert.match(finding('app').text, /ends the process: SIGSEGV/);
    assert.match(finding('app').traceback ?? '', /deadly\.py/);
  });

  test('does not wait for children that the app has started at its import', async () => {
    const child =
      'import subprocess\nsubprocess.Popen(["sleep", "60"])\ndef app(e, s): return []\n';
    fs.writeFileSync(join(folder, 'parent.py'), child);
    const began = performance.now();
    const { finding } = await consult([...apps, '--chdir', folder, 'parent:app']);
    assert.match(finding('app').text, /is imported in/);
    assert.ok(performance.now() - began < 30_000, 'it has waited for the child');
  });

  test('names who holds the port, and knows its own kind', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const taken = await consult(['--bind', address]);
    other.close();
    assert.equal(taken.finding('bind').state, 'problem');
    assert.match(taken.finding('bind').text, new RegExp(`taken by process ${process.pid}: `));

    await using server = await startServer([...apps, 'does_nothing:app']);
    const ours = await consult(['--bind', `127.0.0.1:${server.port}`]);
    assert.equal(ours.finding('bind').state, 'warning');
    assert.match(ours.finding('bind').remedy ?? '', /A running wsgi-ts/);
  });

  test('says which addresses can not be had', async () => {
    const { ok, finding } = await consult(['--bind', '192.0.2.1:8000']);
    assert.equal(ok, false);
    assert.match(finding('bind').text, /192\.0\.2\.1:8000 can't be had \(EADDRNOTAVAIL\)/);
    const folderMissing = await consult(['--bind', `unix:${folder}/no/such.sock`]);
    assert.match(folderMissing.finding('bind').text, /can't be had \(ENOENT\)/);
  });

  test('says where no binding is there, whether one can be built, and that no Python can be', async () => {
    const nothing = { XDG_CACHE_HOME: join(folder, 'caches') };
    const fake = (facts: Record<string, unknown>): string => {
      const root = join(folder, `python-${fs.readdirSync(folder).length}`, 'bin');
      fs.mkdirSync(root, { recursive: true });
      const text = JSON.stringify({
        ...{ implementation: 'CPython', version: '3.12.9', binary_version: '3.12' },
        ...{ free_threaded: false, executable: 'python3', base_prefix: '/opt/python' },
        ...{ library: '/opt/python/lib/libpython3.12.so', include: '/opt', has_headers: true },
        ...facts,
      });
      fs.writeFileSync(join(root, 'python3'), `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
      return join(root, 'python3');
    };
    const canBuild = await consult([...apps, '--python', fake({}), 'does_nothing:app'], nothing);
    assert.equal(canBuild.finding('binding').state, 'warning');
    assert.match(
      canBuild.finding('binding').text,
      /the first start builds one; the installed pymport is for Python 3/,
    );
    assert.match(canBuild.finding('app').text, /was not looked at/);
    const forbidden = await consult(['--no-build', '--python', fake({})], nothing);
    assert.equal(forbidden.finding('binding').state, 'problem');
    const nowhere = await consult(['--python', fake({})], {
      XDG_CACHE_HOME: join(folder, 'parent.py'),
    });
    assert.match(nowhere.finding('binding').text, /can't be written \(ENOTDIR\)/);
    const pypy = await consult(['--python', fake({ implementation: 'PyPy' })], nothing);
    assert.equal(pypy.finding('python').state, 'problem');
    assert.match(pypy.finding('python').text, /only CPython can be embedded/);
    const gone = await consult(['--python', '/nowhere/python3']);
    assert.match(gone.finding('python').text, /there is no \/nowhere\/python3/);
  });

  test('takes every setting, and refuses wrong ones as the server does', async () => {
    const { end, stderr } = await runCli(['doctor', '--workers', 'many', 'app:app']);
    assert.equal(end, 1);
    assert.match(stderr, /--workers: 'many' is not a whole number/);
    assert.equal((await runCli(['doctor', '--jason'])).end, 2);
  });
});
