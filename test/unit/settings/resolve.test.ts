// Which value wins, how each form is read, and what is said of wrong ones.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Settings } from '../../../src/settings/table.ts';
import { WsgiTsError } from '../../../src/errors.ts';
import type { GivenTexts } from '../../../src/settings/layers.ts';
import { type ResolvedSettings, resolveSettings } from '../../../src/settings/resolve.ts';
import { environmentVariables } from '../../../src/settings/value-types.ts';
import { world } from './world.ts';

function resolve(argv: GivenTexts, env: Record<string, string> = {}): ResolvedSettings {
  return resolveSettings({ argv, env, world: world() });
}

function refusal(argv: GivenTexts, env: Record<string, string> = {}): WsgiTsError {
  try {
    resolve(argv, env);
  } catch (error) {
    assert.ok(error instanceof WsgiTsError);
    return error;
  }
  assert.fail('nothing was refused');
}

describe('resolveSettings', () => {
  it('gives every setting its default when nothing is given', () => {
    const { settings, sources } = resolve({});
    const gunicorns = {
      app: null,
      bind: ['127.0.0.1:8000'],
      backlog: 2048,
      workers: 1,
      threads: 1,
      timeout: 30,
      gracefulTimeout: 30,
      keepAlive: 75,
      chdir: '/srv',
      pythonpath: [],
      env: [],
      python: null,
      pid: null,
      logLevel: 'info',
      errorLogFile: '-',
      accessLogFile: null,
      accessLogFormat: '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
      checkConfig: false,
      printConfig: false,
    } satisfies Partial<Settings>;
    assert.deepEqual({ ...settings, ...gunicorns }, settings);
    assert.deepEqual(new Set(Object.values(sources)), new Set(['default']));
  });

  it('lets PORT and WEB_CONCURRENCY take the place of defaults', () => {
    const { settings, sources } = resolve({}, { PORT: '5000', WEB_CONCURRENCY: ' 3 ' });
    assert.deepEqual(settings.bind, ['0.0.0.0:5000']);
    assert.equal(settings.workers, 3);
    assert.equal(sources.bind, 'environment PORT');
    assert.equal(sources.workers, 'environment WEB_CONCURRENCY');
    assert.equal(sources.threads, 'default');
  });

  it('takes an empty environment variable for none', () => {
    const { settings, sources } = resolve({}, { PORT: '', WEB_CONCURRENCY: ' ' });
    assert.deepEqual(settings.bind, ['127.0.0.1:8000']);
    assert.equal(sources.workers, 'default');
  });

  it('gives the command line the last word, even over a wrong variable', () => {
    const { settings, sources } = resolve(
      { workers: ['4'], bind: ['unix:a.sock', ' [::1]:80 '] },
      { PORT: 'http', WEB_CONCURRENCY: 'many' },
    );
    assert.equal(settings.workers, 4);
    assert.deepEqual(settings.bind, ['unix:a.sock', '[::1]:80']);
    assert.equal(sources.workers, 'command line');
    assert.equal(sources.bind, 'command line');
  });

  it('takes auto for workers from the machine, and says why', () => {
    const { settings, sources, notes } = resolve({ workers: ['Auto'] });
    assert.equal(settings.workers, 3);
    assert.deepEqual(notes, ['Workers: 3, since there are 3 cores']);
    assert.equal(sources.workers, 'command line (Workers: 3, since there are 3 cores)');
    assert.deepEqual(resolve({ workers: ['3'] }).notes, []);
  });

  it('says what another worker class comes to, and refuses those that are not for WSGI', () => {
    for (const name of ['sync', 'gthread', 'gunicorn.workers.gthread.ThreadWorker']) {
      assert.deepEqual(resolve({ workerClass: [name] }).warnings, []);
    }
    const [warning = '', ...more] = resolve({ workerClass: ['gevent'] }).warnings;
    assert.match(warning, /^worker_class 'gevent' .*--threads 16.* \(command line\)$/);
    assert.equal(more.length, 0);
    for (const name of ['uvicorn.workers.UvicornWorker', 'asgi', 'aiohttp.GunicornWebWorker']) {
      assert.match(refusal({ workerClass: [name] }).message, /is a worker class for apps that/);
    }
  });

  it('lets the last one count where a setting is given twice', () => {
    assert.equal(resolve({ workers: ['none', '2'] }).settings.workers, 2);
  });

  for (const [text, value] of [
    ['16', 16],
    ['0x10', 16],
    ['0X1f', 31],
    ['0o20', 16],
    ['0b101', 5],
    ['010', 10],
    [' 7 ', 7],
  ] as const) {
    it(`reads the number ${text} as ${value}`, () => {
      assert.equal(resolve({ threads: [text] }).settings.threads, value);
    });
  }

  for (const text of ['', 'x', '-1', '0', '1.5', '1e3', '0x', '0xg', '2147483648', 'Infinity']) {
    it(`refuses '${text}' as a number of workers`, () => {
      const { message, exitCode } = refusal({ workers: [text] });
      assert.equal(
        message,
        `--workers: '${text}' is not a whole number from 1 to 2147483647, nor auto (command line)`,
      );
      assert.equal(exitCode, 1);
    });
  }

  it('allows 0 for the time limits, but no more seconds than a timer can count', () => {
    const { settings } = resolve({ timeout: ['0'], gracefulTimeout: ['0'], keepAlive: ['0'] });
    assert.deepEqual([settings.timeout, settings.gracefulTimeout, settings.keepAlive], [0, 0, 0]);
    assert.match(refusal({ timeout: ['2147484'] }).message, /from 0 to 2147483 /);
  });

  it('makes chdir absolute, and refuses what is not a directory', () => {
    assert.equal(resolve({ chdir: ['site/'] }).settings.chdir, '/srv/site');
    assert.match(refusal({ chdir: ['nowhere'] }).message, /^--chdir: 'nowhere' is not a directory/);
  });

  it('reads pythonpath as a list with commas', () => {
    assert.deepEqual(resolve({ pythonpath: ['a, b,,c'] }).settings.pythonpath, ['a', 'b', 'c']);
  });

  it('keeps the pairs of env as they are, and refuses what is no pair', () => {
    const { env } = resolve({ env: ['A=1', 'B= x=y ', 'C=', 'A=2'] }).settings;
    assert.deepEqual(environmentVariables(env), { A: '2', B: ' x=y ', C: '' });
    assert.match(refusal({ env: ['A'] }).message, /^--env: 'A' is not of the form KEY=VALUE/);
    assert.match(refusal({ env: ['=A'] }).message, /^--env: '=A' is not/);
  });

  it('knows log levels in any case, and names them all where one is wrong', () => {
    assert.equal(resolve({ logLevel: ['WARNING'] }).settings.logLevel, 'warning');
    assert.match(
      refusal({ logLevel: ['loud'] }).message,
      /'loud' is not one of debug, info, warning, error, critical \(command line\)/,
    );
  });

  it("takes gunicorn's older words for a choice, but doesn't name them", () => {
    for (const [text, value] of [
      ['True', 'auto'],
      ['false', 'off'],
      ['V1', 'v1'],
    ] as const) {
      assert.equal(resolve({ proxyProtocol: [text] }).settings.proxyProtocol, value);
    }
    assert.match(refusal({ proxyProtocol: ['constructor'] }).message, /one of off, v1, v2, auto /);
  });

  it('takes some of a few words', () => {
    const { settings } = resolve({ forwardedFields: [' For, proto'] });
    assert.deepEqual(settings.forwardedFields, ['for', 'proto']);
    const wrong = refusal({ forwardedFields: ['for,by'] });
    assert.match(wrong.message, /^--forwarded-fields: 'by' is not one of for, proto, host, port/);
    assert.match(refusal({ forwardedFields: [','] }).message, /is not a list of for, proto/);
  });

  it('takes an empty text for none where a setting may be missing', () => {
    const { settings } = resolve({ pid: [''], accessLogFile: [' '], app: [''], python: [''] });
    assert.equal(settings.pid, null);
    assert.equal(settings.accessLogFile, null);
    assert.equal(settings.app, null);
    assert.match(refusal({ errorLogFile: [''] }).message, /--error-logfile: '' is not a path/);
  });

  it('reports all that is wrong at once, each value with where it came from', () => {
    const { code, message, remedy } = refusal(
      {
        bind: ['localhost:99999', 'localhost', '[::1'],
        logLevel: ['loud'],
        accessLogFormat: ['%(zz)s'],
      },
      { WEB_CONCURRENCY: '0' },
    );
    assert.equal(code, 'ERR_WSGI_SETTINGS');
    assert.deepEqual(
      message.split('\n').map((line) => line.replace(/ is not .*(?= \()/, ' …')),
      [
        '5 values are wrong:',
        "  --bind: 'localhost:99999' … (command line)",
        "  --bind: '[::1' … (command line)",
        "  --workers: '0' … (environment WEB_CONCURRENCY)",
        "  --log-level: 'loud' … (command line)",
        '  --access-logformat: %(zz)s … (command line)',
      ],
    );
    assert.equal(remedy, 'Atoms are listed somewhere.\nwsgi-ts --help shows every setting.');
  });

  it('does not hide a fault of its own behind a wrong value', () => {
    const broken = { ...world(), isDirectory: () => assert.fail('broken') };
    assert.throws(() => resolveSettings({ argv: {}, env: {}, world: broken }), /broken/);
  });
});
