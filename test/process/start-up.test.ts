// What keeps a server from starting, or its workers from living, and what the person then reads.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-start-'));
after(() => {
  rmSync(folder, { recursive: true });
});

async function get(port: number, path: string): Promise<string> {
  using client = await connect(port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return (await client.readResponse()).text;
}

describe('an address that cannot be had', () => {
  test('is tried for five seconds with its owner named, and ends the server with 1', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    other.unref();
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { end, stderr } = await runCli(['-b', address, ...apps, 'does_nothing:app']);
    assert.equal(end, 1);
    const owner = `held by process ${process.pid}: [^\\n]*start-up`;
    assert.match(
      stderr,
      new RegExp(`\\[ERROR\\] Connection in use: http://${address} \\(${owner}`),
    );
    assert.equal(stderr.match(/Retrying in 1 second\./g)?.length, 5);
    assert.match(stderr, new RegExp(`Can't listen on http://${address}: the address is in use`));
    assert.doesNotMatch(stderr, /Listening at/);
  });

  test('is had as soon as it is free', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    await using server = await startServer(['-b', address, ...apps, 'does_nothing:app'], {
      ready: 'spawned',
    });
    await server.waitForOutput(/Retrying in 1 second\./);
    other.close();
    await server.waitForReadyWorkers(1);
    assert.equal(await get(server.port, '/'), 'Hello, World!\n');
  });

  test('is refused when it is the path of a file, which is left alone', async () => {
    const path = join(folder, 'precious.txt');
    writeFileSync(path, 'precious');
    const { end, stderr } = await runCli(['-b', `unix:${path}`, ...apps, 'does_nothing:app']);
    assert.equal(end, 1);
    assert.match(stderr, /\[ERROR\] Can't listen on unix:\S+: \S+ exists and is not a socket\n/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });

  test('below 1024 without the right is refused, with what to do', async (context) => {
    // Root has the right: it is run without it.
    const without = ['--inh-caps=-net_bind_service', '--bounding-set=-net_bind_service', '--'];
    const [program = '', ...before] =
      process.getuid?.() === 0 ? ['setpriv', ...without, process.execPath] : [process.execPath];
    const cli = inRepository('dist', 'src', 'cli.js');
    const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
    if (lowest <= 80) {
      context.skip('here anybody may listen on port 80');
      return;
    }
    if (spawnSync(program, [...before, cli, '--version']).status !== 0) {
      context.skip('this root may not give up a right');
      return;
    }
    const server = new SpawnedProcess(
      program,
      [...before, cli, '--bind=0.0.0.0:80', ...apps, 'does_nothing:app'],
      { cwd: folder, env: activatedEnvironment() },
    );
    assert.equal(await server.waitForEnd(), 1);
    assert.match(
      server.stderr(),
      /\[ERROR\] Can't listen on http:\/\/0\.0\.0\.0:80: permission denied: a port below 1024/,
    );
    assert.match(server.stderr(), /--bind=:8000/);
  });
});

describe('what ends a worker ends the server only before any was ready', () => {
  test('os._exit(3) and os._exit(4) in a view cost one worker', async () => {
    await using server = await startServer([...apps, 'views_gone_wrong:app']);
    for (const [index, code] of [3, 4].entries()) {
      await assert.rejects(get(server.port, `/os-exit-${code}`), /closed before/);
      await server.waitForReadyWorkers(index + 2);
      await server.waitForOutput(new RegExp(`Worker \\(pid:\\d+\\) exited with code ${code}\\.`));
    }
    assert.match(await get(server.port, '/'), /^\d+$/);
  });

  test('os._exit at import ends it with 3, whatever the code', async () => {
    writeFileSync(join(folder, 'exits.py'), 'import os\nos._exit(7)\n');
    const { end, stderr } = await runCli(['-b', '127.0.0.1:0', '--chdir', folder, 'exits:app']);
    assert.equal(end, 3);
    assert.match(
      stderr,
      /Worker \(pid:\d+\) exited with code 7\.\n.*Shutting down: Master\n.*Reason: Worker failed to boot\.\n$/,
    );
  });

  test('an app that breaks later makes the server try again after pauses, and it recovers', async () => {
    const mark = join(folder, 'broken');
    writeFileSync(
      join(folder, 'breaks.py'),
      `import os
if os.path.exists(${JSON.stringify(mark)}):
    raise RuntimeError("the database is away")
def app(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        os._exit(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]
`,
    );
    await using server = await startServer(['--chdir', folder, 'breaks:app']);
    writeFileSync(mark, '');
    await assert.rejects(get(server.port, '/exit'), /closed before/);
    await server.waitForOutput(/RuntimeError: the database is away/);
    await server.waitForOutput(/A worker died before it was ready: next try in 1 s\./);
    await server.waitForOutput(/2 times in a row: next try in 2 s\./);
    rmSync(mark);
    assert.equal(await get(server.port, '/'), 'well');
  });
});
