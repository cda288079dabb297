// The signals' table, and its tie to a process (an emitter here).

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { shortName, signalTable, watchSignals } from '../../../src/master/signals.ts';
import type { MasterSignal } from '../../../src/master/signals.ts';

const all = Object.keys(signalTable) as MasterSignal[];

test('every signal that gunicorn handles has a row', () => {
  assert.deepEqual(all.map(shortName).sort(), [
    'hup',
    'int',
    'quit',
    'term',
    'ttin',
    'ttou',
    'usr1',
    'usr2',
    'winch',
  ]);
});

test('TERM is graceful, INT and QUIT are not', () => {
  assert.deepEqual(signalTable.SIGTERM, { kind: 'stop', graceful: true });
  assert.deepEqual(signalTable.SIGINT, { kind: 'stop', graceful: false });
  assert.deepEqual(signalTable.SIGQUIT, { kind: 'stop', graceful: false });
});

test('each signal of the table is reported by its name, until the watch ends', () => {
  const source = new EventEmitter();
  const reported: MasterSignal[] = [];
  const unwatch = watchSignals(source, (signal) => reported.push(signal));
  for (const signal of all) source.emit(signal);
  assert.deepEqual(reported, all);
  unwatch();
  for (const signal of all) assert.equal(source.emit(signal), false);
});
