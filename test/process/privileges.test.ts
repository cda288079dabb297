// --user, --group, --initgroups and --umask: whose rights the workers have, and what belongs to them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer } from '../helpers/server-process.ts';
import type { ServerProcess } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-privileges-'));
before(() => {
  chmodSync(folder, 0o755);
  copyFileSync(
    inRepository('fixtures', 'apps', 'process_facts.py'),
    join(folder, 'process_facts.py'),
  );
});
after(() => {
  rmSync(folder, { recursive: true });
});

const app = ['--chdir', folder, 'process_facts:app'];
/** Nobody's, and no account's. */
const other = { uid: 54321, gid: 54322 };
/** A Python may have to be compiled for. */
const patience = 180_000;

/** Whether there is such a Python, and the user `other` may read it. */
function mayRun(program: string): boolean {
  if (!existsSync(program)) return false;
  const drop = [`--reuid=${other.uid}`, `--regid=${other.gid}`, '--clear-groups', '--'];
  return spawnSync('setpriv', [...drop, 'test', '-r', realpathSync(program)]).status === 0;
}

const isRoot = process.getuid?.() === 0;
const pythons = [testPythonEnvironment().python, '/usr/bin/python3'];
const python = isRoot ? pythons.find(mayRun) : undefined;
const needsRoot = isRoot ? false : 'only root can give up its rights';
const needsPython =
  needsRoot || (python === undefined ? 'no Python here may be read by another user' : false);

interface Facts {
  readonly pid: number;
  readonly uids: number[];
  readonly gids: number[];
  readonly groups: number[];
  readonly umask: number;
}

