// The config files of fixtures/gunicorn-conf whose effect is on logs, hooks and the lives of workers: each does what its
// head says. The others are in config-file.test.ts.

import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { udpDaemon } from '../helpers/daemon.ts';
import { NamedRequests } from '../helpers/named-requests.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-conf-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const fixture = (name: string): string => inRepository('fixtures', 'gunicorn-conf', name);

suite('a config file as people write it', () => {
  test('hooks: gunicorn’s own example', async () => {
    const server = await startServer(['-w', '2'], { cwd: fixture('hooks') });
    const pids = server.workerPids();
    assert.equal(await server.stop(), 0);
    const log = server.stderr();
    assert.match(log, /Server is ready\. Spawning workers[^]*Booting worker/);
    for (const pid of pids) {
      assert.match(log, new RegExp(`\\[${pid}\\] \\[INFO\\] Worker spawned \\(pid: ${pid}\\)`));
      assert.match(log, new RegExp(`\\[${pid}\\] \\[INFO\\] worker exiting \\(pid: ${pid}\\)`));
      assert.match(log, new RegExp(`\\[${server.pid}\\] \\[INFO\\] Child gone \\(pid: ${pid}\\)`));
    }
    assert.match(log, /Shutting down for good\n$/);
    assert.doesNotMatch(log, /\[WARNING\]/);
  });

  test('json-logs: a formatter of one’s own in logconfig_dict', async () => {
    const cwd = fixture('json-logs');
    await using server = await startServer(['--log-level', 'info'], { cwd, ready: 'spawned' });
    const [, url = ''] = await server.waitForOutput(/"Listening at: (\S+) /, { stream: 'stderr' });
    await fetch(url);
    const [line = ''] = await server.waitForOutput(/^\{.*GET.*\}$/m, { stream: 'stdout' });
    const { level, logger, message } = JSON.parse(line) as Record<string, string>;
    assert.deepEqual([level, logger], ['INFO', 'gunicorn.access']);
    assert.match(message ?? '', /"GET \/ HTTP\/1\.1" 200 /);
    for (const text of server.stderr().trim().split('\n')) assert.ok(JSON.parse(text));
  });

  test('statsd: metrics with prefix and tags', async () => {
    await using statsd = await udpDaemon();
    const env = { SHOP_STATSD: `127.0.0.1:${statsd.port}` };
    await using server = await startServer([], { cwd: fixture('statsd'), env });
    await fetch(server.url);
    for (const metric of [
      /shop\.gunicorn\.requests:1\|c\|@1\.0\|#env:test,app:shop/,
      /shop\.gunicorn\.request\.status\.200:1\|c/,
      /shop\.gunicorn\.request\.duration:[\d.]+\|ms/,
      /shop\.gunicorn\.workers:1\|g/,
    ])
      await statsd.waitFor(metric);
  });

  test('prometheus: a worker that is gone takes its gauges along', async () => {
    const marked = join(folder, 'marked');
    const stand = join(folder, 'stand-in', 'prometheus_client');
    mkdirSync(stand, { recursive: true });
    writeFileSync(join(stand, '__init__.py'), '');
    writeFileSync(
      join(stand, 'multiprocess.py'),
      `def mark_process_dead(pid):\n    open(${JSON.stringify(marked)}, "a").write(f"{pid}\\n")\n`,
    );
    const env = { PROMETHEUS_MULTIPROC_DIR: folder, PYTHONPATH: join(folder, 'stand-in') };
    const server = await startServer(['-w', '2'], { cwd: fixture('prometheus'), env });
    const pids = server.workerPids();
    assert.equal(await server.stop(), 0);
    const dead = readFileSync(marked, 'latin1').trim().split('\n').map(Number);
    assert.deepEqual(dead.sort(), pids.sort());
  });

  test('recycling: workers go after their requests, and no request is lost', async () => {
    await using server = await startServer(['-w', '2'], { cwd: fixture('recycling') });
    const requests = new NamedRequests(server.port);
    const clients = Promise.all(Array.from({ length: 4 }, () => requests.run()));
    await server.waitForOutput(/Worker exiting/, { count: 4 });
    requests.stop();
    await clients;
    assert.deepEqual([requests.failed, requests.refused], [[], 0]);
  });

  test('unix-socket: everything below one folder, and the mode by umask', async () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    const options = { cwd: fixture('unix-socket'), env: { SHOP_RUN: run } } as const;
    const server = await startServer([], { ...options, bind: 'none', ready: 'spawned' });
    const log = join(run, 'error.log');
    const said = (): string => (existsSync(log) ? readFileSync(log, 'latin1') : '');
    while (!said().includes('Worker ready')) await turn();
    assert.match(said(), new RegExp(`Listening at: unix:${run}/shop.sock`));
    assert.equal(readFileSync(join(run, 'shop.pid'), 'latin1'), `${server.pid}\n`);
    assert.equal(statSync(join(run, 'shop.sock')).mode & 0o777, 0o770);
    assert.ok(existsSync(join(run, 'access.log')));
    assert.equal(await server.stop(), 0);
    assert.equal(existsSync(join(run, 'shop.sock')), false);
  });
});
