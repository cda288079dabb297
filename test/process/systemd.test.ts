// What systemd and the server say to each other: passed sockets, notifications, the watchdog, the units in deploy/.
// A few lines of Python stand in for systemd, since Node has neither datagrams on unix sockets nor exec.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-systemd-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const { python } = testPythonEnvironment();

function runPython(script: string, ...args: string[]): SpawnedProcess {
  return new SpawnedProcess(python, ['-u', '-c', script, ...args], {
    cwd: folder,
    env: activatedEnvironment(),
  });
}

async function environmentOf(port: number): Promise<string[]> {
  using client = await connect(port);
  await client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const { text } = await client.readResponse();
  return Object.keys((JSON.parse(text) as { environment: Record<string, string> }).environment);
}

/** Binds what it is told to, and becomes the server, as a service manager's child does. */
const activate = `
import os, socket, sys
path, other, *command = sys.argv[1:]
tcp = socket.create_server(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX); unix.bind(path); unix.listen()
fds = [os.dup(sock.fileno()) for sock in (tcp, unix)]
spare = [os.dup(fd) for fd in fds]
for target, fd in enumerate([os.dup2(fd, 50 + index) for index, fd in enumerate(spare)], 3):
    os.dup2(fd, target)
os.closerange(5, 60)
pid = os.getpid() + int(other)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(pid), LISTEN_FDNAMES="web:local")
os.execv(command[0], command)
`;

function startActivated(path: string, other: number): SpawnedProcess {
  const cli = [process.execPath, inRepository('dist', 'src', 'cli.js'), '--log-level=debug'];
  const args = ['--bind=127.0.0.1:0', ...apps, 'process_facts:app'];
  return runPython(activate, path, String(other), ...cli, ...args);
}

describe('sockets that systemd passes', () => {
  test('are used in place of --bind, kept from the app, and left there', async () => {
    const path = join(folder, 'passed.sock');
    const server = startActivated(path, 0);
    await server.waitForOutput(/Worker ready/);
    const [, port] =
      /Listening at: http:\/\/127\.0\.0\.1:(\d+),unix:\S+passed\.sock \(/.exec(server.stderr()) ??
      [];
    const names = await environmentOf(Number(port));
    assert.deepEqual(
      names.filter((name) => name.startsWith('LISTEN_')),
      [],
    );
    assert.equal(await server.stop(), 0);
    assert.ok(existsSync(path));
  });

  test('for another process are not taken', async () => {
    const server = startActivated(join(folder, 'others.sock'), 1);
    await server.waitForOutput(/Worker ready/);
    assert.doesNotMatch(server.stderr(), /others\.sock/);
    const [, port] = /Listening at: http:\/\/127\.0\.0\.1:(\d+) \(/.exec(server.stderr()) ?? [];
    const names = await environmentOf(Number(port));
    assert.deepEqual(
      names.filter((name) => name.startsWith('LISTEN_')),
      [],
    );
    assert.equal(await server.stop(), 0);
  });
});

/** Prints each datagram on a line of its own, its lines joined by spaces. */
const listen = `
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); sock.bind(sys.argv[1].replace("@", "\\0", 1))
print("bound")
while True: print(sock.recv(4096).decode().replace("\\n", " "))
`;

describe('systemd is told', () => {
  for (const address of [join(folder, 'notify'), `@wsgi-ts-test-${process.pid}`]) {
    test(`that the server serves, lives and stops, at ${address.slice(0, 1)}…, and nobody else can speak`, async () => {
      const manager = runPython(listen, address);
      await manager.waitForOutput(/bound/);
      const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '200000' };
      const server = await startServer([...apps, 'process_facts:app'], { env });
      await manager.waitForOutput(/^WATCHDOG=1$/m, { count: 2 });
      const names = await environmentOf(server.port);
      assert.deepEqual(
        names.filter((name) => /^(NOTIFY|WATCHDOG)_/.test(name)),
        [],
      );
      assert.equal(await server.stop(), 0);
      await manager.waitForOutput(/^STOPPING=1 STATUS=Stopping$/m);
      const said = manager
        .output()
        .split('\n')
        .filter((line) => !/^(WATCHDOG=1)?$/.test(line));
      manager.killGroup();
      const expected = ['bound', 'READY=1', 'STATUS=1 worker serves', 'STOPPING=1 STATUS=Stopping'];
      assert.deepEqual(said, expected);
    });
  }

  test('nothing where no worker can serve', async () => {
    const address = join(folder, 'unready');
    const manager = runPython(listen, address);
    await manager.waitForOutput(/bound/);
    const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '200000' };
    const server = await startServer([...apps, 'no_such_module:app'], { env, ready: 'spawned' });
    assert.equal(await server.waitForEnd(), 3);
    await manager.waitForOutput(/^STOPPING=1/m);
    manager.killGroup();
    assert.doesNotMatch(manager.output(), /READY|STATUS=\d|WATCHDOG[^]*STOPPING/);
  });

  test('in vain where it is gone, and the server serves all the same', async () => {
    const env = { NOTIFY_SOCKET: join(folder, 'gone') };
    await using server = await startServer([...apps, 'process_facts:app'], { env });
    await server.waitForOutput(/\[WARNING\] The service manager can't be told \(\S+gone\): /);
    assert.ok((await environmentOf(server.port)).length > 0);
  });
});

test('the units in deploy/ are such that systemd takes them', (context) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
    context.skip(
      'there is no systemd-analyze here (scripts/bootstrap.sh test installs it with apt)',
    );
    return;
  }
  for (const name of ['wsgi-ts.service', 'wsgi-ts.socket']) {
    const unit = readFileSync(inRepository('deploy', name), 'utf8');
    // The programs and users of the example need not be here.
    const here = unit.replace('/usr/bin/wsgi-ts', process.execPath).replaceAll('www-data', 'root');
    writeFileSync(join(folder, name), here);
  }
  const units = ['wsgi-ts.service', 'wsgi-ts.socket'].map((name) => join(folder, name));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], {
    encoding: 'utf8',
  });
  const ours = stderr.split('\n').filter((line) => line.includes('wsgi-ts'));
  assert.deepEqual([ours, status], [[], 0]);
});
