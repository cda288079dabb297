// The life of a real worker: what it logs, whom it leaves new connections to, how it stops and fails.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configure } from '../../src/master/configuration.ts';
import type { MasterMessage } from '../../src/messages.ts';
import { defaultSettings } from '../helpers/default-settings.ts';
import { openGate } from '../helpers/gate.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect, type RawResponse } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, runCli, startServer } from '../helpers/server-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const stamp = String.raw`\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]`;

/** One request on a connection of its own. */
async function get(port: number, path: string): Promise<RawResponse> {
  using client = await connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return await client.readResponse();
}

/** A worker of this process, which is its master: one listening socket and Node's channel. */
async function forkWorker(app: string) {
  const env = activatedEnvironment();
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  const child = fork(inRepository('dist', 'src', 'worker', 'worker.js'), [], {
    stdio: ['ignore', 'inherit', 'ignore', fd, 'ipc'],
    env,
  });
  listener.close();
  const folder = inRepository('fixtures', 'apps');
  const listeners = [{ fd: 3, url: `http://127.0.0.1:${port}` }];
  const settings = { ...defaultSettings(folder), app, keepAlive: 2 };
  const configuration = configure(settings, listeners, null, ['wsgi-ts', app], '', null);
  child.send({ type: 'configure', configuration } satisfies MasterMessage);
  assert.deepEqual(await once(child, 'message'), [{ type: 'ready' }, undefined]);
  after(() => child.kill('SIGKILL'));
  return { child, port, ended: once(child, 'exit') };
}

test('start and stop are logged in the form of gunicorn', async () => {
  const server = await startServer(['-w', '2', ...apps, 'timed_views:app']);
  const pids = server.workerPids();
  assert.equal(pids.length, 2);
  assert.equal(await server.stop(), 0);
  for (const pid of pids) {
    for (const text of [
      `Booting worker with pid: ${pid}`,
      String.raw`Worker exiting \(pid: ${pid}\)`,
    ]) {
      assert.match(server.stderr(), new RegExp(`^${stamp} \\[${pid}\\] \\[INFO\\] ${text}$`, 'm'));
    }
  }
});

test('a burst of 64 views of 0.1 s is shared by four workers', async () => {
  await using server = await startServer(['-w', '4', ...apps, 'timed_views:app']);
  const answers = await Promise.all(Array.from({ length: 64 }, () => get(server.port, '/100')));
  const shares = new Map<string, number>();
  for (const { text } of answers) shares.set(text, (shares.get(text) ?? 0) + 1);
  assert.equal(shares.size, 4);
  assert.ok(Math.max(...shares.values()) <= 32, [...shares.values()].join('/'));
});