async function ask(server: ServerProcess, path: string): Promise<string> {
  using client = await connect(server.port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return (await client.readResponse()).text;
}

async function facts(server: ServerProcess, path = '/'): Promise<Facts> {
  return JSON.parse(await ask(server, path)) as Facts;
}

const three = (id: number): number[] => [id, id, id];

describe('a worker of root’s server', { skip: needsPython }, () => {
  test('has the rights of --user and --group alone, for good, and can use what the master opened', async () => {
    const files = ['--error-logfile=error.log', '--access-logfile=access.log', '--pid=server.pid'];
    const sockets = ['--bind=127.0.0.1:0', '--bind=unix:server.sock', '--umask=027'];
    const who = [`--user=${other.uid}`, `--group=${other.gid}`, '--python', python ?? ''];
    const log = join(folder, 'error.log');
    const server = await startServer([...files, ...sockets, ...who, ...app], {
      ready: 'spawned',
      patience,
    });
    const env = { PATH: process.env['PATH'] ?? '' };
    const tail = new SpawnedProcess('tail', ['-n', '+1', '-F', '-s', '0.1', log], {
      cwd: folder,
      env,
    });
    await tail.waitForOutput(/Worker ready/, { patience });
    const [, port] = /Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(tail.stdout()) ?? [];
    const request = async (path: string): Promise<string> => {
      using client = await connect(Number(port));
      await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      return (await client.readResponse()).text;
    };

    const seen = JSON.parse(await request('/stdout')) as Facts;
    assert.deepEqual(seen.uids, three(other.uid));
    assert.deepEqual(seen.gids, three(other.gid));
    assert.deepEqual(seen.groups, [other.gid]);
    assert.equal(seen.umask, 0o027);
    await server.waitForOutput(/written through \/dev\/stdout/, { stream: 'stdout' });
    assert.match(await request('/root'), /Internal Server Error/);
    await tail.waitForOutput(/PermissionError/);

    const of = (name: string): number[] => {
      const { uid, gid, mode } = statSync(join(folder, name));
      return [uid, gid, mode & 0o777];
    };
    assert.deepEqual(of('error.log'), [other.uid, other.gid, 0o640]);
    assert.deepEqual(of('access.log'), [other.uid, other.gid, 0o640]);
    assert.deepEqual(of('server.sock'), [other.uid, other.gid, 0o750]);
    // Whoever reads it as root must be able to believe it.
    assert.deepEqual(of('server.pid'), [0, 0, 0o644]);

    for (const name of ['error.log', 'access.log'])
      renameSync(join(folder, name), join(folder, `${name}.1`));
    server.signal('SIGUSR1');
    await tail.waitForOutput(/has (been replaced|appeared)/, { stream: 'stderr' });
    // Each worker opens them when its signal arrives.
    const rotated = join(folder, 'access.log');
    const isThere = (): boolean =>
      existsSync(rotated) && readFileSync(rotated, 'latin1').includes('after-rotation');
    while (!isThere()) await request('/after-rotation');
    assert.equal(await server.stop(), 0);
    await tail.waitForOutput(/Worker exiting/);
    tail.killGroup();
    assert.deepEqual(of('error.log'), [other.uid, other.gid, 0o640]);
  });

  test('has the first group of a user that is given alone, and all of them with --initgroups', async (context) => {
    const line = spawnSync('getent', ['passwd', 'www-data'], { encoding: 'utf8' }).stdout.split(
      ':',
    );
    if (line.length < 4) {
      context.skip('there is no user www-data here');
      return;
    }
    const [uid, gid] = [Number(line[2]), Number(line[3])];
    const all = spawnSync('id', ['-G', 'www-data'], { encoding: 'utf8' })
      .stdout.trim()
      .split(' ')
      .map(Number);
    for (const [args, groups] of [
      [[], [gid]],
      [['--initgroups'], all],
    ] as const) {
      const who = ['--user=www-data', ...args, '--python', python ?? ''];
      await using server = await startServer([...who, ...app], { patience });
      const seen = await facts(server);
      assert.deepEqual([seen.uids, seen.gids, seen.groups], [three(uid), three(gid), groups]);
    }
  });

  test('keeps the user, with --group alone', async () => {
    await using server = await startServer([`--group=${other.gid}`, ...app]);
    const seen = await facts(server);
    assert.deepEqual(
      [seen.uids, seen.gids, seen.groups],
      [three(0), three(other.gid), [other.gid]],
    );
  });
});

test(
  'an app and a Python that the user may not read are one clear error',
  { skip: needsRoot },
  async () => {
    const hidden = mkdtempSync(join(tmpdir(), 'wsgi-ts-hidden-'));
    copyFileSync(join(folder, 'process_facts.py'), join(hidden, 'process_facts.py'));
    const args = [`--user=${other.uid}`, '--bind=127.0.0.1:0', '--chdir', hidden];
    const { end, stderr } = await runCli([...args, 'process_facts:app']);
    rmSync(hidden, { recursive: true });
    assert.equal(end, 3);
    assert.match(
      stderr,
      new RegExp(
        `User ${other.uid} may not read ${realpathSync(tmpdir())}/wsgi-ts-hidden-\\S+, where the app is\nPut`,
      ),
    );
  },
);

test('who is not root is told so before anything starts', async () => {
  const cli = [process.execPath, inRepository('dist', 'src', 'cli.js')];
  const drop = ['--bounding-set=-setuid', '--inh-caps=-setuid', '--', ...cli];
  const [program = '', ...before] = isRoot ? ['setpriv', ...drop] : cli;
  const args = [`--user=${other.uid}`, '--bind=127.0.0.1:0', ...app];
  const server = new SpawnedProcess(program, [...before, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
  });
  assert.equal(await server.waitForEnd(), 1);
  assert.match(
    server.stderr(),
    /^Error: Workers can't become user 54321: (only root can|this root lacks CAP_SETUID)/,
  );
});

test('the user that the server has already is no change, and needs no right', async () => {
  const uid = process.getuid?.() ?? 0;
  await using server = await startServer([`--user=${uid}`, ...app]);
  assert.deepEqual((await facts(server)).uids, three(uid));
});
