// What clients see while the server is reloaded, upgraded, recycled, killed and stopped: nothing. Every request is
// counted by the client that sent it.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as netConnect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { NamedRequests } from '../helpers/named-requests.ts';
import { inRepository } from '../helpers/repository.ts';
import {
  isAlive,
  startServer,
  startUnderShell,
  type ServerProcess,
} from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-lost-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const apps = ['--chdir', inRepository('fixtures', 'apps')];

/** Sixteen clients that ask without a pause while `action` runs. */
async function whileAsked(port: number, action: () => Promise<unknown>): Promise<NamedRequests> {
  const requests = new NamedRequests(port);
  const ended = Promise.all(Array.from({ length: 16 }, () => requests.run()));
  try {
    await action();
  } finally {
    requests.stop();
    await ended;
  }
  return requests;
}

function assertNothingLost({ answered, failed, refused }: NamedRequests): void {
  assert.deepEqual({ failed, refused }, { failed: [], refused: 0 });
  assert.ok(answered.length > 0);
}

suite('under load, no request is lost', () => {
  for (const workers of [1, 3]) {
    test(`by three reloads of ${workers}`, async () => {
      await using server = await startServer(['-w', `${workers}`, ...apps, 'does_nothing:app']);
      const requests = await whileAsked(server.port, async () => {
        for (let round = 1; round <= 3; round++) {
          server.signal('SIGHUP');
          await server.waitForReadyWorkers(workers * (round + 1));
          await server.waitForOutput(/Worker exiting/, { count: workers * round });
        }
      });
      assertNothingLost(requests);
    });
  }

  test('by an upgrade, in which the second master takes over pid file and socket', async () => {
    const pidfile = join(folder, 'server.pid');
    const args = ['--bind=127.0.0.1:0', '--log-level=debug', '--pid', pidfile, ...apps];
    const server = startUnderShell([...args, 'does_nothing:app']);
    const listening = /Listening at: http:\S+:(\d+) \((\d+)\)/;
    const ready = /Worker ready/;
    const [, port, first] = await server.waitForOutput(listening);
    await server.waitForOutput(ready);
    const signal = (name: NodeJS.Signals): boolean => process.kill(Number(first), name);
    let next = 0;
    const requests = await whileAsked(Number(port), async () => {
      signal('SIGUSR2');
      const [, samePort, pid] = await server.waitForOutput(listening, { count: 2 });
      assert.equal(samePort, port);
      next = Number(pid);
      await server.waitForOutput(ready, { count: 2 });
      assert.equal(readFileSync(`${pidfile}.2`, 'latin1').trim(), pid);
      signal('SIGUSR2');
      await server.waitForOutput(/USR2 ignored: another master runs already/);
      signal('SIGTERM');
      await server.waitForOutput(/Master has been promoted\./);
    });
    assert.equal(readFileSync(pidfile, 'latin1').trim(), String(next));
    assert.equal(existsSync(`${pidfile}.2`), false);
    process.kill(next, 'SIGTERM');
    while (isAlive(next)) await turn();
    assert.equal(existsSync(pidfile), false);
    server.killGroup();
    assertNothingLost(requests);
  });

  test('by workers that are replaced after their number of requests, one at a time', async () => {
    const args = ['-w2', '--max-requests', '40', '--max-requests-jitter', '20'];
    await using server = await startServer([...args, ...apps, 'does_nothing:app']);
    const requests = await whileAsked(server.port, () =>
      server.waitForOutput(/Worker exiting/, { count: 4 }),
    );
    assertNothingLost(requests);
    assert.match(server.stderr(), /Replacing worker \(pid:\d+\): it has served \d+ requests/);
  });

  test('by workers that are killed, but what they were at; and that has an access line', async () => {
    const log = join(folder, 'access.log');
    const names = join(folder, 'names');
    const args = ['-w3', '--access-logfile', log, '--env', `NAMES=${names}`];
    await using server = await startServer([...args, ...apps, 'names_kept:app']);
    const requests = await whileAsked(server.port, async () => {
      for (let round = 1; round <= 5; round++) {
        const answered = requestsSoFar(log);
        while (requestsSoFar(log) === answered) await turn();
        process.kill(server.workerPids()[0] ?? 0, 'SIGKILL');
        await server.waitForReadyWorkers(3 + round);
      }
    });
    await server.stop();
    const logged = new Set(
      [...readFileSync(log, 'latin1').matchAll(/"GET \/\?(\d+) /g)].map(([, name]) => name ?? ''),
    );
    const called = readFileSync(names, 'latin1').split('\n').filter(Boolean);
    assert.equal(requests.refused, 0);
    assert.ok(requests.failed.length <= 5 * 16);
    assert.deepEqual(
      [...called, ...requests.answered].filter((name) => !logged.has(name)),
      [],
    );
  });
});

function requestsSoFar(log: string): number {
  return readFileSync(log, 'latin1').split('\n').length;
}

/** A request on a connection of its own, and whether it was answered. */
function ask(address: string | number): { connected: Promise<unknown>; answer: Promise<string> } {
  const socket: Socket =
    typeof address === 'string' ? netConnect(address) : netConnect(address, '127.0.0.1');
  let text = '';
  const connected = new Promise((resolve) => {
    socket.once('connect', () => {
      socket.write('GET /20 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', resolve);
    });
  });
  const answer = new Promise<string>((resolve) => {
    socket.setEncoding('latin1').on('data', (data: string) => (text += data));
    socket.on('error', (error) => {
      resolve(error.message);
    });
    socket.on('close', () => {
      resolve(text.slice(0, 'HTTP/1.1 200 OK'.length));
    });
  });
  return { connected, answer };
}

suite('a stop', () => {
  for (const kind of ['tcp', 'unix'] as const) {
    test(`answers who waits in the kernel’s queue (${kind}), and says what it did`, async () => {
      const path = join(folder, 'server.sock');
      const bind = kind === 'unix' ? ['--bind', `unix:${path}`] : [];
      const server = await startServer(['-w1', ...bind, ...apps, 'timed_views:app']);
      const clients = Array.from({ length: 60 }, () => ask(kind === 'unix' ? path : server.port));
      await Promise.all(clients.map(({ connected }) => connected));
      server.signal('SIGTERM');
      const answers = await Promise.all(clients.map(({ answer }) => answer));
      assert.deepEqual(new Set(answers), new Set(['HTTP/1.1 200 OK']));
      assert.equal(await server.waitForEnd(), 0);
      assert.match(server.stderr(), /Served 60 requests, cut off 0, waited \d+\.\d s\n$/);
      assert.equal(existsSync(path), false);
    });
  }

  test('names what it had to cut off, and the access log has it', async () => {
    const args = ['--graceful-timeout', '1', '--access-logfile', '-'];
    const server = await startServer([...args, ...apps, 'timed_views:app']);
    const { connected, answer } = ask(server.port);
    await connected;
    const slow = netConnect(server.port, '127.0.0.1');
    slow.on('error', () => undefined);
    slow.write('GET /20000 HTTP/1.1\r\nHost: x\r\n\r\n');
    await answer;
    await new Promise((resolve) => slow.write('', resolve));
    server.signal('SIGTERM');
    assert.equal(await server.waitForEnd(), 0);
    assert.match(server.stderr(), /cut off 1 \(GET \/20000\), waited/);
    assert.match(server.stdout(), /"GET \/20000 HTTP\/1\.1" 502 /);
  });
});

/** GET of a path on a connection of its own: the status. */
async function statusOf(server: ServerProcess, path: string): Promise<number> {
  const response = await fetch(`${server.url}${path}`, { headers: { connection: 'close' } });
  await response.text();
  return response.status;
}

suite('health', () => {
  test('is told while every thread is in a view, and turns bad before the stop', async () => {
    const args = ['--health-path', '/up', '--drain-delay', '20'];
    const server = await startServer([...args, ...apps, 'timed_views:app']);
    const busy = fetch(`${server.url}/1000`);
    assert.equal(await statusOf(server, '/up'), 200);
    assert.equal(await statusOf(server, '/up?x=1'), 200);
    server.signal('SIGTERM');
    await server.waitForOutput(/Serving for 20 s more/);
    while ((await statusOf(server, '/up')) === 200) await turn();
    assert.equal((await busy).status, 200);
    assert.equal(await statusOf(server, '/10'), 200, 'requests are still served');
    assert.equal(await server.stop('SIGTERM'), 0);
  });
});

suite('a reload', () => {
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
  };
  const app = (body: string): string =>
    `def app(environ, start_response):\n` +
    `    start_response("200 OK", [("Content-Length", "${body.length}")])\n    return [b"${body}"]\n`;
  const bodyOf = async (url: string): Promise<string> => (await fetch(url)).text();

  test('serves new code and new settings; anything wrong leaves all as it was', async () => {
    write('reloaded.py', app('old'));
    write('reloaded.conf.py', 'workers = 1\n');
    const file = join(folder, 'reloaded.conf.py');
    await using server = await startServer(['-c', file, '--chdir', folder, 'reloaded:app']);
    assert.equal(await bodyOf(server.url), 'old');

    let failures = 0;
    for (const [name, text, why] of [
      ['reloaded.py', 'def app(:\n', /SyntaxError/],
      ['reloaded.py', '1 / 0\n', /ZeroDivisionError/],
      ['reloaded.py', 'nothing = 1\n', /has no `app`/],
      ['reloaded.conf.py', 'workers = \n', /SyntaxError/],
      ['reloaded.conf.py', 'workers = "many"\n', /many/],
    ] as const) {
      const before = readFileSync(join(folder, name), 'utf8');
      write(name, text);
      server.signal('SIGHUP');
      await server.waitForOutput(/The reload failed/, { count: ++failures });
      assert.match(server.stderr(), why);
      assert.equal(await bodyOf(server.url), 'old');
      write(name, before);
    }

    write('reloaded.py', app('new'));
    write('reloaded.conf.py', 'workers = 2\n');
    server.signal('SIGHUP');
    await server.waitForOutput(/Reloading: workers 1 → 2/);
    await server.waitForReadyWorkers(3);
    await server.waitForOutput(/Worker exiting/);
    assert.equal(await bodyOf(server.url), 'new');
  });

  test('moves to another address, and no request is lost at the old one', async () => {
    const [old, next] = ['old.sock', 'next.sock'].map((name) => join(folder, name));
    write('moved.conf.py', `bind = "unix:${old}"\nworkers = 1\n`);
    const file = join(folder, 'moved.conf.py');
    await using server = await startServer(['-c', file, ...apps, 'timed_views:app'], {
      bind: 'none',
    });
    const clients = Array.from({ length: 20 }, () => ask(old ?? ''));
    await Promise.all(clients.map(({ connected }) => connected));
    write('moved.conf.py', `bind = "unix:${next}"\nworkers = 1\n`);
    server.signal('SIGHUP');
    const answers = await Promise.all(clients.map(({ answer }) => answer));
    assert.deepEqual(new Set(answers), new Set(['HTTP/1.1 200 OK']));
    await server.waitForOutput(/Worker exiting/);
    assert.equal(existsSync(old ?? ''), false);
    assert.equal(await ask(next ?? '').answer, 'HTTP/1.1 200 OK');
  });
});
