// What the machine doesn't give any more: descriptors, folders of logs and of the pid file, a reader of the output.
// The service goes on, or ends, as it should, and says why.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect, type RawClient } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, startServer, startUnderShell } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-shortages-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const apps = ['--chdir', inRepository('fixtures', 'apps'), 'does_nothing:app'];

/** GET of a path on a connection of its own: the status. */
async function statusOf(port: number, path = '/'): Promise<number> {
  using client = await connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return (await client.readResponse()).status;
}

suite('a master that has no descriptors left', () => {
  /** Says how many descriptors a process may have, counted from the lowest that it hasn't. */
  function limitDescriptors(pid: number, spare: number | 'unlimited'): void {
    const taken = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let limit = 0;
    for (let left = spare === 'unlimited' ? 0 : spare + 1; left > 0; limit++)
      if (!taken.has(limit)) left--;
    const soft = spare === 'unlimited' ? 1024 : limit - 1;
    const { status, stderr } = spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${soft}:`]);
    assert.equal(status, 0, stderr.toString());
  }

  /** How many files and pipes a process has open. (Of a spawn that fails Node itself may keep a socket.) */
  function ours(pid: number): number {
    const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    return targets.filter((target) => /^pipe:|memfd/.test(target)).length;
  }

  /** '': closed meanwhile. */
  function linkOf(path: string): string {
    try {
      return readlinkSync(path);
    } catch {
      return '';
    }
  }

  test('lives, says why no worker starts, and starts them when it has some again', async () => {
    await using server = await startServer(apps);
    const failures = (): number =>
      server.stderr().split('A worker could not be started').length - 1;
    // Wherever in the start of a worker it runs out of them.
    const most = 7;
    const held = ours(server.pid);
    for (let spare = 0; spare <= most; spare++) {
      limitDescriptors(server.pid, spare);
      const count = failures() + 1;
      server.signal('SIGTTIN');
      await server.waitForOutput(/A worker could not be started: .*(?:EMFILE|Too many open)/, {
        count,
      });
      assert.equal(await statusOf(server.port), 200);
    }
    await server.waitForOutput(/A worker died before it was ready.*: next try in \d+ s\./);
    // Signals of one kind that come together are one.
    for (let count = 1; count <= most; count++) {
      server.signal('SIGTTOU');
      await server.waitForOutput(/Handling signal: ttou/, { count });
    }
    limitDescriptors(server.pid, 'unlimited');
    await server.waitForReadyWorkers(2);
    assert.equal(await statusOf(server.port), 200);
    server.signal('SIGTTOU');
    await server.waitForOutput(/Worker exiting/);
    while (ours(server.pid) > held) await turn();
  });
});

suite('a pid file', () => {
  test('that a promoted master can’t take over costs a line, and no request', async () => {
    const home = join(folder, 'run');
    mkdirSync(home);
    const args = ['--bind=127.0.0.1:0', '--log-level=debug', '--pid', join(home, 'server.pid')];
    const server = startUnderShell([...args, ...apps]);
    const [, port, first] = await server.waitForOutput(/Listening at: http:\S+:(\d+) \((\d+)\)/);
    await server.waitForOutput(/Worker ready/);
    process.kill(Number(first), 'SIGUSR2');
    const [, next] = await server.waitForOutput(/Listening at: \S+ \((\d+)\)/, { count: 2 });
    await server.waitForOutput(/Worker ready/, { count: 2 });
    rmSync(home, { recursive: true });
    process.kill(Number(first), 'SIGTERM');
    await server.waitForOutput(/Master has been promoted\./);
    await server.waitForOutput(/The pid file could not be taken over: .*can't write/);
    assert.equal(await statusOf(Number(port)), 200);
    process.kill(Number(next), 'SIGTERM');
    while (isAlive(Number(next))) await turn();
    assert.match(server.output(), /Served 1 request, cut off 0/);
    server.killGroup();
  });

  test('takes the place of a link that somebody has put there, and nothing is written through it', async () => {
    const home = join(folder, 'everybody');
    mkdirSync(home);
    chmodSync(home, 0o1777);
    const precious = join(folder, 'precious');
    writeFileSync(precious, 'precious\n');
    const pidfile = join(home, 'server.pid');
    symlinkSync(precious, pidfile);
    await using server = await startServer(['--pid', pidfile, ...apps]);
    assert.equal(readFileSync(pidfile, 'utf8'), `${server.pid}\n`);
    assert.equal(lstatSync(pidfile).isFile(), true);
    assert.deepEqual(readdirSync(home), ['server.pid']);
    await server.stop();
    assert.equal(readFileSync(precious, 'utf8'), 'precious\n');
    assert.equal(existsSync(pidfile), false);
  });
});

suite('output that nobody reads', () => {
  for (const lines of ['the access log', 'the app'] as const) {
    test(`holds up no stop (${lines} has filled the pipe)`, async () => {
      const name = lines === 'the app' ? 'floods' : 'quiet';
      const answers = 'start_response("200 OK", [("Content-Length", "0")])\n    return []\n';
      const prints =
        'start_response("200 OK", [])\n    yield b"begun"\n    while True:\n        print("x" * 4000, flush=True)\n';
      writeFileSync(
        join(folder, `${name}.py`),
        `def app(environ, start_response):\n    ${lines === 'the app' ? prints : answers}`,
      );
      const pidfile = join(folder, `${name}.pid`);
      const socket = join(folder, `${name}.sock`);
      const cli = inRepository('dist', 'src', 'cli.js');
      const limits = ['--threads=4', `--graceful-timeout=${lines === 'the app' ? 1 : 30}`];
      const access = lines === 'the app' ? [] : ['--access-logfile=-'];
      const args = ['--pid', pidfile, '--bind', `unix:${socket}`, ...limits, ...access];
      // sleep(1) has the pipe's other end, and reads nothing.
      const script = 'exec 4>&1; { "$@" 2>&1 4>&-; echo "ended: $?" >&4; } | sleep 1000';
      const command = [process.execPath, cli, ...args, '--chdir', folder, `${name}:app`];
      const shell = new SpawnedProcess('sh', ['-c', script, 'sh', ...command], {
        cwd: folder,
        env: activatedEnvironment(),
      });
      while (!existsSync(socket)) await turn();
      const long = 'x'.repeat(4000);
      const clients: RawClient[] = [];
      for (let count = lines === 'the app' ? 2 : 120; count > 0; count--) {
        const client = await connect(socket);
        await client.send(`GET /${long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        // The app that prints hangs soon, as it would at a terminal that is held.
        if (lines === 'the app') await client.readUntil('begun');
        else assert.equal((await client.readResponse()).status, 200);
        clients.push(client);
      }
      const master = Number(readFileSync(pidfile, 'utf8'));
      process.kill(master, 'SIGTERM');
      await shell.waitForOutput(/ended: 0/, { patience: 20_000 });
      for (const client of clients) client.socket.destroy();
      assert.equal(existsSync(pidfile), false);
      assert.equal(existsSync(socket), false);
      shell.killGroup();
    });
  }
});

