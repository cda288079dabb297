// Which processes above a server are watched: a pure question, of a table of processes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ancestorsToWatch, isKeptByNohup, type Ancestor } from '../../../src/master/ancestors.ts';

const npm = { npm_lifecycle_event: 'dev', npm_command: 'run-script' };

/** Commands from the server upwards, and what they are to be watched as: pids 9, 8, 7 … of one session. */
function watched(
  commands: readonly string[],
  variables: Record<string, string> = npm,
  session: (pid: number) => number = () => 1,
) {
  const table = new Map(
    commands.map((command, index): [number, Ancestor] => {
      const pid = 9 - index;
      return [pid, { pid, parent: pid - 1, session: session(pid), began: '1', command }];
    }),
  );
  return ancestorsToWatch(9, variables, (pid) => table.get(pid) ?? null).map(({ pid }) => pid);
}

test('all up to the package manager are watched', () => {
  for (const manager of [
    'npm run dev',
    'npx wsgi-ts app:app',
    'node /usr/bin/yarn.js dev',
    'node /opt/pnpm.cjs dev',
    '/usr/bin/bun run dev',
    'npm exec wsgi-ts',
  ])
    assert.deepEqual(watched(['node cli.js', 'sh -c wsgi-ts', manager, 'bash']), [8, 7], manager);
});

test('up to the outermost one, and what is between', () => {
  assert.deepEqual(
    watched(['node cli.js', 'npm run api', 'node run-p', 'npm run dev', 'bash']),
    [8, 7, 6],
  );
});

test('none is watched without a package manager, be it by its variables or its process', () => {
  assert.deepEqual(watched(['node cli.js', 'sh -c wsgi-ts', 'npm run dev'], {}), []);
  assert.deepEqual(watched(['node cli.js', 'bash', '/usr/lib/systemd/systemd']), []);
  // A program whose name only holds one.
  assert.deepEqual(watched(['node cli.js', 'node /srv/npm-mirror/index.js']), []);
});

test('none is watched from another session: setsid, a terminal that npm has opened', () => {
  assert.deepEqual(
    watched(['node cli.js', 'sh', 'npm run dev'], npm, (pid) => (pid === 9 ? 9 : 1)),
    [],
  );
  assert.deepEqual(
    watched(['node cli.js', 'bash', 'xterm', 'npm run dev'], npm, (pid) => (pid > 7 ? 8 : 1)),
    [],
  );
});

test('nohup is known by the shell’s word and by its file', () => {
  assert.ok(isKeptByNohup({ _: '/usr/bin/nohup' }, []));
  assert.ok(isKeptByNohup({}, ['/home/me/nohup.out', 'pipe:[1]']));
  assert.ok(!isKeptByNohup({ _: '/usr/bin/npm' }, ['pipe:[1]', '/dev/pts/0']));
});
