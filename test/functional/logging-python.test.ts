// Lines of both logs that go to Python's logging: syslog, and the handlers and formatters of a log config. With real
// daemons on sockets of every kind, and files.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { tcpDaemon, udpDaemon, unixDaemon } from '../helpers/daemon.ts';
import { requestBytes } from '../helpers/fixture-server.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer } from '../helpers/server-process.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const folder = mkdtempSync(join(tmpdir(), 'logging-python-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Sends one request and reads its answer. */
async function visit(server: ServerProcess, target: string): Promise<void> {
  using client = await connect(server.port);
  await client.send(requestBytes(target, { headers: [['X-Tag', 'seen']] }));
  await client.readResponse();
}

/** Waits until a file says something: it tells nobody when it grows. */
async function fileSays(path: string, pattern: RegExp): Promise<string> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const text = readFileSync(path, { encoding: 'utf8', flag: 'a+' });
    if (pattern.test(text)) return text;
    assert.ok(performance.now() < deadline, `${path} never said ${String(pattern)}, but:\n${text}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('--log-syslog', () => {
  test('sends both logs of all processes to a UDP port, and the files stay', async () => {
    await using syslog = await udpDaemon();
    const server = await startServer([
      ...['--log-syslog', '--log-syslog-to', `udp://127.0.0.1:${String(syslog.port)}`],
      ...['--access-logfile', '-', ...apps, 'logs:app'],
    ]);
    await visit(server, '/raise');
    assert.equal(await server.stop(), 0);
    // <facility * 8 + severity>: user is 1; info 6, warning 4, error 3, debug 7.
    await syslog.waitFor(/^<14>gunicorn\.logs\.app\.error: \[\d+\] Starting wsgi-ts /);
    await syslog.waitFor(/^<14>gunicorn\.logs\.app\.error: \[\d+\] Booting worker with pid: \d+$/);
    await syslog.waitFor(/^<12>gunicorn\.logs\.app\.error: \[\d+\] logged at import$/);
    await syslog.waitFor(/^<15>gunicorn\.logs\.app\.error: \[\d+\] Worker ready/);
    await syslog.waitFor(
      /^<11>gunicorn\.logs\.app\.error: \[\d+\] GET \/raise from [^]*ValueError: uncaught$/,
    );
    await syslog.waitFor(
      /^<14>gunicorn\.logs\.app\.access: \[\d+\] 127\.0\.0\.1 - - \[.*\] "GET \/raise HTTP\/1\.1" 500 \d+ "-" "-"$/,
    );
    await syslog.waitFor(/Worker exiting/);
    await syslog.waitFor(/Shutting down: Master/);
    const imported = syslog.received.filter((line) => line.includes('logged at import'));
    assert.equal(imported.length, 1);
    assert.match(server.stderr(), /\[INFO\] Starting wsgi-ts /);
    assert.match(server.stderr(), /\[WARNING\] logged at import\n/);
    assert.match(server.stderr(), /\[INFO\] Shutting down: Master\n/);
    assert.match(server.stdout(), /"GET \/raise HTTP\/1\.1" 500/);
  });

  test('takes prefix, facility and a TCP port, and leaves the access log out on demand', async () => {
    await using syslog = await tcpDaemon();
    const server = await startServer([
      ...['--log-syslog', '--log-syslog-to', `tcp://localhost:${String(syslog.port)}`],
      ...['--log-syslog-prefix', '100%', '--log-syslog-facility', 'local3'],
      ...['--disable-redirect-access-to-syslog', ...apps, 'logs:app'],
    ]);
    await visit(server, '/exception');
    await server.stop();
    // A line each: what has several is one all the same.
    await syslog.waitFor(
      /^<155>gunicorn\.100%\.error: \[\d+\] went wrong\\nTraceback .*ValueError/,
    );
    await syslog.waitFor(/^<158>gunicorn\.100%\.error: \[\d+\] Shutting down: Master$/);
    assert.deepEqual(
      syslog.received.filter((line) => line.includes('.access')),
      [],
    );
  });

  test('takes a unix socket, and outlives its daemon', async () => {
    const path = join(folder, 'syslog');
    const first = await unixDaemon(path);
    const server = await startServer([
      ...['--log-syslog', '--log-syslog-to', `unix://${path}#dgram`, ...apps, 'logs:app'],
    ]);
    await first.waitFor(/Worker ready/);
    await first.close();
    await visit(server, '/levels');
    await server.waitForOutput(
      /\[WARNING\] syslog at unix:\/\/.* can't be reached, lines are lost/,
      {
        stream: 'stderr',
      },
    );
    rmSync(path);
    await using second = await unixDaemon(path);
    for (const deadline = performance.now() + 30_000; second.received.length === 0;) {
      assert.ok(performance.now() < deadline, 'the new daemon got nothing');
      await visit(server, '/levels');
    }
    await server.waitForOutput(/is reached again; lines that were lost: \d+/, { stream: 'stderr' });
    assert.equal(await server.stop(), 0);
    await second.waitFor(/Shutting down: Master/);
  });

  test('ends the start where nothing is there', async () => {
    const { end, stderr } = await runCli([
      ...['--bind', '127.0.0.1:0', '--log-syslog', '--log-syslog-to', `unix://${folder}/none`],
      ...[...apps, 'logs:app'],
    ]);
    assert.equal(end, 1);
    assert.match(stderr, /--log-syslog-to: syslog can't be reached at unix:\/\/.*\/none: /);
  });
});