suite('a folder of logs that is gone', () => {
  test('when logs are to be opened anew, or a worker starts, costs lines on standard error, and nothing else', async () => {
    const home = join(folder, 'logs');
    mkdirSync(home);
    const log = join(home, 'error.log');
    const files = ['--error-logfile', log, '--access-logfile', join(home, 'access.log')];
    const bind = join(folder, 'logged.sock');
    await using server = await startServer(['--bind', `unix:${bind}`, ...files, ...apps], {
      ready: 'spawned',
    });
    const answer = async (): Promise<number> => {
      using client = await connect(bind);
      await client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      return (await client.readResponse()).status;
    };
    while (!existsSync(log) || !readFileSync(log, 'utf8').includes('Worker ready')) await turn();
    const [, worker] = /Booting worker with pid: (\d+)/.exec(readFileSync(log, 'utf8')) ?? [];
    assert.equal(await answer(), 200);
    rmSync(home, { recursive: true });

    server.signal('SIGUSR1');
    const opening = /can't open \S+error\.log/;
    await server.waitForOutput(opening, { count: 2, stream: 'stderr' });
    assert.equal(await answer(), 200);

    process.kill(Number(worker), 'SIGKILL');
    const [, next] = await server.waitForOutput(/Booting worker with pid: (\d+)/);
    await server.waitForOutput(opening, { count: 3, stream: 'stderr' });
    assert.equal(await answer(), 200);

    // What the next rotation finds is used again.
    mkdirSync(home);
    server.signal('SIGUSR1');
    while (!existsSync(log)) await turn();
    process.kill(Number(next), 'SIGKILL');
    while (!readFileSync(log, 'utf8').includes('Worker ready')) await turn();
    assert.equal(await answer(), 200);
  });
});
