// What a reload by HUP finds and leaves: which release is served behind a link that was swapped, and what becomes of
// addresses that only a reload had which came to nothing.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openGate } from '../helpers/gate.ts';
import { answering } from '../helpers/reloading.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-sighup-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const bodyOf = async (url: string): Promise<string> => (await fetch(url)).text();

suite('behind a link that a deployment swaps, HUP serves the new release', () => {
  /** A folder of releases, and `current`, a link to the first of them. */
  function deployment(name: string): {
    top: string;
    current: string;
    release: (to: string) => void;
  } {
    const top = join(folder, name);
    const current = join(top, 'current');
    for (const release of ['first', 'second']) {
      mkdirSync(join(top, release, 'site'), { recursive: true });
      for (const file of ['app.py', 'site/app.py'])
        writeFileSync(join(top, release, file), answering(`"${release}"`));
      writeFileSync(join(top, release, 'gunicorn.conf.py'), `proc_name = "${release}"\n`);
    }
    const release = (to: string): void => {
      symlinkSync(to, join(top, 'next'));
      renameSync(join(top, 'next'), current);
    };
    release('first');
    return { top, current, release };
  }

  const ways: Readonly<Record<string, (top: string) => [cwd: string, args: readonly string[]]>> = {
    'as the working directory, with a folder below it': (top) => [
      join(top, 'current'),
      ['--chdir', 'site'],
    ],
    'as a relative --chdir': (top) => [top, ['--chdir', 'current']],
  };
  for (const [way, make] of Object.entries(ways)) {
    test(way, async () => {
      const { top, current, release } = deployment(way.replaceAll(/\W/g, '-'));
      const [cwd, args] = make(top);
      await using server = await startServer([...args, 'app:app'], { cwd, env: { PWD: cwd } });
      assert.equal(await bodyOf(server.url), 'first');
      release('second');
      server.signal('SIGHUP');
      await server.waitForReadyWorkers(2);
      await server.waitForOutput(/Worker exiting/);
      assert.equal(await bodyOf(server.url), 'second');
      // Without --chdir there is a config file, which goes with the release.
      if (cwd === current) assert.match(server.stderr(), /proc_name "first" → "second"/);
      // Whoever removes the first one while its master still runs takes nothing away.
      rmSync(join(top, 'first'), { recursive: true });
      process.kill(server.workerPids()[0] ?? 0, 'SIGKILL');
      await server.waitForReadyWorkers(3);
      server.signal('SIGHUP');
      await server.waitForReadyWorkers(4);
      assert.equal(await bodyOf(server.url), 'second');
    });
  }
});

/** A port of 127.0.0.1 that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether a port can be bound: nobody listens there. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(true);
    });
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

suite('an address that only a reload had is given back', () => {
  const config = join(folder, 'bound.conf.py');
  const bind = (...ports: number[]): void => {
    const addresses = ports.map((port) => `"127.0.0.1:${port}"`);
    writeFileSync(config, `bind = [${addresses.join(', ')}]\nworkers = 1\n`);
  };
  const app = join(folder, 'bound.py');
  const args = ['-c', config, '--chdir', folder, 'bound:app'];
  const options = { bind: 'none' } as const;

  test('when no worker could start with it', async () => {
    const [port, other] = [await freePort(), await freePort()];
    bind(port);
    writeFileSync(app, answering('"old"'));
    await using server = await startServer(args, options);
    bind(port, other);
    writeFileSync(app, 'raise RuntimeError("broken")\n');
    server.signal('SIGHUP');
    await server.waitForOutput(/The reload failed: no worker could start/);
    // Closed before the line is written; the last of the worker's threads may hold it for a moment more.
    while (!(await isFree(other))) await turn();
    assert.equal(await bodyOf(`http://127.0.0.1:${port}`), 'old');

    writeFileSync(app, answering('"new"'));
    server.signal('SIGHUP');
    await server.waitForReadyWorkers(2);
    assert.equal(await bodyOf(`http://127.0.0.1:${other}`), 'new');
  });

  test('when another address could not be had', async () => {
    const [port, other] = [await freePort(), await freePort()];
    bind(port);
    writeFileSync(app, answering('"old"'));
    await using server = await startServer(args, options);
    writeFileSync(config, `bind = ["127.0.0.1:${other}", "unix:${folder}"]\nworkers = 1\n`);
    server.signal('SIGHUP');
    await server.waitForOutput(/The reload failed: Can't listen on unix:/);
    assert.equal(await isFree(other), true);
    assert.equal(await bodyOf(`http://127.0.0.1:${port}`), 'old');
  });

  test('when another reload has overtaken it', async () => {
    const [port, other] = [await freePort(), await freePort()];
    bind(port);
    writeFileSync(app, answering('"old"'));
    const path = ['--pythonpath', inRepository('fixtures', 'apps')];
    await using server = await startServer([...path, ...args], options);
    await using gate = await openGate();
    const [, gatePort = ''] = gate.query.split('=');
    const waits = `from gate import Gate\nGate({"QUERY_STRING": "gate=${gatePort}"}).ask("importing")\n`;
    bind(port, other);
    writeFileSync(app, waits + answering('"overtaken"'));
    server.signal('SIGHUP');
    await gate.said();
    assert.equal(await isFree(other), false);
    bind(port);
    writeFileSync(app, answering('"new"'));
    server.signal('SIGHUP');
    await server.waitForReadyWorkers(2);
    while (!(await isFree(other))) await turn();
    while ((await bodyOf(`http://127.0.0.1:${port}`)) !== 'new') await turn();
  });
});