test('while three of four workers are in a view, the fourth answers every new connection', async () => {
  await using server = await startServer(['-w', '4', ...apps, 'sleeping:app']);
  await using gate = await openGate();
  for (let i = 0; i < 3; i += 1) {
    const client = await connect(server.port);
    await client.send(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal(await gate.said(), 'asleep');
  }
  for (let i = 0; i < 200; i += 1) assert.equal((await get(server.port, '/')).text, 'awake\n');
});

test('a stop closes idle connections, and finishes what runs with Connection: close', async () => {
  await using server = await startServer([
    '-w',
    '1',
    '--threads',
    '2',
    '--keep-alive',
    '60',
    ...apps,
    'sleeping:app',
  ]);
  await using gate = await openGate();
  using idle = await connect(server.port);
  await idle.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal((await idle.readResponse()).header('connection'), 'keep-alive');
  using busy = await connect(server.port);
  await busy.send(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await gate.said();
  server.signal('SIGTERM');
  assert.equal((await idle.readUntilClosed()).length, 0);
  gate.letGo();
  const last = await busy.readResponse();
  assert.equal(last.text, 'slept\n');
  assert.equal(last.header('connection'), 'close');
  assert.equal(await server.waitForEnd(), 0);
});

test('what outlasts the graceful timeout is cut off and named, and the exit is clean', async () => {
  const server = await startServer(['--graceful-timeout', '1', ...apps, 'timed_views:app']);
  using client = await connect(server.port);
  await client.send('GET /60000 HTTP/1.1\r\nHost: x\r\n\r\n');
  server.signal('SIGTERM');
  assert.equal((await client.readUntilClosed()).length, 0);
  assert.equal(await server.waitForEnd(), 0);
  assert.match(
    server.stderr(),
    /\[WARNING\] Cut off by the stop: GET \/60000 from ip=127\.0\.0\.1\n/,
  );
});

for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
  test(`${signal} ends a worker at once, although its view never ends`, async () => {
    await using server = await startServer([...apps, 'timed_views:app']);
    const [pid = 0] = server.workerPids();
    using client = await connect(server.port);
    await client.send('GET /spin HTTP/1.1\r\nHost: x\r\n\r\n');
    process.kill(pid, signal);
    await server.waitForOutput(new RegExp(`Worker exiting \\(pid: ${pid}\\)`));
    assert.notEqual(await server.waitForReadyWorkers(2), pid);
    assert.doesNotMatch(server.stderr(), /exited with code|was sent/);
  });
}

test('a quick stop of an idle server is quiet', async () => {
  const server = await startServer(['-w', '2', ...apps, 'timed_views:app']);
  await get(server.port, '/0');
  assert.equal(await server.stop('SIGINT'), 0);
  assert.doesNotMatch(server.stderr(), /WARNING|ERROR|CRITICAL/);
});

test('SIGINT ends a worker that waits for a view whose client has left', async () => {
  const server = await startServer([...apps, 'sleeping:app']);
  await using gate = await openGate();
  const [pid = 0] = server.workerPids();
  const client = await connect(server.port);
  await client.send(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await gate.said();
  client.close();
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGINT');
  await server.waitForOutput(new RegExp(`Worker exiting \\(pid: ${pid}\\)`));
  assert.equal(await server.stop(), 0);
});

test('SIGTERM to a worker lets it finish and another one take its place', async () => {
  await using server = await startServer([...apps, 'sleeping:app']);
  await using gate = await openGate();
  const [pid = 0] = server.workerPids();
  using client = await connect(server.port);
  await client.send(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await gate.said();
  process.kill(pid, 'SIGTERM');
  gate.letGo();
  assert.equal((await client.readResponse()).text, 'slept\n');
  await server.waitForOutput(new RegExp(`Worker exiting \\(pid: ${pid}\\)`));
  await server.waitForReadyWorkers(2);
});

test('SIGHUP and SIGUSR2 to a worker change nothing', async () => {
  await using server = await startServer([...apps, 'timed_views:app']);
  const [pid = 0] = server.workerPids();
  process.kill(pid, 'SIGHUP');
  process.kill(pid, 'SIGUSR2');
  assert.equal((await get(server.port, '/0')).text, String(pid));
  assert.ok(isAlive(pid));
});

test('a worker whose master is gone finishes what runs and ends', async () => {
  await using gate = await openGate();
  const worker = await forkWorker('sleeping:app');
  using client = await connect(worker.port);
  await client.send(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await gate.said();
  worker.child.disconnect();
  gate.letGo();
  assert.equal((await client.readResponse()).text, 'slept\n');
  assert.deepEqual(await worker.ended, [0, null]);
});

test('a worker beats once a second with its counters', async () => {
  const worker = await forkWorker('timed_views:app');
  await get(worker.port, '/0');
  const [message] = (await once(worker.child, 'message')) as [unknown];
  const { memory, ...counters } = message as { memory: number };
  assert.deepEqual(counters, { type: 'heartbeat', requests: 1, active: 0 });
  assert.ok(memory > 10 * 2 ** 20);
  worker.child.send({ type: 'stop', graceful: true, sealed: [] });
  assert.deepEqual(await worker.ended, [0, null]);
});

test('an app that cannot be loaded ends the worker and the server with 3 or 4', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'wsgi-ts-boot-'));
  writeFileSync(
    join(directory, 'broken.py'),
    'def app(environ, start_response):\n    pass\n\n1 / 0\n',
  );
  writeFileSync(join(directory, 'fine.py'), 'app = None\n');
  const broken = await runCli(['--bind', '127.0.0.1:0', '--chdir', directory, 'broken:app']);
  assert.equal(broken.end, 3);
  assert.match(
    broken.stderr,
    /\[ERROR\] [^\n]+\n(?:[^[][^\n]*\n)*ZeroDivisionError: division by zero/,
  );
  assert.match(broken.stderr, /broken\.py", line 4/);
  const absent = await runCli(['--bind', '127.0.0.1:0', '--chdir', directory, 'fine:missing']);
  assert.equal(absent.end, 4);
  assert.match(absent.stderr, /\[ERROR\] [^\n]*missing/);
});

test('the access log has a line for each answer, and goes on in a new file after SIGUSR1', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'wsgi-ts-access-')), 'access.log');
  const format = '%(m)s %(U)s %(s)s %(b)s %({X-Q}i)s "%({content-type}o)s"';
  const logs = ['--access-logfile', file, '--access-logformat', format];
  const server = await startServer([...logs, ...apps, 'timed_views:app']);
  using client = await connect(server.port);
  await client.send('GET /1?x HTTP/1.1\r\nHost: x\r\nX-Q: a"\\b\r\nConnection: close\r\n\r\n');
  const { body } = await client.readResponse();
  await client.readUntilClosed();
  renameSync(file, `${file}.1`);
  server.signal('SIGUSR1');
  while (!existsSync(file)) await get(server.port, '/0');
  await get(server.port, '/2');
  assert.equal(await server.stop(), 0);
  const [first] = readFileSync(`${file}.1`, 'utf8').split('\n');
  assert.equal(first, `GET /1 200 ${body.length} a\\"\\\\b "text/plain"`);
  const last = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1);
  assert.equal(last, `GET /2 200 ${body.length} - "text/plain"`);
});

test('bytes that are no HTTP are answered by 400 and one line', async () => {
  await using server = await startServer([...apps, 'timed_views:app']);
  using client = await connect(server.port);
  await client.send('nonsense\x1b[2J\r\n\r\n');
  assert.equal((await client.readResponse()).status, 400);
  await server.waitForOutput(
    new RegExp(
      `^${stamp} \\[\\d+\\] \\[WARNING\\] Invalid request from ip=127\\.0\\.0\\.1: [ -~]+$`,
      'm',
    ),
  );
});
