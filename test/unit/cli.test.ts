// The command line as a real process, as far as it goes without Python: help, version, wrong values.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { settingRows } from '../../src/settings/table.ts';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [cli, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = start(args, env);
  assert.ok(child.stdout && child.stderr);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

describe('wsgi-ts --help', () => {
  it('shows every flag with its default, by section, and ends well', async () => {
    const { code, stdout, stderr } = await run(['--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^Usage: wsgi-ts \[options\] app\n/);
    for (const [, { flags, section }] of settingRows) {
      // A second spelling with underscores is taken, but not shown.
      for (const flag of flags) assert.equal(stdout.includes(flag), !flag.includes('_'), flag);
      if (flags.length > 0) assert.ok(stdout.includes(`\n${section}:\n`), section);
    }
    assert.match(stdout, /^ {2}-h, --help {20,40}Print/m);
    // Wherever its lines break.
    const shown = stdout.replaceAll(/\s+/g, ' ');
    assert.match(shown, /-w, --workers <INT> [^<]*\[1, or \$WEB_CONCURRENCY\]/);
    assert.match(shown, /--proxy-protocol \[WORD\] [^<]*\(preset: "auto"\)/);
  });

  it('does not mind a reader that goes away', async () => {
    const child = start(['--help']);
    child.stdout?.destroy();
    assert.ok(child.stderr);
    const [stderr, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ]);
    assert.equal(stderr, '');
    assert.equal(code, 0);
  });
});

describe('wsgi-ts --version', () => {
  for (const flag of ['--version', '-v']) {
    it(`prints the version as gunicorn does, with ${flag}`, async () => {
      const { code, stdout } = await run([flag]);
      assert.equal(code, 0);
      assert.match(stdout, /^wsgi-ts \(version \d+\.\d+\.\d+\S*\)\n$/);
    });
  }
});

describe('a command line that can not be read', () => {
  for (const [args, said] of [
    [['--wokers', '4', 'app:app'], /unknown option '--wokers'\n\(Did you mean --workers\?\)/],
    [['-Z'], /unknown option '-Z'/],
    [['app:app', '--workers'], /--workers <INT>' argument missing/],
    [['app:app', 'other:app'], /too many arguments/],
    [['smoek', 'app:app'], /too many arguments.*\n\(Did you mean wsgi-ts smoke\?\)/],
  ] as const) {
    it(`ends with exit code 2: ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await run(args);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^error: /);
      assert.match(stderr, said);
      assert.match(stderr, /wsgi-ts --help/);
    });
  }
});

describe('wrong settings', () => {
  it('no app: says so as gunicorn does, and what to do, with exit code 1', async () => {
    const { code, stdout, stderr } = await run([]);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^Error: No application module specified\.\n.*wsgi-ts app:app.*\n$/);
  });

  for (const [args, said] of [
    [['-w0', 'app:app'], /--workers: '0' is not a whole number/],
    [['-w', '-1', 'app:app'], /--workers: '-1' is not a whole number/],
    [['app:app', '--threads=many'], /--threads: 'many' is not a whole number/],
    [['app:app', '-b', 'localhost:65536'], /--bind: 'localhost:65536' is not an address/],
    [['app:app', '--log-level', 'loud'], /--log-level: 'loud' is not one of debug, info/],
    [['app:app', '--access-logformat', '%(zz)s'], /--access-logformat: .*%\(zz\)s/],
    [['app:app', '--chdir', cli], /--chdir: '.*cli\.js' is not a directory/],
    [['app:app', '-e', 'NOTHING'], /--env: 'NOTHING' is not of the form KEY=VALUE/],
  ] as const) {
    it(`ends with exit code 1: ${args.join(' ').replace(cli, 'FILE')}`, async () => {
      const { code, stderr } = await run(args);
      assert.equal(code, 1);
      assert.match(stderr, said);
      assert.match(stderr, /^Error: --.* \(command line\)\n/);
    });
  }

  it('an app behind a flag that may stand alone: says where to put it', async () => {
    const { code, stderr } = await run(['--proxy-protocol', 'app:app']);
    assert.equal(code, 1);
    assert.match(stderr, /^Error: --proxy-protocol: 'app:app' is not one of off, v1, v2, auto/);
    assert.match(stderr, /write it last, or as --proxy-protocol=auto\./);
  });

  it('are all reported, from the environment too', async () => {
    const { code, stderr } = await run(['-t', 'x', '-b', ':x', '-b', 'x:', 'app'], {
      WEB_CONCURRENCY: 'many',
    });
    assert.equal(code, 1);
    assert.match(stderr, /^Error: 4 values are wrong:\n( {2}--.*\n){4}/);
    assert.match(stderr, /'many' .* \(environment WEB_CONCURRENCY\)\n/);
  });
});
