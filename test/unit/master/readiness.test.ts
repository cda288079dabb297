// The ready file, in real folders: where it is does not depend on where the server has gone since.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Readiness } from '../../../src/master/readiness.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-ready-file-'));
after(() => {
  process.chdir('/');
  rmSync(folder, { recursive: true });
});

test('a relative path is one of the directory of the start, though a reload has led elsewhere', () => {
  const errors: string[] = [];
  for (const name of ['old', 'new']) mkdirSync(join(folder, name));
  process.chdir(join(folder, 'old'));
  const readiness = new Readiness(
    { readyFd: null, readyFile: 'ready' },
    { error: (message) => errors.push(message) },
    false,
  );
  readiness.serving(['http://127.0.0.1:1']);
  process.chdir(join(folder, 'new'));
  readiness.serving(['http://127.0.0.1:2']);
  assert.equal(readFileSync(join(folder, 'old', 'ready'), 'utf8'), 'http://127.0.0.1:2\n');
  assert.deepEqual(readdirSync(join(folder, 'new')), []);
  readiness.close();
  assert.ok(!existsSync(join(folder, 'old', 'ready')));
  assert.deepEqual(errors, []);
});
