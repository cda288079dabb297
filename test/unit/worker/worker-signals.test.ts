import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import {
  watchSignals,
  type WorkerOrder,
  workerSignals,
} from '../../../src/worker/worker-signals.ts';

test('each signal of the table is one order, also after the handlers were installed anew', () => {
  const source = new EventEmitter();
  const orders: WorkerOrder[] = [];
  const install = watchSignals(source, (order) => orders.push(order));
  install();
  for (const signal of Object.keys(workerSignals)) {
    assert.equal(source.listenerCount(signal), 1);
    source.emit(signal);
  }
  assert.deepEqual(orders, Object.values(workerSignals));
});

test('handlers are installed anew in a way that the kernel hears of: none is left in between', () => {
  const source = new EventEmitter();
  const install = watchSignals(source, () => undefined);
  const counts: number[] = [];
  source.on('removeListener', (signal: string) => counts.push(source.listenerCount(signal)));
  install();
  assert.deepEqual(
    counts,
    Object.keys(workerSignals).map(() => 0),
  );
});
