// What is written into the file of a smoke test's server comes back in portions, each once, and harmless.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fstatSync, mkdtempSync, readdirSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CapturedOutput } from '../../../src/smoke/captured-output.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-captured-'));
process.env['TMPDIR'] = folder;
const output = new CapturedOutput();
after(() => {
  output.close();
  rmdirSync(folder);
});

test('each portion comes once, whoever writes: this process or one that has inherited it', () => {
  assert.equal(output.take(), '');
  writeSync(output.fd, 'one\n');
  spawnSync('sh', ['-c', 'echo two; echo three >&2'], { stdio: ['ignore', output.fd, output.fd] });
  assert.equal(output.take(), 'one\ntwo\nthree\n');
  assert.equal(output.take(), '');
  writeSync(output.fd, 'fünf');
  assert.equal(output.take(), 'fünf');
});

test('nothing of it can do harm to a terminal', () => {
  writeSync(output.fd, Buffer.from('\x1b[31mred\0\xff\n', 'latin1'));
  const text = output.take();
  assert.doesNotMatch(text, /[\0-\x08\x0b-\x1f]/);
  assert.match(text, /red/);
});

test('of a long portion its start and its end are kept, and it is said what is missing', () => {
  const half = 32 * 1024;
  writeSync(output.fd, `${'a'.repeat(half)}${'b'.repeat(12_345)}${'c'.repeat(half)}`);
  const text = output.take();
  assert.equal(text, `${'a'.repeat(half)}\n[12345 bytes left out]\n${'c'.repeat(half)}`);
});

test('a large file is emptied while it is written, and of its text start and end are kept', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const large = new CapturedOutput();
  const [megabyte, half] = [Buffer.alloc(1024 * 1024, 'b'), 32 * 1024];
  for (const start of ['one', 'two']) {
    writeSync(large.fd, start);
    for (let count = 0; count < 65; count++) writeSync(large.fd, megabyte);
    context.mock.timers.tick(1000);
    assert.equal(fstatSync(large.fd).size, 0);
  }
  writeSync(large.fd, 'end');
  const leftOut = 2 * (3 + 65 * megabyte.length) - half;
  const expected = `one${'b'.repeat(half - 3)}\n[${leftOut} bytes left out]\nend`;
  assert.ok(large.take() === expected);
  writeSync(large.fd, 'next');
  assert.equal(large.take(), 'next');
  large.close();
});

test('no file of it is left, nor its folder', () => {
  assert.deepEqual(readdirSync(folder), []);
});
