// docs/signals.md lists the signals of both tables, in their order, and no other.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { signalTable } from '../src/master/signals.ts';
import { workerSignals } from '../src/worker/worker-signals.ts';
import { inRepository } from './helpers/repository.ts';

test('docs/signals.md lists what master and workers handle', () => {
  const page = readFileSync(inRepository('docs', 'signals.md'), 'utf8');
  const [master = '', worker = ''] = page.split('\nTo a worker');
  const listed = (text: string): (string | undefined)[] =>
    [...text.matchAll(/^\| `(SIG\w+)`/gm)].map(([, signal]) => signal);
  assert.deepEqual(listed(master), Object.keys(signalTable));
  assert.deepEqual(listed(worker), Object.keys(workerSignals));
});
