// How a script learns that the server is up: --ready-fd, --ready-file, and a message to whoever has forked it.

import assert from 'node:assert/strict';
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { DaemonProcess } from '../helpers/daemon-process.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer, startUnderShell, untilGone } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-readiness-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const cli = inRepository('dist', 'src', 'cli.js');
const app = ['--chdir', inRepository('fixtures', 'apps'), 'does_nothing:app'];
const bind = ['--bind', '127.0.0.1:0'];

/** The command with a pipe at each descriptor from 3 on. */
function withPipes(args: readonly string[], count = 1): ChildProcess {
  return spawn(process.execPath, [cli, ...args], {
    env: activatedEnvironment(),
    stdio: ['ignore', 'ignore', 'ignore', ...Array.from({ length: count }, () => 'pipe' as const)],
  });
}

/** Waits for a file; it is whole when it is there. */
async function untilThere(path: string): Promise<string> {
  const stop = new AbortController();
  const watcher = watch(folder, { signal: stop.signal });
  while (!existsSync(path)) await once(watcher, 'change');
  stop.abort();
  return readFileSync(path, 'utf8');
}

async function answers(url: string): Promise<void> {
  const response = await fetch(url, { headers: { connection: 'close' } });
  assert.equal(await response.text(), 'Hello, World!\n');
}

describe('--ready-fd', { concurrency: true }, () => {
  test('gets all addresses, with their real ports, and is closed, when a worker serves', async () => {
    const socket = join(folder, 'ready.sock');
    const server = withPipes([...bind, '-b', `unix:${socket}`, '--ready-fd', '4', ...app], 2);
    const said = await text(server.stdio[4] as Readable);
    const [, url = ''] =
      /^(http:\/\/127\.0\.0\.1:[1-9]\d*)\nunix:.*ready\.sock\n$/.exec(said) ?? [];
    await answers(url);
    server.kill();
    await once(server, 'exit');
  });

  test('may be a pipe that is open in other places, too', async () => {
    const args = [process.execPath, cli, ...bind, '--ready-fd=3', ...app];
    for (const redirections of [
      '3>&1 2>/dev/null | cat',
      '4<>fifo 3>fifo 2>/dev/null & cat fifo',
    ]) {
      const line = `rm -f fifo; mkfifo fifo; "$@" ${redirections}`;
      const shell = new SpawnedProcess('sh', ['-c', line, 'sh', ...args], {
        cwd: folder,
        env: activatedEnvironment(),
      });
      const [url = ''] = await shell.waitForOutput(/http:\S+(?=\n)/);
      await answers(url);
      shell.killGroup();
    }
  });

  test('is closed with nothing written where the server can not start', async () => {
    const server = withPipes([...bind, '--ready-fd=3', 'no_such_module:app']);
    assert.equal(await text(server.stdio[3] as Readable), '');
  });

  test('works with a daemon, too', async () => {
    const pid = join(folder, 'fd.pid');
    const command = withPipes(['-D', '-p', pid, ...bind, '--ready-fd=3', ...app]);
    const url = (await text(command.stdio[3] as Readable)).trim();
    await answers(url);
    const master = Number(readFileSync(pid, 'utf8'));
    process.kill(master, 'SIGTERM');
    await untilGone([master]);
  });

  test('that is not open, or is no place to write to, ends the command with 1', async () => {
    writeFileSync(join(folder, 'ready.txt'), '');
    const closed = 'was not opened for the command';
    for (const [redirection, why, ...more] of [
      ['', closed],
      ['', closed, '--daemon'],
      ['3<ready.txt', "can't be written to"],
      ['3>/dev/null', 'is none of a pipe, a socket, a file, a terminal'],
      ['3<.', 'is none of a pipe, a socket, a file, a terminal'],
    ] as const) {
      const args = [process.execPath, cli, ...bind, '--ready-fd=3', ...more, ...app];
      const shell = new SpawnedProcess(
        'sh',
        ['-c', `"$@" ${redirection}; echo "ended $?"`, 'sh', ...args],
        { cwd: folder, env: activatedEnvironment() },
      );
      await shell.waitForOutput(/ended 1/);
      assert.ok(shell.stderr().includes(`--ready-fd: descriptor 3 ${why}`), shell.stderr());
    }
    const standard = await runCli(['--ready-fd=1', ...app]);
    assert.equal(standard.end, 1);
    assert.match(standard.stderr, /--ready-fd: '1' is not a whole number from 3/);
  });
});

