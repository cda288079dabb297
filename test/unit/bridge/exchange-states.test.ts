// The exchange's state table, walked whole; what the states do is seen in test/functional.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSITIONS, type ExchangeState } from '../../../src/bridge/exchange-states.ts';

const states = Object.keys(TRANSITIONS) as ExchangeState[];

test('every state can be reached, and every state but the last can be left', () => {
  const reached = new Set<ExchangeState>(['receiving']);
  for (const state of reached)
    for (const next of Object.values(TRANSITIONS[state])) reached.add(next);
  assert.deepEqual([...reached].sort(), [...states].sort());
  for (const state of states) {
    assert.equal(Object.keys(TRANSITIONS[state]).length === 0, state === 'over');
  }
});

test('what is over stays over', () => {
  assert.deepEqual(TRANSITIONS.over, {});
});

test('a response begins only once', () => {
  for (const state of states) {
    const begins = ['response', 'responseStream', 'responseFile'].some(
      (event) => event in TRANSITIONS[state],
    );
    assert.equal(begins, state === 'dispatched', state);
  }
});

test('each state can end: the client leaves, Python says so, or all has been sent', () => {
  for (const state of states.filter((each) => each !== 'over')) {
    const { clientGone, end, sent } = TRANSITIONS[state];
    assert.ok([clientGone, end, sent].includes('over'), state);
  }
});
