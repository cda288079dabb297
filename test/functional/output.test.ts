// What an app and its libraries write to standard output and error: complete, in order and at once, whoever
// reads it and however slowly; and what a crash leaves behind. Standard output is a pipe in all of these.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { ask, fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const apps = inRepository('fixtures', 'apps');

/** Has the app write in this way, and waits until its standard output holds `pattern`. */
async function writes(path: string, pattern: RegExp): Promise<void> {
  const server = await fixture('prints');
  assert.equal((await ask('prints', path)).status, 200);
  await server.waitForOutput(pattern, { stream: 'stdout' });
}

describe("the app's output", () => {
  after(stopFixtures);

  test('comes at once when printed, flushed, or written by os.write', async () => {
    await writes('/print-line', /^a printed line$/m);
    await writes('/print-flush', /no line break but flushed/);
    await writes('/os-write', /by os\.write\n/);
    await writes('/unicode', /caf\u00e9 \u2603\n/);
  });

  test('comes at once when a C library prints a line', async () => {
    await writes('/c-printf', /by printf of C, 42\n/);
  });

  test('comes at once from a child process', async () => {
    await writes('/child', /by a subprocess\n/);
    await writes('/system', /by os\.system\n/);
  });

  test('comes through logging on standard error', async () => {
    const server = await fixture('prints');
    await ask('prints', '/log');
    await server.waitForOutput(/^logged: through logging$/m, { stream: 'stderr' });
  });

  test('comes with what was printed without a line break before it', async () => {
    await writes('/print-no-end', /^/);
    await writes('/print-line', /no line break, a printed line\n/);
  });

  test('comes complete when it is 300 kB at once', async () => {
    await writes('/huge', /<h{300000}>\n/);
    await writes('/huge-bytes', /\[b{300000}\]\n/);
    const server = await fixture('prints');
    await ask('prints', '/huge-stderr');
    await server.waitForOutput(/\{e{300000}\}\n/, { stream: 'stderr' });
  });

  test('keeps its order between print, printf of C and os.write', async () => {
    await writes('/in-order', /order 99 write\n/);
    const lines = (await fixture('prints')).stdout().match(/^order .*$/gm);
    const ways = ['print', 'printf', 'write'];
    const expected = Array.from({ length: 300 }, (_, index) => {
      return `order ${String(Math.floor(index / 3))} ${ways[index % 3] ?? ''}`;
    });
    assert.deepEqual(lines, expected);
  });

  test('is flushed at exit, of Python, of C and of atexit', async () => {
    const server = await startServer(['--chdir', apps, 'output_at_exit:app']);
    using client = await connect(server.port);
    await client.send(requestBytes('/'));
    await client.readResponse();
    client.close();
    assert.equal(await server.stop(), 0);
    assert.match(server.stdout(), /^printed at import$/m);
    for (const text of [
      "left in C's buffer, ",
      "left in Python's buffer, ",
      'printed by atexit\n',
    ]) {
      assert.equal(server.stdout().split(text).length, 2, text);
    }
  });

  for (const [stream, path, complete] of [
    ['stdout', '/huge', /<h{300000}>\n/],
    ['stdout', '/huge-bytes', /\[b{300000}\]\n/],
    ['stderr', '/huge-stderr', /\{e{300000}\}\n/],
  ] as const) {
    test(`is complete on ${stream} for a reader that begins late and is slow (${path})`, async () => {
      const server = await startUnread(stream);
      try {
        using client = await connect(server.port);
        await client.send(requestBytes(path));
        await client.send(requestBytes('/print-line'));
        const text = await readInSips(server.unread, (all) => complete.test(all));
        assert.match(text, complete);
        server.unread.resume();
        assert.equal((await client.readResponse()).status, 200);
        assert.equal((await client.readResponse()).status, 200);
      } finally {
        await server.stop();
      }
    });
  }
});

describe('a segmentation fault', () => {
  after(stopFixtures);
  const folder = mkdtempSync(join(tmpdir(), 'segfault-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('leaves the Python stack in the error log and costs one worker', async () => {
    const server = await fixture('segfault');
    const before = (await ask('segfault', '/')).text;
    await assert.rejects(ask('segfault', '/crash'), /closed before/);
    await server.waitForOutput(/Fatal Python error: Segmentation fault/, { stream: 'stderr' });
    await server.waitForOutput(/segfault\.py", line \d+ in crash/, { stream: 'stderr' });
    await server.waitForReadyWorkers(2);
    const afterwards = (await ask('segfault', '/')).text;
    assert.notEqual(afterwards, before);
    assert.equal(server.end, undefined);
  });

  test('leaves it in the file that --error-logfile names', async () => {
    const log = join(folder, 'error.log');
    await using server = await startServer(
      [
        '--chdir',
        apps,
        '--error-logfile',
        log,
        '--bind',
        `unix:${join(folder, 's')}`,
        'segfault:app',
      ],
      { ready: 'spawned' },
    );
    const read = (): string => readFileSync(log, { encoding: 'utf8', flag: 'a+' });
    await until(() => read().includes('Worker ready (pid: '));
    using client = await connect(join(folder, 's'));
    await client.send(requestBytes('/crash'));
    await assert.rejects(client.readResponse(), /closed before/);
    await until(() => read().split('Worker ready (pid: ').length > 2);
    assert.match(
      read(),
      /Fatal Python error: Segmentation fault[^]*segfault\.py", line \d+ in crash/,
    );
    assert.equal(server.end, undefined);
  });
});

/** Waits until a file says something: it tells nobody when it grows, so it is looked at again and again. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the file never said it');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A server one of whose output streams is a pipe that nobody reads yet. */
interface UnreadServer {
  readonly port: number;
  readonly unread: Readable;
  stop(): Promise<void>;
}

async function startUnread(stream: 'stdout' | 'stderr'): Promise<UnreadServer> {
  const log = join(mkdtempSync(join(tmpdir(), 'unread-')), 'error.log');
  const args = ['--bind', '127.0.0.1:0', '--error-logfile', log, '--chdir', apps, 'prints:app'];
  const child: ChildProcess = spawn(
    process.execPath,
    [inRepository('dist', 'src', 'cli.js'), ...args],
    {
      env: activatedEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const streams = { stdout: child.stdout, stderr: child.stderr };
  for (const [name, readable] of Object.entries(streams)) if (name !== stream) readable?.resume();
  const unread = streams[stream];
  assert.ok(unread);
  const listening = /Listening at: http:\/\/127\.0\.0\.1:(\d+)/;
  const read = (): string => readFileSync(log, { encoding: 'utf8', flag: 'a+' });
  await until(() => listening.test(read()));
  return {
    port: Number(listening.exec(read())?.[1]),
    unread,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(log, { force: true });
    },
  };
}

/** Reads a few bytes at a time until `enough`, with turns of the event loop between. */
async function readInSips(readable: Readable, enough: (all: string) => boolean): Promise<string> {
  let all = '';
  while (!enough(all)) {
    const sip = readable.read(Math.min(1000, readable.readableLength || 1)) as Buffer | null;
    if (sip === null) await once(readable, 'readable');
    else all += sip.toString('latin1');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return all;
}
