// Nothing stays behind: whoever has started a server goes, by whatever end, and the server with its workers goes too. And
// those that are to outlive who has started them do.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { openGate } from '../helpers/gate.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, untilGone } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-orphans-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const apps = inRepository('fixtures', 'apps');
const index = pathToFileURL(inRepository('dist', 'src', 'index.js')).href;
const cli = inRepository('dist', 'src', 'cli.js');
const wsgiTs = `"${process.execPath}" "${cli}" --bind=127.0.0.1:0 --log-level=debug --chdir "${apps}"`;

/** Programs that start a server, each a module of its own. */
const programs = {
  serve: `
    import { serve } from '${index}';
    await serve(process.argv[2], { chdir: '${apps}', logLevel: 'debug', workers: 2 });
    console.log('the program goes on');`,
  fork: `
    import { fork } from 'node:child_process';
    const args = ['--bind=127.0.0.1:0', '--chdir', '${apps}', '--log-level=debug', '--workers=2', process.argv[2]];
    fork('${cli}', args).on('message', () => console.log('the program goes on'));`,
  disconnect: `
    import { fork } from 'node:child_process';
    const args = ['--bind=127.0.0.1:0', '--chdir', '${apps}', '--log-level=debug', '--workers=2', process.argv[2]];
    const child = fork('${cli}', args).on('message', () => child.disconnect());`,
  hasty: `
    import { fork } from 'node:child_process';
    import { writeSync } from 'node:fs';
    const child = fork('${cli}', ['--bind=127.0.0.1:0', '--chdir', '${apps}', process.argv[2]]);
    writeSync(1, 'server ' + child.pid + '\\n');
    process.kill(process.pid, 'SIGKILL');`,
};

const scripts = {
  plain: `${wsgiTs} -w 2 does_nothing:app`,
  between: `true && ${wsgiTs} -w 2 sleeping:app; echo over`,
  kept: `nohup ${wsgiTs} does_nothing:app`,
  apart: `setsid ${wsgiTs} does_nothing:app`,
  left: `${wsgiTs} does_nothing:app & sleep 0`,
  both: `concurrently --kill-others "${wsgiTs.replaceAll('"', '\\"')} does_nothing:app" "npm:other"`,
  other: 'node -e "setInterval(() => {}, 1000)"',
  parallel: 'run-p plain other',
  served: `"${process.execPath}" "${cli}" --bind=127.0.0.1:$PORT_TO_TEST --chdir "${apps}" --log-level=debug does_nothing:app`,
  check: `node -e "fetch('http://127.0.0.1:' + process.env.PORT_TO_TEST).then((r) => r.text()).then((t) => console.log('checked: ' + t))"`,
  tested: 'start-server-and-test served http://127.0.0.1:$PORT_TO_TEST check',
};

before(() => {
  for (const [name, source] of Object.entries(programs))
    writeFileSync(join(folder, `${name}.mjs`), source);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, scripts }));
});

const env = (): Record<string, string> => {
  const variables = activatedEnvironment({ npm_config_update_notifier: 'false' });
  for (const name of Object.keys(variables)) {
    if (/^npm_(?:lifecycle|command|execpath)/.test(name)) Reflect.deleteProperty(variables, name);
  }
  const bin = inRepository('node_modules', '.bin');
  return { ...variables, PATH: `${bin}${delimiter}${variables['PATH'] ?? ''}` };
};

/** Starts a command below a shell that outlives it, so that nobody but the server itself sees to its end. */
async function below(command: string, workers: number): Promise<Started> {
  const line = `${command} & echo "starter $!"; wait $!; echo "ended $?"; exec sleep 1000`;
  const shell = new SpawnedProcess('sh', ['-c', line], { cwd: folder, env: env() });
  const [, starter] = await shell.waitForOutput(/starter (\d+)/);
  await shell.waitForOutput(/Worker ready/, { count: workers });
  return { shell, starter: Number(starter), server: pidsIn(shell) };
}

