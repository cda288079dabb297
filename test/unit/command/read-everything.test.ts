// All places of the settings, read again and again as at a reload. Python runs in the process of this test.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readEverything } from '../../../src/command/read-everything.ts';
import { WsgiTsError } from '../../../src/errors.ts';
import { testPythonEnvironment } from '../../helpers/python-environment.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-reread-'));
const path = join(folder, 'config.py');
after(() => {
  rmSync(folder, { recursive: true });
});

const { python } = testPythonEnvironment();
const commandLine = {
  source: 'command line',
  texts: { app: ['app:app'], python: [python], config: [path] },
};
const env = { GUNICORN_CMD_ARGS: '--threads 3 other:app' };

async function read(text: string) {
  writeFileSync(path, text);
  return readEverything(commandLine, env);
}

async function failure(text: string): Promise<WsgiTsError> {
  return read(text).then(
    () => assert.fail('nothing failed'),
    (error: unknown) => {
      assert.ok(error instanceof WsgiTsError);
      return error;
    },
  );
}

describe('readEverything', () => {
  it('runs the config file anew at each call, and outlives one that is broken', async () => {
    assert.equal((await read('workers = 2')).settings.workers, 2);
    const syntax = await failure('workers = (');
    assert.equal(syntax.code, 'ERR_WSGI_CONFIG_FILE');
    assert.match(syntax.traceback ?? '', /SyntaxError/);
    assert.equal((await failure('workers = "x"')).code, 'ERR_WSGI_SETTINGS');
    const { settings, sources } = await read('workers = 3\nthreads = 9');
    assert.deepEqual([settings.workers, settings.threads], [3, 3]);
    assert.equal(sources.workers, `config file ${path}`);
    assert.equal(sources.threads, 'GUNICORN_CMD_ARGS');
  });

  it('says what to run again, and the Python that runs it', async () => {
    const { configFile, settings } = await read('');
    const directory = process.cwd();
    assert.deepEqual(configFile, { kind: 'file', location: path, directory });
    assert.equal(settings.python, python);
  });

  it('gives what is to be told, to whoever calls', async () => {
    const { warnings, notes } = await read('worker = 4\nworkers = "auto"\nhttp_parser = "fast"');
    const heads = [
      'config.py sets a name',
      'GUNICORN_CMD_ARGS names the app other:app',
      'http_parser',
    ];
    assert.equal(warnings.length, heads.length);
    heads.forEach((head, index) => {
      assert.ok(warnings[index]?.includes(head), `${head} is not in ${warnings[index] ?? ''}`);
    });
    assert.match(notes.join(), /^Workers: \d+, since /);
  });

  it('reads nothing where the file is left out', async () => {
    writeFileSync(path, 'raise ValueError');
    const { settings, configFile } = await readEverything(commandLine, env, { withoutFile: true });
    assert.equal(settings.workers, 1);
    assert.equal(configFile, null);
  });

  for (const [text, exitCode, said] of [
    [`-w 2 'x`, 1, /^GUNICORN_CMD_ARGS: a quote is not closed/],
    ['--wokers 2', 2, /^GUNICORN_CMD_ARGS: unknown option '--wokers' \(Did you mean --workers\?\)/],
    ['--workers', 2, /^GUNICORN_CMD_ARGS: option '-w, --workers <INT>' argument missing/],
    ['--workers=x', 1, /^--workers: 'x' is not .* \(GUNICORN_CMD_ARGS\)$/],
  ] as const) {
    it(`names the variable whose arguments are wrong: ${text}`, async () => {
      const reading = readEverything(commandLine, { GUNICORN_CMD_ARGS: text });
      await assert.rejects(reading, { exitCode, message: said });
    });
  }
});
