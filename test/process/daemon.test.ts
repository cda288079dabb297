// --daemon: what the person who typed the command hears, what the daemon is then, and WINCH, which is for daemons.

import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DaemonProcess } from '../helpers/daemon-process.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-daemon-'));
before(() => {
  for (const app of ['process_facts', 'does_nothing'])
    copyFileSync(inRepository('fixtures', 'apps', `${app}.py`), join(folder, `${app}.py`));
});
after(() => {
  rmSync(folder, { recursive: true });
});

interface Facts {
  readonly argv: string[];
  readonly umask: number;
  readonly environment: Record<string, string>;
}

async function get(port: number): Promise<string> {
  using client = await connect(port);
  await client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  return (await client.readResponse()).text;
}

/** The fields of proc(5)'s stat behind the command's name: state, ppid, pgrp, session, tty. */
function stat(pid: number): string[] {
  return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
}

describe('a daemon', () => {
  test('serves when its command has ended, in a session of its own, with nothing of the terminal', async () => {
    await using daemon = await DaemonProcess.start(folder, ['process_facts:app']);
    assert.deepEqual(daemon.started, { end: 0, stdout: '', stderr: '' });
    await daemon.log.waitForOutput(/Worker ready/);
    const [, parent, , session, terminal] = stat(daemon.pid);
    assert.notEqual(Number(parent), process.pid);
    assert.deepEqual([session, terminal], [String(daemon.pid), '0']);
    for (const fd of [0, 1, 2])
      assert.equal(readlinkSync(`/proc/${daemon.pid}/fd/${fd}`), '/dev/null');
    assert.equal(readlinkSync(`/proc/${daemon.pid}/cwd`), folder);
    const facts = JSON.parse(await get(daemon.port)) as Facts;
    assert.equal(facts.umask, 0o022);
    assert.equal(facts.argv.at(-1), 'process_facts:app');
    assert.deepEqual(
      Object.keys(facts.environment).filter((name) => /^WSGI_TS|^NODE_CHANNEL/.test(name)),
      [],
    );
    await daemon.stop();
    assert.ok(!existsSync(join(folder, 'daemon.pid')));
    assert.match(daemon.log.output(), /Shutting down: Master\n.*Served .*\n$/);
  });

  test('keeps its output with -R, as far as it is no terminal', async () => {
    const cli = [process.execPath, inRepository('dist', 'src', 'cli.js')].join(' ');
    const shell = new SpawnedProcess(
      'sh',
      [
        '-c',
        `${cli} -D -R -b 127.0.0.1:0 -p kept.pid does_nothing:app >kept.log 2>&1; echo "code $?"`,
      ],
      { cwd: folder, env: activatedEnvironment() },
    );
    await shell.waitForOutput(/code 0/);
    const pid = Number(readFileSync(join(folder, 'kept.pid'), 'utf8'));
    const tail = ['-n', '+1', '-f', '-s', '0.1', `--pid=${pid}`, join(folder, 'kept.log')];
    const log = new SpawnedProcess('tail', tail, { cwd: folder, env: activatedEnvironment() });
    process.kill(pid, 'SIGTERM');
    await log.waitForEnd();
    assert.match(log.output(), /Listening at[^]*Shutting down: Master\n.*Served .*\n$/);
  });

  test('ends its workers at WINCH, starts none, and has them again after HUP or TTIN', async () => {
    await using daemon = await DaemonProcess.start(folder, ['-w', '2', 'does_nothing:app']);
    await daemon.log.waitForOutput(/Worker ready/, { count: 2 });
    process.kill(daemon.pid, 'SIGWINCH');
    await daemon.log.waitForOutput(/Handling signal: winch/);
    await daemon.log.waitForOutput(/Worker exiting/, { count: 2 });
    process.kill(daemon.pid, 'SIGTTOU');
    await daemon.log.waitForOutput(/Handling signal: ttou/);
    // Its sockets are open: who comes now is answered by the first worker.
    const answer = get(daemon.port);
    process.kill(daemon.pid, 'SIGTTIN');
    assert.equal(await answer, 'Hello, World!\n');
    await daemon.log.waitForOutput(/Worker ready/, { count: 3 });
    process.kill(daemon.pid, 'SIGWINCH');
    await daemon.log.waitForOutput(/Worker exiting/, { count: 3 });
    process.kill(daemon.pid, 'SIGHUP');
    await daemon.log.waitForOutput(/Worker ready/, { count: 5 });
    assert.equal(daemon.log.output().match(/Booting worker/g)?.length, 5);
  });
});

describe('a daemon that can not start ends its command with 1 and the reason', () => {
  const app = ['--chdir', folder, 'does_nothing:app'];

  test('where its address is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { end, stderr } = await runCli(['-D', '-b', address, ...app]);
    other.close();
    assert.equal(end, 1);
    assert.match(
      stderr,
      new RegExp(`^Error: Can't listen on http://${address}: .* in use\\n.*--bind`),
    );
  });

  test('where its pid file is that of a process which runs', async () => {
    await using daemon = await DaemonProcess.start(folder, ['does_nothing:app']);
    const { end, stderr } = await runCli(['-D', '-p', 'daemon.pid', '-b', '127.0.0.1:0', ...app]);
    assert.equal(end, 1);
    assert.match(stderr, new RegExp(`^Error: Already running on PID ${daemon.pid} `));
  });

  test('where a setting is wrong, or its log can not be written', async () => {
    for (const [args, expected] of [
      [['--workers=none'], /--workers: 'none'/],
      [['--error-logfile=no/such/folder/log'], /^Error: --error-logfile: can't open no\/such/],
    ] as const) {
      const { end, stderr } = await runCli(['-D', '-b', '127.0.0.1:0', ...args, ...app]);
      assert.equal(end, 1);
      assert.match(stderr, expected);
    }
  });

  test('where the app can not be loaded: with its traceback, and its exit code', async () => {
    writeFileSync(join(folder, 'raises.py'), 'import no_such_package\n');
    const args = ['-D', '-b', '127.0.0.1:0', '--chdir', folder, 'raises:app'];
    const { end, stderr } = await runCli(args);
    assert.equal(end, 3);
    assert.match(stderr, /raises\.py", line 1[^]*\nError: .*no_such_package/);
  });

  test('where it dies without a word', async () => {
    // The daemon loads this, the command doesn't: only the one that has a channel to another ends.
    const killer = `data:text/javascript,if (process.send) process.kill(process.pid, 'SIGKILL')`;
    const nodeOptions = ['--import', killer];
    const { end, stderr } = await runCli(['-D', '-b', '127.0.0.1:0', ...app], { nodeOptions });
    assert.equal(end, 1);
    assert.match(stderr, /^Error: The daemon ended by SIGKILL before it listened\n/);
  });

  test('where the person interrupts it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const log = join(folder, 'interrupted.log');
    const cli = inRepository('dist', 'src', 'cli.js');
    const args = [cli, '-D', '-b', address, '--error-logfile', log, ...app];
    const env = activatedEnvironment();
    const command = new SpawnedProcess(process.execPath, args, { cwd: folder, env });
    const tail = new SpawnedProcess('tail', ['-F', '-n', '+1', '-s', '0.1', log], {
      cwd: folder,
      env,
    });
    await tail.waitForOutput(/Retrying in 1 second/, { stream: 'stdout' });
    command.signal('SIGINT');
    assert.equal(await command.waitForEnd(), 1);
    await tail.waitForOutput(/Handling signal: term/);
    assert.match(command.stderr(), /^Error: The daemon ended with exit code 0 before it listened/);
    tail.killGroup();
    other.close();
  });
});
