// How workers and masters come to be and pass away, where no load is needed to see it.

import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DaemonProcess } from '../helpers/daemon-process.ts';
import { inRepository } from '../helpers/repository.ts';
import {
  isAlive,
  startServer,
  startUnderShell,
  type ServerProcess,
} from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-lives-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const apps = ['--chdir', inRepository('fixtures', 'apps')];

/** GET of a path on a connection of its own: the status. */
async function statusOf(server: ServerProcess, path: string): Promise<number> {
  const response = await fetch(`${server.url}${path}`, { headers: { connection: 'close' } });
  await response.text();
  return response.status;
}

suite('a worker', () => {
  test('that takes too long to load the app leaves its stack in the log', async () => {
    writeFileSync(join(folder, 'slow_import.py'), 'import time\ntime.sleep(60)\n');
    const args = ['--boot-timeout', '1', '--chdir', folder, 'slow_import:app'];
    const server = await startServer(args, { ready: 'listening' });
    assert.equal(await server.waitForEnd(), 3);
    assert.match(server.stderr(), /did not load the app within 1 s/);
    assert.match(server.stderr(), /slow_import\.py", line 2/);
  });

  test('whose thread can’t be freed is replaced, the new one first', async () => {
    const args = ['--timeout', '1', '--threads', '2', ...apps, 'timed_views:app'];
    await using server = await startServer(args);
    const [old = 0] = server.workerPids();
    const stuck = await fetch(`${server.url}/8000`);
    assert.equal(stuck.status, 504);
    await server.waitForOutput(/Replacing worker \(pid:\d+\): 1 of its threads/);
    await server.waitForReadyWorkers(2);
    await server.waitForOutput(new RegExp(`Worker exiting \\(pid: ${old}\\)`));
    assert.equal(await statusOf(server, '/1'), 200);
  });

  test('that dies leaves a record of what it was at', async () => {
    await using server = await startServer(['--threads', '2', ...apps, 'timed_views:app']);
    const lost = fetch(`${server.url}/20000?name=<x>`).catch(() => 'lost');
    // One thread is taken by the first request, or the second one is behind it on the way.
    assert.equal(await statusOf(server, '/100'), 200);
    const [pid = 0] = server.workerPids();
    process.kill(pid, 'SIGKILL');
    assert.equal(await lost, 'lost');
    await server.waitForOutput(/was sent SIGKILL![^]*It was at: GET \/20000\?name=/);
  });
});

test('a worker that imports its app goes with a master that is killed, and the port is free', async () => {
  writeFileSync(join(folder, 'imports.py'), 'import time\nprint("importing")\ntime.sleep(60)\n');
  const args = ['--bind=127.0.0.1:0', '--chdir', folder, 'imports:app'];
  const server = startUnderShell(args);
  const [, port, master] = await server.waitForOutput(/Listening at: http:\S+:(\d+) \((\d+)\)/);
  await server.waitForOutput(/^importing/m);
  const [, worker] = await server.waitForOutput(/Booting worker with pid: (\d+)/);
  process.kill(Number(master), 'SIGKILL');
  while (isAlive(Number(worker)) || isAlive(Number(master))) await turn();
  // The last of their threads may hold the socket for a moment more.
  const answer = (): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/`).then(String, (error: unknown) =>
      String((error as Error).cause),
    );
  while (!/ECONNREFUSED/.test(await answer())) await turn();
  server.killGroup();
});

test('--daemon is upgraded by USR2, too', async () => {
  copyFileSync(inRepository('fixtures', 'apps', 'does_nothing.py'), join(folder, 'nothing.py'));
  const daemon = await DaemonProcess.start(folder, ['nothing:app']);
  process.kill(daemon.pid, 'SIGUSR2');
  const [, next] = await daemon.log.waitForOutput(/Listening at: \S+ \((\d+)\)/, { count: 2 });
  await daemon.log.waitForOutput(/Worker ready/, { count: 2 });
  process.kill(daemon.pid, 'SIGTERM');
  while (isAlive(daemon.pid)) await turn();
  const pidfile = join(folder, 'daemon.pid');
  while (!existsSync(pidfile) || readFileSync(pidfile, 'latin1') !== `${next}\n`) await turn();
  const answer = await fetch(`http://127.0.0.1:${daemon.port}/`);
  assert.equal(answer.status, 200);
  process.kill(Number(next), 'SIGTERM');
  while (isAlive(Number(next))) await turn();
});

suite('--preload', () => {
  test('ends the command before it listens where the app can’t be loaded', async () => {
    writeFileSync(join(folder, 'broken.py'), '1 / 0\n');
    const args = ['--preload', '--chdir', folder, 'broken:app'];
    const server = await startServer(args, { ready: 'spawned' });
    assert.equal(await server.waitForEnd(), 1);
    assert.match(server.stderr(), /--preload: the app can't be loaded\n[^]*ZeroDivisionError/);
    assert.doesNotMatch(server.stderr(), /Listening/);
  });

  test('says that the app can be loaded, and that memory is not shared', async () => {
    await using server = await startServer(['--preload', ...apps, 'does_nothing:app']);
    assert.match(server.stderr(), /Preload: the app can be loaded\. .*not shared[^]*Listening at/);
  });
});
