// The pid file, in a real folder; which processes live is up to the test.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { claimPidfile } from '../../../src/master/pidfile.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-pidfile-'));
const path = join(folder, 'server.pid');
const everybodyLives = (): boolean => true;
const nobodyLives = (): boolean => false;

beforeEach(() => {
  rmSync(path, { force: true });
});
after(() => {
  rmSync(folder, { recursive: true });
});

test('the pid is in the file, and nothing else is in its folder', () => {
  claimPidfile(path, 4711, nobodyLives);
  assert.equal(readFileSync(path, 'utf8'), '4711\n');
  assert.deepEqual(readdirSync(folder), ['server.pid']);
});

test('the file of a process that runs is refused and left as it is', () => {
  writeFileSync(path, '99\n');
  assert.throws(() => claimPidfile(path, 4711, everybodyLives), {
    code: 'ERR_WSGI_ALREADY_RUNNING',
    exitCode: 1,
    message: /PID 99/,
  });
  assert.equal(readFileSync(path, 'utf8'), '99\n');
});

test('the file of a process that is gone is replaced', () => {
  writeFileSync(path, '99\n');
  claimPidfile(path, 4711, nobodyLives);
  assert.equal(readFileSync(path, 'utf8'), '4711\n');
});

test('a file that holds our own pid is taken over: in a container each run has the same', () => {
  writeFileSync(path, '1\n');
  claimPidfile(path, 1, everybodyLives).release();
  assert.deepEqual(readdirSync(folder), []);
});

test('a file that holds no pid is replaced', () => {
  for (const text of ['', 'none', '-5', '0']) {
    writeFileSync(path, text);
    claimPidfile(path, 4711, everybodyLives);
    assert.equal(readFileSync(path, 'utf8'), '4711\n');
  }
});

test('the file is removed at the end', () => {
  const pidfile = claimPidfile(path, 4711, nobodyLives);
  pidfile.release();
  assert.deepEqual(readdirSync(folder), []);
  pidfile.release();
});

test('the file of a successor is not removed', () => {
  const pidfile = claimPidfile(path, 4711, nobodyLives);
  writeFileSync(path, '4712\n');
  pidfile.release();
  assert.equal(readFileSync(path, 'utf8'), '4712\n');
});

test('a folder that does not exist is one clear error', () => {
  const missing = join(folder, 'none', 'server.pid');
  assert.throws(() => claimPidfile(missing, 1, nobodyLives), {
    code: 'ERR_WSGI_PIDFILE',
    message: `--pid: can't write ${missing}`,
    remedy: /ENOENT/,
  });
});

test('the file moves to another path, which is the one that is removed', () => {
  const pidfile = claimPidfile(`${path}.2`, 4711, nobodyLives);
  pidfile.rename(path);
  assert.deepEqual(readdirSync(folder), ['server.pid']);
  pidfile.rename(path);
  assert.equal(readFileSync(path, 'utf8'), '4711\n');
  pidfile.release();
  assert.deepEqual(readdirSync(folder), []);
});

test('it does not move to where a process that runs has its own', () => {
  writeFileSync(path, '99\n');
  const pidfile = claimPidfile(`${path}.2`, 4711, everybodyLives);
  assert.throws(
    () => {
      pidfile.rename(path);
    },
    { code: 'ERR_WSGI_ALREADY_RUNNING' },
  );
  assert.equal(readFileSync(`${path}.2`, 'utf8'), '4711\n');
  pidfile.release();
  assert.deepEqual(readdirSync(folder), ['server.pid']);
});

test('everybody may read it, whatever the umask', () => {
  const before = process.umask(0o777);
  claimPidfile(path, 4711, nobodyLives);
  process.umask(before);
  assert.equal(statSync(path).mode & 0o777, 0o644);
});
