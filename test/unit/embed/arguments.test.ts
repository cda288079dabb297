// Options as arguments of the command.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argumentsOf } from '../../../src/embed/arguments.ts';

test('texts are arguments: the last one, or each where a flag may be repeated', () => {
  assert.deepEqual(argumentsOf({ workers: ['2', '4'], bind: ['-x:1', 'unix:/a b'] }), [
    '--bind=-x:1',
    '--bind=unix:/a b',
    '--workers=4',
  ]);
});

test('a switch is its flag where it says what the flag says, and nothing else', () => {
  assert.deepEqual(argumentsOf({ preloadApp: ['true'], sendfile: ['false'] }), [
    '--preload',
    '--no-sendfile',
  ]);
  assert.deepEqual(argumentsOf({ preloadApp: ['false'], sendfile: ['true'] }), []);
});