interface Started {
  readonly shell: SpawnedProcess;
  readonly starter: number;
  /** Master and workers. */
  readonly server: number[];
}

function pidsIn(shell: SpawnedProcess): number[] {
  const said = /(?:Listening at: \S+ \(|Booting worker with pid: )(\d+)/g;
  return [...shell.output().matchAll(said)].map(([, pid]) => Number(pid));
}

/** The parent of a process. */
function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1]);
}

describe('a server goes with the program that has started it', { concurrency: true }, () => {
  for (const program of ['serve', 'fork'] as const) {
    test(`by ${program}(), when that is killed, though a view runs`, async () => {
      await using gate = await openGate();
      const { shell, starter, server } = await below(`node ${program}.mjs sleeping:app`, 2);
      await shell.waitForOutput(/the program goes on/);
      assert.equal(server.length, 3);
      const [, url = ''] = /Listening at: (\S+)/.exec(shell.output()) ?? [];
      const answer = fetch(`${url}/sleep?${gate.query}`).then(
        () => 'answered',
        () => 'cut off',
      );
      await gate.said();
      process.kill(starter, 'SIGKILL');
      await untilGone(server);
      assert.equal(await answer, 'cut off');
      assert.match(shell.output(), /The program that has started this server is gone: stopping/);
      shell.killGroup();
    });
  }

  test('by fork(), when that closes the channel', async () => {
    const { shell, starter, server } = await below('node disconnect.mjs does_nothing:app', 1);
    await untilGone(server);
    await shell.waitForOutput(/ended 0/);
    assert.ok(!isAlive(starter));
    shell.killGroup();
  });

  test('even before the server has read anything', async () => {
    const line = 'node hasty.mjs does_nothing:app; exec sleep 1000';
    const shell = new SpawnedProcess('sh', ['-c', line], { cwd: folder, env: env() });
    const [, server] = await shell.waitForOutput(/server (\d+)/);
    await untilGone([Number(server)]);
    shell.killGroup();
  });

  test('before it serves, too', async () => {
    writeFileSync(join(folder, 'slow.py'), 'import time\ntime.sleep(600)\n');
    const source = programs.serve.replace(apps, folder);
    writeFileSync(join(folder, 'early.mjs'), source);
    const line = 'node early.mjs slow:app & echo "starter $!"; wait $!; exec sleep 1000';
    const shell = new SpawnedProcess('sh', ['-c', line], { cwd: folder, env: env() });
    const [, starter] = await shell.waitForOutput(/starter (\d+)/);
    await shell.waitForOutput(/Booting worker/, { count: 2 });
    process.kill(Number(starter), 'SIGKILL');
    await untilGone(pidsIn(shell));
    shell.killGroup();
  });
});

