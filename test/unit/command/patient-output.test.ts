// A full pipe holds up nothing: what is written comes when there is room, and waiting for it can be ended.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PatientOutput } from '../../../src/command/patient-output.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-output-'));
const path = join(folder, 'pipe');
execFileSync('mkfifo', [path]);
const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
const blocking = openSync(path, constants.O_WRONLY);
after(() => {
  closeSync(reader);
  closeSync(blocking);
  rmSync(folder, { recursive: true });
});

/** All that is in the pipe. */
function read(): string {
  const buffer = Buffer.alloc(1024 * 1024);
  return buffer.toString('latin1', 0, readSync(reader, buffer));
}

test('all comes in its order, when there is room', async () => {
  const output = new PatientOutput(blocking, new AbortController().signal);
  output.write('a'.repeat(100_000));
  output.write('end');
  const first = read();
  assert.match(first, /^a+$/);
  await output.drained();
  assert.equal(first + read(), `${'a'.repeat(100_000)}end`);
  output.close();
  writeSync(blocking, 'still blocking');
  assert.equal(read(), 'still blocking');
});

test('waiting ends with the signal', async () => {
  const interruption = new AbortController();
  const output = new PatientOutput(blocking, interruption.signal);
  output.write('a'.repeat(100_000));
  interruption.abort();
  await assert.rejects(output.drained(), { name: 'AbortError' });
  output.write('more');
  output.close();
});
