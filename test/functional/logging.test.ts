// Where the lines of both logs go, and what an app's own logging makes of them: the handlers of `gunicorn.error`,
// `wsgi.errors`, JSON, --capture-output, and new files at SIGUSR1.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ask, fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const apps = inRepository('fixtures', 'apps');
const folder = mkdtempSync(join(tmpdir(), 'logging-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const prefix = String.raw`\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\]`;

/** Waits until a file says something: it tells nobody when it grows, so it is looked at again and again. */
async function fileSays(path: string, pattern: RegExp): Promise<string> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const text = readFileSync(path, { encoding: 'utf8', flag: 'a+' });
    if (pattern.test(text)) return text;
    assert.ok(performance.now() < deadline, `${path} never said ${String(pattern)}, but:\n${text}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("an app's records", () => {
  after(stopFixtures);

  test('have their own level and one time, whatever the level of the log is', async () => {
    const server = await fixture('logs');
    await ask('logs', '/levels');
    for (const level of ['debug', 'info', 'warning', 'error', 'critical']) {
      const line = new RegExp(`^${prefix} \\[${level.toUpperCase()}\\] a ${level} record$`, 'm');
      await server.waitForOutput(line, { stream: 'stderr' });
    }
    await server.waitForOutput(new RegExp(`^${prefix} \\[WARNING\\] logged at import$`, 'm'), {
      stream: 'stderr',
    });
  });

  test('pass below the level of the log, as those of gunicorn do', async () => {
    await using server = await startServer(
      [
        ...['--log-level', 'error', '--error-logfile', join(folder, 'level.log')],
        ...['--chdir', apps, '--bind', `unix:${join(folder, 'level')}`, 'logs:app'],
      ],
      { ready: 'spawned' },
    );
    await fileSays(join(folder, 'level.log'), /logged at import/);
    using client = await reach(join(folder, 'level'));
    await client.send(requestBytes('/levels'));
    await client.readResponse();
    const text = await fileSays(join(folder, 'level.log'), /\[CRITICAL\] a critical record/);
    assert.match(text, /\[DEBUG\] a debug record/);
    assert.doesNotMatch(text, /Booting worker/);
    assert.equal(await server.stop(), 0);
  });

  test('have their traceback below them', async () => {
    await ask('logs', '/exception');
    await (
      await fixture('logs')
    ).waitForOutput(
      /\[ERROR\] went wrong\nTraceback .*\n.*\n.*\n(?: *[\^~]+\n)?ValueError: caught\n/,
      { stream: 'stderr' },
    );
  });

  test('have no control characters', async () => {
    await ask('logs', '/hostile');
    await (
      await fixture('logs')
    ).waitForOutput(/\[INFO\] seen: \\x1b\[31mred\\x9b$/m, {
      stream: 'stderr',
    });
  });

  test('come from child processes too', async () => {
    await ask('logs', '/forked');
    await (
      await fixture('logs')
    ).waitForOutput(new RegExp(`^${prefix} \\[ERROR\\] from a child$`, 'm'), { stream: 'stderr' });
  });

  test('of Flask on wsgi.errors have the level that they say, and no second time', async () => {
    await ask('logs', '/flask');
    await (
      await fixture('logs')
    ).waitForOutput(
      new RegExp(
        `^${prefix} \\[INFO\\] GET /flask from 127.0.0.1: INFO in views: said by Flask$`,
        'm',
      ),
      { stream: 'stderr' },
    );
  });

  test("are whole lines where the app gives the handler a form of the app's own", async () => {
    await ask('logs', '/own-formatter');
    await (
      await fixture('logs')
    ).waitForOutput(/^OWN INFO in a form of its own$/m, {
      stream: 'stderr',
    });
  });
});

/** Connects to a server whose socket may not be there yet. */
async function reach(path: string): ReturnType<typeof connect> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      return await connect(path);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test('--log-format json writes an object a line into both logs', async () => {
  const server = await startServer(
    [
      ...['--log-format', 'json', '--access-logfile', '-', '--log-level', 'info'],
      ...['--chdir', apps, 'logs:app'],
    ],
    { ready: 'spawned' },
  );
  const listening = await server.waitForOutput(/Listening at: http:\/\/127\.0\.0\.1:(\d+)/, {
    stream: 'stderr',
  });
  using client = await connect(Number(listening[1]));
  const headers = [
    ['User-Agent', 'quote " escape \x9b'],
    ['Referer', Buffer.from('caf\u00e9').toString('latin1')],
  ] as const;
  await client.send(requestBytes('/raise?q=1', { headers }));
  await client.readResponse();
  client.close();
  assert.equal(await server.stop(), 0);
  const objects = (text: string): Record<string, unknown>[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d$/;
  const entries = objects(server.stderr());
  for (const entry of entries) {
    assert.deepEqual(Object.keys(entry), ['time', 'log', 'level', 'pid', 'message']);
    assert.match(String(entry['time']), time);
  }
  const failure = entries.find(({ message }) => String(message).includes('unhandled exception'));
  assert.equal(failure?.['level'], 'error');
  assert.match(String(failure['message']), /\nTraceback[^]*ValueError: uncaught$/);
  assert.equal(entries.find(({ message }) => message === 'logged at import')?.['level'], 'warning');
  const [access, ...more] = objects(server.stdout());
  assert.deepEqual(more, []);
  assert.match(String(access?.['time']), time);
  assert.match(String(access?.['started']), time);
  assert.equal(typeof access?.['duration'], 'number');
  assert.doesNotMatch(server.stdout(), /\x9b/);
  const varying = new Set(['time', 'started', 'duration', 'pid']);
  const facts = Object.fromEntries(
    Object.entries(access ?? {}).filter(([name]) => !varying.has(name)),
  );
  assert.deepEqual(facts, {
    log: 'access',
    remote_address: '127.0.0.1',
    user: null,
    method: 'GET',
    target: '/raise?q=1',
    protocol: 'HTTP/1.1',
    status: 500,
    bytes: facts['bytes'],
    outcome: 'app_error',
    host: 'fixture.example',
    referer: 'caf\u00e9',
    user_agent: 'quote " escape \x9b',
  });
});

test('--capture-output sends what the app prints to the error log, which SIGUSR1 renews', async () => {
  const [log, old, socket] = ['captured.log', 'captured.log.1', 'captured'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await using server = await startServer(
    [
      ...['--capture-output', '--error-logfile', log, '--log-level', 'debug'],
      ...['--chdir', apps, '--bind', `unix:${socket}`, 'logs:app'],
    ],
    { ready: 'spawned' },
  );
  await fileSays(log, /Worker ready/);
  using client = await reach(socket);
  await client.send(requestBytes('/print'));
  await client.readResponse();
  const all = /printed\n[^]*printed as an error\n[^]*by a child\n/;
  await fileSays(log, all);
  renameSync(log, old);
  server.signal('SIGUSR1');
  // The master says nothing when it is done, nor does a worker: what is printed then tells.
  const deadline = performance.now() + 30_000;
  while (!all.test(readFileSync(log, { encoding: 'utf8', flag: 'a+' }))) {
    assert.ok(performance.now() < deadline, 'nothing printed reached the new file');
    await client.send(requestBytes('/print'));
    await client.readResponse();
  }
  assert.equal(await server.stop(), 0);
  assert.equal(server.stdout() + server.stderr(), '');
});
