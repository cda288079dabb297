// The master as a real process, with stub workers: what it logs, opens, relays, replaces and ends with.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../../src/settings/table.ts';
import { defaultSettings } from '../../helpers/default-settings.ts';
import { activatedEnvironment } from '../../helpers/python-environment.ts';
import { SpawnedProcess } from '../../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-master-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const defaults: Settings = {
  ...defaultSettings(folder),
  app: 'serve',
  bind: ['127.0.0.1:0'],
  gracefulTimeout: 10,
  logLevel: 'debug',
};

function startMaster(settings: Partial<Settings>): SpawnedProcess {
  const program = fileURLToPath(new URL('./stub-master.js', import.meta.url));
  return new SpawnedProcess(
    process.execPath,
    [program, JSON.stringify({ ...defaults, ...settings })],
    { cwd: folder, env: activatedEnvironment() },
  );
}

/** A master whose workers are ready. */
async function serveWith(settings: Partial<Settings>): Promise<SpawnedProcess> {
  const master = startMaster(settings);
  await master.waitForOutput(/Worker ready/, { count: settings.workers ?? 1 });
  return master;
}

function port(master: SpawnedProcess): number {
  return Number(/Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(master.stderr())?.[1]);
}

/** The pid of the worker that answers. */
async function ask(master: SpawnedProcess): Promise<number> {
  const socket = connect(port(master), '127.0.0.1');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return Number(chunk.toString());
}

/** The lines of a log, without time and pid. */
function entries(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\[[^\]]*\] \[\d+\] /, ''));
}

suite('a life', () => {
  test('begins and ends as gunicorn’s, with the exit code 0', async () => {
    const master = await serveWith({ workers: 2, threads: 4, logLevel: 'debug' });
    await ask(master);
    assert.equal(await master.stop('SIGTERM'), 0);
    const lines = entries(master.stderr()).filter((line) => !/^(\[DEBUG\]|serving)/.test(line));
    assert.deepEqual(lines.slice(0, 3), [
      '[INFO] Starting wsgi-ts 9.9.9',
      `[INFO] Listening at: http://127.0.0.1:${port(master)} (${master.pid})`,
      '[INFO] Using worker: gthread',
    ]);
    assert.equal(lines[3], '[INFO] Handling signal: term');
    assert.match(lines[4] ?? '', /^Worker exiting/);
    assert.match(lines[5] ?? '', /^Worker exiting/);
    assert.equal(lines[6], '[INFO] Shutting down: Master');
    assert.match(lines[7] ?? '', /^\[INFO\] Served 0 requests, cut off 0, waited \d\.\d s$/);
    assert.equal(lines.length, 8);
  });

  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    test(`ends at once by ${signal}, with the exit code 0`, async () => {
      const master = await serveWith({});
      assert.equal(await master.stop(signal), 0);
    });
  }

  test('has its pid in a file for as long as it lasts', async () => {
    const pid = join(folder, 'life.pid');
    const master = await serveWith({ pid: 'life.pid' });
    assert.equal(readFileSync(pid, 'utf8'), `${master.pid}\n`);
    const second = startMaster({ pid });
    assert.equal(await second.waitForEnd(), 1);
    assert.match(second.stderr(), new RegExp(`\\[ERROR\\] Already running on PID ${master.pid} `));
    await master.stop();
    assert.ok(!existsSync(pid));
  });

  test('listens at several addresses, a unix socket among them, which goes with it', async () => {
    const path = join(folder, 'life.sock');
    const master = await serveWith({ bind: ['127.0.0.1:0', 'unix:life.sock'] });
    assert.match(
      master.stderr(),
      /Listening at: http:\/\/127\.0\.0\.1:\d+,unix:life\.sock \(\d+\)/,
    );
    assert.ok(existsSync(path));
    await master.stop();
    assert.ok(!existsSync(path));
  });

  test('goes on when nobody reads its output any more', async () => {
    // `head` reads one line and leaves, the shell tells us the end's code.
    const program = fileURLToPath(new URL('./stub-master.js', import.meta.url));
    const settings = JSON.stringify({ ...defaults, pid: 'unread.pid', app: 'talks' });
    const shell = new SpawnedProcess(
      'sh',
      ['-c', `exec 3>&1; { node ${program} '${settings}' 2>&1; echo "code $?" >&3; } | head -n 1`],
      { cwd: folder, env: activatedEnvironment() },
    );
    await shell.waitForOutput(/Starting/);
    const file = join(folder, 'unread.pid');
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGTERM');
    await shell.waitForOutput(/code \d+/);
    assert.match(shell.output(), /code 0/);
  });
});

