// The server as its operator meets it: workers are stopped and killed under load, and the server is stopped.
// What one worker does by itself is in worker.test.ts, the master with stub workers in test/unit.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openGate } from '../helpers/gate.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import type { RawClient } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, startServer } from '../helpers/server-process.ts';
import type { ServerProcess } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-process-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** A module in a folder of its own; its name and where it is, as arguments. */
function appOf(name: string, source: string): string[] {
  writeFileSync(join(folder, `${name}.py`), source);
  return ['--chdir', folder, `${name}:app`];
}

async function send(client: RawClient, path: string): Promise<void> {
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
}

async function get(port: number, path: string): Promise<string> {
  using client = await connect(port);
  await send(client, path);
  return (await client.readResponse()).text;
}

/** A view that waits for the test. */
async function beginView(server: ServerProcess, query: string): Promise<RawClient> {
  const client = await connect(server.port);
  await send(client, `/sleep?${query}`);
  return client;
}

describe('the listening sockets are the master’s', () => {
  test('while all workers are stopped a connection is made, and answered when they go on', async () => {
    await using server = await startServer(['-w', '2', ...apps, 'does_nothing:app']);
    const workers = server.workerPids();
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    using client = await connect(server.port);
    await send(client, '/');
    for (const pid of workers) process.kill(pid, 'SIGCONT');
    assert.equal((await client.readResponse()).text, 'Hello, World!\n');
  });

  test('a worker killed under load is replaced, and no connection is refused', async () => {
    await using server = await startServer(['-w', '2', ...apps, 'views_gone_wrong:app']);
    const [victim = 0] = server.workerPids();
    const clients = 8;
    const errors: string[] = [];
    let over = false;
    const load = Array.from({ length: clients }, async () => {
      while (!over) {
        await get(server.port, '/').catch((error: unknown) => errors.push(String(error)));
      }
    });
    process.kill(victim, 'SIGKILL');
    await server.waitForOutput(/Booting worker/, { count: 3 });
    await server.waitForReadyWorkers(3);
    over = true;
    await Promise.all(load);
    assert.deepEqual(
      errors.filter((error) => error.includes('ECONNREFUSED')),
      [],
    );
    assert.ok(errors.length <= clients, errors.join('\n'));
    assert.match(server.stderr(), /Worker \(pid:\d+\) was sent SIGKILL! Perhaps out of memory\?/);
  });

  test('a connection outlives the death of all workers', async () => {
    await using server = await startServer(['-w', '2', ...apps, 'does_nothing:app']);
    const workers = server.workerPids();
    for (const pid of workers) process.kill(pid, 'SIGSTOP');
    using client = await connect(server.port);
    await send(client, '/');
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    assert.equal((await client.readResponse()).text, 'Hello, World!\n');
  });
});

describe('stopping', () => {
  test('TERM waits for a running request', async () => {
    const server = await startServer([...apps, 'sleeping:app']);
    await using gate = await openGate();
    using client = await beginView(server, gate.query);
    await gate.said();
    server.signal('SIGTERM');
    await server.waitForOutput(/Handling signal: term/);
    gate.letGo();
    assert.equal((await client.readResponse()).text, 'slept\n');
    assert.equal(await server.waitForEnd(), 0);
    assert.match(
      server.stderr(),
      /Worker exiting \(pid: \d+\)\n\[[^\n]*\] \[INFO\] Shutting down: Master\n.*Served 1 request, cut off 0, .*\n$/,
    );
  });

  test('INT does not, nor does INT during a stop by TERM', async () => {
    for (const signals of [['SIGINT'], ['SIGTERM', 'SIGINT']] as const) {
      const server = await startServer([...apps, 'sleeping:app']);
      await using gate = await openGate();
      using client = await beginView(server, gate.query);
      await gate.said();
      for (const signal of signals) {
        server.signal(signal);
        await server.waitForOutput(new RegExp(`Handling signal: ${signal.slice(3).toLowerCase()}`));
      }
      assert.equal(await server.waitForEnd(), 0);
      assert.equal((await client.readUntilClosed()).length, 0);
    }
  });

  test('does not wait for an import', async () => {
    await using gate = await openGate();
    const [, port = ''] = gate.query.split('=');
    const source = `from gate import Gate\nGate({"QUERY_STRING": "gate=${port}"}).ask("importing")\n`;
    const server = await startServer(
      ['--pythonpath', inRepository('fixtures', 'apps'), ...appOf('slow', source)],
      { ready: 'listening' },
    );
    await gate.said();
    assert.equal(await server.stop(), 0);
    assert.match(server.stderr(), /did not stop in time: killing it/);
  });

  test('is not held up by a process that the app has left behind', async () => {
    const source = 'import subprocess\nsubprocess.Popen(["sleep", "1000"])\napp = print\n';
    const server = await startServer(appOf('leaves_child', source));
    assert.equal(await server.stop(), 0);
  });

  for (const [signal, code] of [
    ['SIGTERM', 0],
    ['SIGINT', 0],
    ['SIGKILL', 137],
  ] as const) {
    test(`by ${signal} leaves no process behind`, async () => {
      const cli = inRepository('dist', 'src', 'cli.js');
      const args = [
        '--bind=127.0.0.1:0',
        '--workers=2',
        '--log-level=debug',
        ...apps,
        'sleeping:app',
      ];
      // What outlives the process that the helper started is killed with it: that must not be the master.
      const script = '"$@"; echo "ended: $?"; exec sleep 1000';
      const shell = new SpawnedProcess('sh', ['-c', script, 'sh', process.execPath, cli, ...args], {
        cwd: folder,
        env: activatedEnvironment(),
      });
      await shell.waitForOutput(/Worker ready/, { count: 2 });
      const [, master] = /Listening at: \S+ \((\d+)\)/.exec(shell.output()) ?? [];
      const booted = [...shell.output().matchAll(/Booting worker with pid: (\d+)/g)];
      const workers = booted.map(([, pid]) => Number(pid));
      process.kill(Number(master), signal);
      await shell.waitForOutput(new RegExp(`ended: ${code}`));
      // A master that was killed can't wait for its workers: they notice it by themselves.
      if (signal === 'SIGKILL') while (workers.some(isAlive)) await turn();
      assert.deepEqual(workers.filter(isAlive), []);
      assert.doesNotMatch(shell.output(), /CRITICAL/);
      shell.killGroup();
    });
  }
});
