// Which sockets a service manager has passed, by the environment alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeActivation } from '../../../src/master/activation.ts';

const fds = (env: NodeJS.ProcessEnv) =>
  takeActivation(env, [77]).map((address) => ({ ...address }));

test('there is one address for each descriptor from 3 on, and nobody below reads of them', () => {
  const env = { LISTEN_FDS: '2', LISTEN_PID: '77', LISTEN_FDNAMES: 'a:b', HOME: '/' };
  assert.deepEqual(fds(env), [
    { kind: 'fd', fd: 3 },
    { kind: 'fd', fd: 4 },
  ]);
  assert.deepEqual(env, { HOME: '/' });
});

test('what was meant for another process, or is no number, is none', () => {
  for (const env of [
    {},
    { LISTEN_FDS: '1' },
    { LISTEN_FDS: '1', LISTEN_PID: '76' },
    { LISTEN_FDS: '0', LISTEN_PID: '77' },
    { LISTEN_FDS: '-1', LISTEN_PID: '77' },
    { LISTEN_FDS: '1e9', LISTEN_PID: '77' },
    { LISTEN_FDS: '9999999', LISTEN_PID: '77' },
  ]) {
    assert.deepEqual(fds(env), []);
    assert.deepEqual(env, {});
  }
});