/** What the handlers of a config have written: objects, by the names of their loggers. */
function objectsIn(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log config', () => {
  const config = (file: string): object => ({
    version: 1,
    loggers: {
      'gunicorn.error': { level: 'INFO', handlers: ['file'], propagate: false },
      'gunicorn.access': { level: 'INFO', handlers: ['file'], propagate: false },
    },
    root: { level: 'WARNING', handlers: ['file'] },
    handlers: {
      file: { class: 'logging.FileHandler', filename: file, formatter: 'json' },
    },
    formatters: { json: { '()': 'log_formatters.JsonFormatter' } },
  });

  test("in JSON has its handlers and formatters write both logs, in place of the server's own", async () => {
    const [json, log] = [join(folder, 'config.json'), join(folder, 'json.log')];
    writeFileSync(json, JSON.stringify(config(log)));
    const server = await startServer(
      ['--log-config-json', json, '--bind', '127.0.0.1:0', ...apps, 'logs:app'],
      { ready: 'spawned' },
    );
    const [, port] = await listening(log);
    using client = await connect(Number(port));
    await client.send(requestBytes('/levels?x="', { headers: [['X-Tag', 'seen']] }));
    await client.readResponse();
    client.close();
    assert.equal(await server.stop(), 0);
    const objects = objectsIn(readFileSync(log, 'utf8'));
    const messages = objects.map(({ name, level, message }) => [name, level, message].join(' '));
    for (const expected of [
      /^gunicorn\.error INFO Starting wsgi-ts /,
      /^gunicorn\.error INFO Booting worker/,
      /^gunicorn\.error WARNING logged at import|^logs\.app WARNING logged at import/,
      /^logs\.app DEBUG a debug record/,
      /^gunicorn\.access INFO 127\.0\.0\.1 - - \[.*\] "GET \/levels\?x=\\" HTTP\/1\.1" 200 5 "-" "-"$/,
      /^gunicorn\.error INFO Worker exiting/,
      /^gunicorn\.error INFO Shutting down: Master$/,
    ]) {
      assert.ok(
        messages.some((message) => expected.test(message)),
        `${String(expected)} in\n${messages.join('\n')}`,
      );
    }
    const access = objects.find(({ name }) => name === 'gunicorn.access');
    assert.deepEqual(access?.['atoms'], {
      ...{ h: '127.0.0.1', m: 'GET', U: '/levels', q: 'x=\\"', s: '200', B: 5, a: '-' },
      ...{ '{X-Tag}i': 'seen', '{x-app}o': 'logs', '{HTTP_X_TAG}e': 'seen', '{nothing}i': '-' },
    });
    assert.equal(server.stderr(), '');
    assert.doesNotMatch(messages.join('\n'), /DEBUG Worker ready/);
  });

  test('has its level count, in place of --log-level', async () => {
    const [json, log] = [join(folder, 'level.json'), join(folder, 'level.log')];
    const base = config(log) as { loggers: Record<string, { level: string }> };
    base.loggers['gunicorn.error'] = { ...base.loggers['gunicorn.error'], level: 'DEBUG' };
    writeFileSync(json, JSON.stringify(base));
    await using server = await startServer(
      ['--log-config-json', json, '--log-level', 'error', ...apps, 'logs:app'],
      { ready: 'spawned' },
    );
    await fileSays(log, /"DEBUG".*Worker ready/);
    assert.equal(await server.stop(), 0);
  });

  test('as an ini file knows where it is, and its files are opened anew at SIGUSR1', async () => {
    const ini = join(folder, 'log.ini');
    writeFileSync(
      ini,
      [
        '[loggers]\nkeys=root,gunicorn.error,gunicorn.access',
        '[handlers]\nkeys=file',
        '[formatters]\nkeys=plain',
        '[logger_root]\nlevel=WARNING\nhandlers=',
        '[logger_gunicorn.error]\nlevel=DEBUG\nhandlers=file\npropagate=0\nqualname=gunicorn.error',
        '[logger_gunicorn.access]\nlevel=INFO\nhandlers=file\npropagate=0\nqualname=gunicorn.access',
        "[handler_file]\nclass=FileHandler\nformatter=plain\nargs=('%(here)s/ini.log',)",
        '[formatter_plain]\nformat=%(name)s %(levelname)s %(process)d %(message)s',
      ].join('\n'),
    );
    const log = join(folder, 'ini.log');
    await using server = await startServer(
      ['--log-config', ini, '--bind', '127.0.0.1:0', ...apps, 'logs:app'],
      { ready: 'spawned' },
    );
    const [, port] = await listening(log);
    await fileSays(log, /^gunicorn\.error DEBUG \d+ Worker ready/m);
    renameSync(log, `${log}.1`);
    server.signal('SIGUSR1');
    for (const deadline = performance.now() + 30_000; ;) {
      using client = await connect(Number(port));
      await client.send(requestBytes('/'));
      await client.readResponse();
      const text = readFileSync(log, { encoding: 'utf8', flag: 'a+' });
      if (/^gunicorn\.access INFO \d+ 127\.0\.0\.1/m.test(text)) break;
      assert.ok(performance.now() < deadline, 'nothing reached the new file');
    }
    assert.equal(await server.stop(), 0);
    await fileSays(log, /Shutting down: Master/);
  });

  for (const [what, text, message] of [
    ['is no JSON', '{', /--log-config-json could not be used: .*JSONDecodeError/],
    [
      'names what is not there',
      '{"version": 1, "formatters": {"x": {"()": "no_such.Formatter"}}}',
      /could not be used: Unable to configure formatter 'x': .*No module named 'no_such'/,
    ],
  ] as const) {
    test(`that ${what} ends the start, with the reason`, async () => {
      const json = join(folder, 'bad.json');
      writeFileSync(json, text);
      const { end, stderr } = await runCli([
        ...['--bind', '127.0.0.1:0', '--log-config-json', json, ...apps, 'logs:app'],
      ]);
      assert.equal(end, 1);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /Traceback/);
    });
  }

  test('that does not exist ends the start', async () => {
    const { end, stderr } = await runCli([
      ...['--bind', '127.0.0.1:0', '--log-config', `${folder}/none.ini`, ...apps, 'logs:app'],
    ]);
    assert.equal(end, 1);
    assert.match(stderr, /--log-config: there is no file .*none\.ini/);
  });
});

/** Waits for the address that the log tells. */
async function listening(log: string): Promise<RegExpExecArray> {
  const pattern = /Listening at: http:\/\/127\.0\.0\.1:(\d+)/;
  const found = pattern.exec(await fileSays(log, pattern));
  assert.ok(found);
  return found;
}
