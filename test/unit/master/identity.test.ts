// Who the workers become, by what the master may do; and which files are given away, in a real folder.

import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { giveLogFiles, workerIdentity } from '../../../src/master/identity.ts';

const nothing = { user: null, group: null, initgroups: false };
const all = (1n << 41n) - 1n;
const root = { uid: 0, gid: 0, capabilities: all };
const nobody = { uid: 54321, gid: 54322, capabilities: 0n };

test('without settings, or with those that change nothing, workers are who the master is', () => {
  assert.equal(workerIdentity(nothing, root), null);
  assert.equal(workerIdentity({ ...nothing, user: 54321, group: 54322 }, nobody), null);
});

test('a user without a group gets its own; one without an account the master’s', () => {
  assert.deepEqual(workerIdentity({ ...nothing, user: 0 }, { ...root, uid: 0, gid: 5 }), null);
  const stranger = { ...nothing, user: 54321, initgroups: true };
  assert.deepEqual(workerIdentity(stranger, root), { uid: 54321, gid: 0, initgroups: false });
  const given = { ...nothing, user: 54321, group: 7 };
  assert.deepEqual(workerIdentity(given, root), { uid: 54321, gid: 7, initgroups: false });
});

test('who may not is refused, and told what is missing', () => {
  const change = { ...nothing, user: 33, group: 33 };
  assert.throws(() => workerIdentity(change, nobody), {
    code: 'ERR_WSGI_PRIVILEGES',
    exitCode: 1,
    message: /user 33: only root/,
  });
  const poor = { ...root, capabilities: all & ~(1n << 7n) & ~(1n << 5n) };
  assert.throws(() => workerIdentity(change, poor), { message: /lacks CAP_KILL, CAP_SETUID$/ });
  assert.ok(workerIdentity(change, { ...root, capabilities: null }));
});

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-identity-'));
after(() => {
  rmSync(folder, { recursive: true });
});

test(
  'log files are made and given away, but no link, no second name and no folder is',
  { skip: process.getuid?.() === 0 ? false : 'only root can give a file away' },
  () => {
    const path = (name: string): string => join(folder, name);
    for (const name of ['precious', 'linked']) writeFileSync(path(name), '');
    symlinkSync('precious', path('symlink'));
    linkSync(path('linked'), path('hardlink'));
    const files = ['new.log', 'symlink', 'hardlink', 'no/such/folder'].map(path);
    giveLogFiles([...files, folder, '-', null], { uid: 54321, gid: 54322, initgroups: false });
    const owner = (name: string): number => statSync(path(name)).uid;
    assert.equal(owner('new.log'), 54321);
    assert.deepEqual(['precious', 'linked', '.'].map(owner), [0, 0, 0]);
    assert.ok(!existsSync(path('no')));
  },
);