describe('--ready-file', { concurrency: true }, () => {
  test('appears whole when a worker serves, and goes with the server; an old one does not fool anybody', async () => {
    const file = join(folder, 'ready');
    writeFileSync(file, 'http://127.0.0.1:1\n');
    await using server = await startServer(['--ready-file', file, ...app], { ready: 'listening' });
    assert.ok(!existsSync(file) || readFileSync(file, 'utf8') === `${server.url}\n`);
    assert.equal(await untilThere(file), `${server.url}\n`);
    await answers(server.url);
    await server.stop();
    assert.ok(!existsSync(file));
  });

  test('tells of the addresses that a reload has brought', async () => {
    const [file, config] = [join(folder, 'moved'), join(folder, 'conf.py')];
    writeFileSync(config, 'bind = "127.0.0.1:0"\n');
    const args = ['-c', config, '--ready-file', file, ...app];
    await using server = await startServer(args, { bind: 'none' });
    const before = await untilThere(file);
    writeFileSync(config, `bind = ["127.0.0.1:0", "unix:${join(folder, 'moved.sock')}"]\n`);
    rmSync(file);
    server.signal('SIGHUP');
    assert.equal(await untilThere(file), `${before}unix:${join(folder, 'moved.sock')}\n`);
  });

  test('outlives the first master where a second one goes on', async () => {
    const file = join(folder, 'upgraded');
    const args = [...bind, '--log-level=debug', '--ready-fd=9', '--ready-file', file, ...app];
    const shell = startUnderShell(args, `9>${join(folder, 'upgraded.fd')}`);
    await shell.waitForOutput(/Worker ready/);
    const url = await untilThere(file);
    assert.equal(readFileSync(join(folder, 'upgraded.fd'), 'utf8'), url);
    const [, first] = /Listening at: \S+ \((\d+)\)/.exec(shell.output()) ?? [];
    rmSync(file);
    process.kill(Number(first), 'SIGUSR2');
    await shell.waitForOutput(/Worker ready/, { count: 2 });
    assert.equal(await untilThere(file), url);
    process.kill(Number(first), 'SIGTERM');
    await shell.waitForOutput(/Master has been promoted/);
    assert.equal(readFileSync(file, 'utf8'), url);
    await answers(url.trim());
    const [, second] = await shell.waitForOutput(/Listening at: \S+ \((\d+)\)/, { count: 2 });
    process.kill(Number(second), 'SIGTERM');
    await untilGone([Number(second)]);
    assert.ok(!existsSync(file));
    shell.killGroup();
  });

  test('works with a daemon, whose command ends when the file is there', async () => {
    const file = join(folder, 'daemon.ready');
    copyFileSync(
      inRepository('fixtures', 'apps', 'does_nothing.py'),
      join(folder, 'does_nothing.py'),
    );
    const args = ['--ready-file', file, 'does_nothing:app'];
    await using daemon = await DaemonProcess.start(folder, args);
    const url = readFileSync(file, 'utf8');
    await daemon.log.waitForOutput(/Worker ready/);
    assert.equal(url, `http://127.0.0.1:${daemon.port}\n`);
    await daemon.stop();
    assert.ok(!existsSync(file));
  });

  test('that can not be written ends the command with 1 before anything is started', async () => {
    const own = join(folder, 'own.py');
    writeFileSync(own, 'what is mine\n');
    for (const path of [join(folder, 'no', 'such', 'folder'), '/dev/null', folder, own]) {
      const { end, stderr } = await runCli([...bind, '--ready-file', path, ...app]);
      assert.equal(end, 1);
      assert.match(stderr, /--ready-file: can't write /);
      assert.doesNotMatch(stderr, /Listening/);
    }
    assert.equal(readFileSync(own, 'utf8'), 'what is mine\n');
  });
});

test('whoever has forked the command hears `ready`, and nothing else', async () => {
  // The hook runs in the master when the old worker has ended: then the reload is over, and would have been told.
  const config = join(folder, 'told.py');
  const hook = 'def child_exit(server, worker):\n    server.log.info("it was %d", worker.pid)\n';
  writeFileSync(config, hook);
  const child = fork(cli, ['-c', config, ...bind, ...app], {
    env: activatedEnvironment(),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  let log = '';
  const stderr = (child.stderr as Readable).setEncoding('utf8');
  stderr.on('data', (part: string) => (log += part));
  await once(child, 'message');
  child.kill('SIGHUP');
  while (!/it was \d+/.test(log)) await once(stderr, 'data');
  child.kill('SIGTERM');
  await once(child, 'close');
  assert.deepEqual(messages, ['ready']);
  assert.match(log, /Handling signal: term/);
});