describe('below npm, a server goes', { concurrency: true }, () => {
  test('when npm is killed', async () => {
    const { shell, starter, server } = await below('npm run --silent plain', 2);
    assert.match(shell.output(), /Watching the processes above this server: .*"npm run/);
    process.kill(starter, 'SIGKILL');
    await untilGone(server);
    await shell.waitForOutput(
      /The process that this server belongs to is gone \(pid \d+: "npm run/,
    );
    shell.killGroup();
  });

  test('when the shell between is killed, though a view runs', async () => {
    await using gate = await openGate();
    const { shell, server } = await below('npm run --silent between', 2);
    const [, url = ''] = /Listening at: (\S+)/.exec(shell.output()) ?? [];
    fetch(`${url}/sleep?${gate.query}`).catch(() => undefined);
    await gate.said();
    process.kill(parentOf(server[0] ?? 0), 'SIGKILL');
    await untilGone(server);
    shell.killGroup();
  });

  test('when npx is killed', async () => {
    const command = `npx --no -c '${scripts.plain}'`;
    const { shell, starter, server } = await below(command, 2);
    process.kill(starter, 'SIGKILL');
    await untilGone(server);
    shell.killGroup();
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`in order at ${signal} to the whole group, which npm passes on once more`, async () => {
      const { shell, starter, server } = await below('npm run --silent plain', 2);
      // As to a group, but for the shell that shall outlive it.
      const group = new Set([...server, parentOf(server[0] ?? 0), starter]);
      for (const pid of group) {
        try {
          process.kill(pid, signal);
        } catch (error) {
          // Those that were told first may have ended it meanwhile.
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
      await untilGone([...group]);
      await shell.waitForOutput(/Shutting down: Master\n.*Served 0 requests, cut off 0/);
      assert.doesNotMatch(shell.output(), /Traceback|Error:|\n {4}at |CRITICAL|ERROR/);
      shell.killGroup();
    });
  }

  test('after what it runs at a SIGTERM that has ended the shell between as well', async () => {
    await using gate = await openGate();
    const { shell, server } = await below('npm run --silent between', 2);
    const [, url = ''] = /Listening at: (\S+)/.exec(shell.output()) ?? [];
    const answer = fetch(`${url}/sleep?${gate.query}`).then((response) => response.text());
    await gate.said();
    const [master = 0] = server;
    const between = parentOf(master);
    for (const pid of [master, between]) process.kill(pid, 'SIGTERM');
    await shell.waitForOutput(/ended \d+/); // npm is gone
    await shell.waitForOutput(/Worker exiting/); // one that had nothing to finish
    gate.letGo();
    assert.equal(await answer, 'slept\n');
    await untilGone(server);
    shell.killGroup();
  });
});

describe('a server that is to stay stays', { concurrency: true }, () => {
  for (const script of ['apart', 'kept'] as const) {
    test(`when npm is killed: ${script}`, async () => {
      const shellOfNpm = script === 'kept' ? '--script-shell=bash' : '';
      const { shell, starter, server } = await below(`npm run --silent ${shellOfNpm} ${script}`, 1);
      const [master = 0] = server;
      assert.match(shell.output(), /No process above this server is watched/);
      process.kill(starter, 'SIGKILL');
      await shell.waitForOutput(/ended 137/);
      process.kill(master, 'SIGTERM');
      await untilGone(server);
      assert.match(shell.output(), /Handling signal: term/);
      shell.killGroup();
    });
  }

  test('when a script ends that has left it in the background', async () => {
    const { shell, server } = await below('npm run --silent left', 1);
    const [master = 0] = server;
    await shell.waitForOutput(/ended 0/);
    assert.match(shell.output(), /No process above this server is watched/);
    process.kill(master, 'SIGTERM');
    await untilGone(server);
    assert.match(shell.output(), /Handling signal: term/);
    shell.killGroup();
  });
});

describe('what people run several commands with', { concurrency: true }, () => {
  test('concurrently: its end, by whatever signal, is the server’s', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const { shell, server } = await below('npm run --silent both', 1);
      // The server's shell may have become the server: then concurrently is its parent.
      const concurrently = ancestorCalled('concurrently', server[0] ?? 0);
      process.kill(concurrently, signal);
      await untilGone([concurrently, ...server]);
      shell.killGroup();
    }
  });

  test('run-p of npm-run-all: the same', async () => {
    const { shell, starter, server } = await below('npm run --silent parallel', 2);
    process.kill(starter, 'SIGTERM');
    await untilGone(server);
    shell.killGroup();
  });

  test('start-server-and-test: the server comes up, the test runs, nothing is left', async () => {
    const port = await freePort();
    const command = new SpawnedProcess('npm', ['run', '--silent', 'tested'], {
      cwd: folder,
      env: { ...env(), PORT_TO_TEST: String(port) },
    });
    await command.waitForOutput(/checked: Hello, World!/);
    const server = pidsIn(command);
    assert.equal(await command.waitForEnd(), 0, command.output());
    await untilGone(server);
  });
});

function ancestorCalled(name: string, pid: number): number {
  let found = pid;
  while (!readFileSync(`/proc/${found}/cmdline`, 'latin1').includes(name) || found === pid) {
    found = parentOf(found);
    assert.ok(found > 1, `no ${name} above ${pid}`);
  }
  return found;
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