suite('workers', () => {
  test('a killed one is replaced, and no connection is refused meanwhile', async () => {
    const master = await serveWith({});
    const first = await ask(master);
    process.kill(first, 'SIGKILL');
    const second = await ask(master);
    assert.notEqual(second, first);
    assert.match(
      master.stderr(),
      /\[ERROR\] Worker \(pid:\d+\) was sent SIGKILL! Perhaps out of memory\?/,
    );
    await master.stop();
  });

  for (const [app, code, reason] of [
    ['boot-failed-3', 3, 'Worker failed to boot.'],
    ['boot-failed-4', 4, 'App failed to load.'],
    ['dies-at-boot', 3, 'Worker failed to boot.'],
  ] as const) {
    test(`an app that can't be loaded ends the master with ${code} (${app})`, async () => {
      const master = startMaster({ app, workers: 2, pid: 'failed.pid' });
      assert.equal(await master.waitForEnd(), code);
      const lines = entries(master.stderr());
      assert.deepEqual(lines.slice(-2), [
        '[ERROR] Shutting down: Master',
        `[ERROR] Reason: ${reason}`,
      ]);
      if (app !== 'dies-at-boot') {
        // What the worker wrote comes before what is said of it.
        const exit = lines.findIndex((line) => line.includes('exited with code'));
        assert.ok(lines.slice(0, exit).includes('Traceback of the app'), master.stderr());
      }
      assert.ok(!existsSync(join(folder, 'failed.pid')));
    });
  }

  test('a crash loop backs off, and the master lives', async () => {
    const mark = join(folder, 'mark');
    const master = await serveWith({ app: 'breaks-later', env: [`MARK=${mark}`] });
    process.kill(await ask(master), 'SIGKILL');
    await master.waitForOutput(/2 times in a row: next try in 2 s/);
    rmSync(mark);
    await master.waitForOutput(/Worker ready/, { count: 2 });
    assert.equal(await master.stop(), 0);
  });

  test('one that does not stop is killed after the graceful timeout', async () => {
    const master = await serveWith({ app: 'deaf', gracefulTimeout: 1 });
    assert.equal(await master.stop(), 0);
    assert.match(master.stderr(), /did not stop in time: killing it/);
    assert.doesNotMatch(master.stderr(), /out of memory/);
  });

  test('one whose event loop is silent is aborted and replaced', async () => {
    const master = await serveWith({ app: 'silent', timeout: 1 });
    await master.waitForOutput(/\[CRITICAL\] WORKER TIMEOUT \(pid:\d+\)/);
    await master.waitForOutput(/was sent SIGABRT!/);
    await master.waitForOutput(/Worker ready/, { count: 2 });
    await master.stop('SIGINT');
  });

  test('there are as many as TTIN and TTOU make it', async () => {
    const master = await serveWith({});
    master.signal('SIGTTIN');
    await master.waitForOutput(/Worker ready/, { count: 2 });
    master.signal('SIGTTOU');
    await master.waitForOutput(/Worker exiting/);
    await master.stop();
  });

  test('what they print arrives whole, however late, and before the master ends', async () => {
    const master = await serveWith({ app: 'talks' });
    await master.stop();
    assert.equal(master.stdout(), `${`${'x'.repeat(99)}\n`.repeat(20_000)}the last line\n`);
  });
});

suite('other signals', () => {
  test('USR1 reopens the log and is passed on', async () => {
    const master = startMaster({ errorLogFile: 'error.log' });
    const log = join(folder, 'error.log');
    await master.waitForOutput(/serving/);
    renameSync(log, `${log}.1`);
    master.signal('SIGUSR1');
    await master.waitForOutput(/reopened/);
    await master.stop();
    assert.match(readFileSync(`${log}.1`, 'utf8'), /Handling signal: usr1/);
    assert.match(readFileSync(log, 'utf8'), /Shutting down: Master/);
  });
});

suite('an address that cannot be had', () => {
  test('is tried again, with its owner named, and a signal ends the waiting', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.unref();
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const master = startMaster({ bind: [address], pid: 'busy.pid' });
    await master.waitForOutput(/Retrying in 1 second\./);
    assert.match(
      master.stderr(),
      new RegExp(
        `\\[ERROR\\] Connection in use: http://${address} \\(held by process ${process.pid}: .*node`,
      ),
    );
    assert.equal(await master.stop('SIGINT'), 0);
    assert.ok(!existsSync(join(folder, 'busy.pid')));
  });

  test('ends the master with 1 and says why', async () => {
    writeFileSync(join(folder, 'file'), 'precious');
    symlinkSync('file', join(folder, 'link'));
    for (const [bind, why] of [
      ['unix:file', /\[ERROR\] Can't listen on unix:file: file exists and is not a socket/],
      ['unix:link', /not a socket/],
      ['192.0.2.1:8000', /this machine has no such address/],
      ['no-such-host.invalid:8000', /the host name can't be resolved/],
      ['fd://99', /Can't listen on fd:\/\/99: Bad file descriptor/],
    ] as const) {
      const master = startMaster({ bind: ['unix:first.sock', bind] });
      assert.equal(await master.waitForEnd(), 1);
      assert.match(master.stderr(), why);
      assert.ok(!existsSync(join(folder, 'first.sock')));
    }
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'precious');
  });
});
