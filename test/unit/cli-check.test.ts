// --check-config and --print-config as a real process: the settings and the app, with nothing started.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-check-'));
mkdirSync(join(folder, 'site'));
writeFileSync(
  join(folder, 'site', 'app.py'),
  `import os
print("loading", os.environ.get("GREETING"), os.getcwd())
def app(environ, start_response):
    start_response("200 OK", [])
    return []
`,
);
writeFileSync(join(folder, 'site', 'broken.py'), 'def fail():\n    1 / 0\nfail()\n');
after(() => {
  rmSync(folder, { recursive: true });
});

async function run(args: readonly string[]) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'PORT' && name !== 'WEB_CONCURRENCY'),
  );
  const child = spawn(process.execPath, [cli, '--chdir', 'site', ...args], { cwd: folder, env });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

describe('wsgi-ts --check-config', () => {
  it('loads the app in its directory and environment, and ends well', async () => {
    const { code, stdout, stderr } = await run([
      '--check-config',
      '-e',
      'GREETING=hello',
      'app:app',
    ]);
    assert.equal(stderr, '');
    assert.equal(stdout, `loading hello ${join(folder, 'site')}\n`);
    assert.equal(code, 0);
  });

  it('ends with 1 where the app raises: their traceback, then the reason', async () => {
    const { code, stdout, stderr } = await run(['--check-config', 'broken:app']);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /line 2, in fail\n[^]*ZeroDivisionError[^]*\nError: /);
  });

  for (const app of ['app:nothing', 'nowhere:app']) {
    it(`ends with 1 where there is no ${app}, with the reason`, async () => {
      const { code, stderr } = await run(['--check-config', app]);
      assert.equal(code, 1);
      assert.match(stderr, /^Error: .*no(thing|where)/m);
    });
  }

  const wrong: Readonly<Record<string, readonly [string, RegExp]>> = {
    'a hook that takes too few arguments': [
      'def post_fork(server):\n    pass\n',
      /^Error: .*post_fork/m,
    ],
    'a hook that can’t be called': ['when_ready = "now"\n', /^Error: .*when_ready/m],
    'a log config that is not there': [
      'logconfig = "nowhere.ini"\n',
      /^Error: --log-config: there is no file nowhere\.ini/m,
    ],
    'a log config that is no JSON': [
      'logconfig_json = "broken.py"\n',
      /^Error: --log-config-json could not be used/m,
    ],
    'a log config that Python can’t use': [
      'logconfig_dict = {"handlers": {"console": {"class": "no.such.Handler"}}}\n',
      /^Error: logconfig_dict could not be used: [^]*no/m,
    ],
  };
  for (const [what, [text, said]] of Object.entries(wrong)) {
    it(`ends with 1 for ${what}`, async () => {
      writeFileSync(join(folder, 'wrong.conf.py'), text);
      const { code, stderr } = await run(['--check-config', '-c', 'wrong.conf.py', 'app:app']);
      assert.match(stderr, said);
      assert.equal(code, 1);
    });
  }

  it('has a log config whose classes are the app’s, and calls no hook', async () => {
    writeFileSync(
      join(folder, 'site', 'lines.py'),
      'import logging\nclass Own(logging.Handler): pass\n',
    );
    writeFileSync(
      join(folder, 'right.conf.py'),
      'def on_starting(server):\n    print("called")\n' +
        'logconfig_dict = {"handlers": {name: {"class": "lines.Own"} for name in ("console", "error_console")}}\n',
    );
    const { code, stdout, stderr } = await run([
      '--check-config',
      '-c',
      'right.conf.py',
      'app:app',
    ]);
    assert.equal(stderr, '');
    assert.match(stdout, /^loading .*\n$/);
    assert.equal(code, 0);
  });
});

describe('wsgi-ts --print-config', () => {
  it('prints every setting with where it came from, then loads the app', async () => {
    const { code, stdout } = await run(['app:app', '--print-config', '-w', '3']);
    assert.match(stdout, /^workers += 3 {2}# command line$/m);
    assert.match(stdout, /^threads += 1 {2}# default$/m);
    assert.match(stdout, /\nloading None .*\n$/);
    assert.equal(code, 0);
  });

  for (const [flag, value] of [
    [['--proxy-protocol'], 'auto'],
    [['--proxy-protocol', 'v2'], 'v2'],
    [['--proxy-protocol=v1'], 'v1'],
  ] as const) {
    it(`takes a flag whose value may be left out: ${flag.join(' ')}`, async () => {
      const { code, stdout } = await run(['app:app', '--print-config', ...flag, '-w', '3']);
      assert.match(stdout, new RegExp(`^proxy_protocol += "${value}" {2}# command line$`, 'm'));
      assert.match(stdout, /^workers += 3 {2}# command line$/m);
      assert.equal(code, 0);
    });
  }

  it('prints them also where the app can not be loaded', async () => {
    const { code, stdout } = await run(['broken', '--print-config']);
    assert.match(stdout, /^wsgi_app += "broken" {2}# command line$/m);
    assert.equal(code, 1);
  });
});
