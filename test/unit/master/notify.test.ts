// What the service manager is told, with a Python that only writes it down.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plain } from '../../../src/bridge/interpreter.ts';
import { ServiceNotifier, takeServiceManager } from '../../../src/master/notify.ts';
import { initialState } from '../../../src/master/supervision.ts';
import type { Phase, Worker } from '../../../src/master/supervision.ts';

function notifier(socket: string | null, answer = '') {
  const sent: Plain[] = [];
  const warnings: string[] = [];
  const call = (module: string, name: string, ...args: Plain[]): Plain => {
    assert.deepEqual([module, name, args[0]], ['notify', 'send', socket]);
    sent.push(args[1] ?? null);
    return answer;
  };
  const logger = { warning: (line: string) => warnings.push(line) };
  const manager = { socket, watchdog: null, variables: {} };
  return { service: new ServiceNotifier(manager, { call }, logger), sent, warnings };
}

const state = initialState(
  { workers: 2, timeout: 0, gracefulTimeout: 0, bootTimeout: 0, drainDelay: 0 },
  0,
);
const workers = (...phases: Phase[]) => phases.map((phase, id) => ({ id, phase }) as Worker);

test('ready is said with the first worker that serves, the number when it changes, stopping once', () => {
  const { service, sent } = notifier('/run/notify');
  const stop = { exitCode: 0, reason: null, since: 0 };
  for (const phases of [
    ['booting'],
    ['ready', 'booting'],
    ['ready', 'ready'],
    ['ready', 'retiring'],
    [],
  ] as const)
    service.observe({ ...state, workers: workers(...phases) });
  service.observe({ ...state, stop });
  service.observe({ ...state, stop });
  assert.deepEqual(sent, [
    'READY=1',
    'STATUS=1 worker serves',
    'STATUS=2 workers serve',
    'STATUS=No worker serves',
    'STOPPING=1\nSTATUS=Stopping',
  ]);
});

test('a reload, another main process and a status have their words; a status has one line', () => {
  const { service, sent } = notifier('@abstract');
  service.reloading();
  assert.deepEqual(sent, [], 'nothing is reloaded before it was ready');
  service.ready();
  sent.length = 0;
  service.reloading();
  service.reloaded();
  service.reloaded();
  service.mainPid(4711);
  service.mainPid(4711);
  service.status('one\nMAINPID=1');
  service.watchdog();
  const [first] = sent.splice(0, 1);
  assert.match(JSON.stringify(first), /^\"RELOADING=1\\nMONOTONIC_USEC=\d+\"$/);
  assert.deepEqual(sent, ['READY=1', 'MAINPID=4711', 'STATUS=one MAINPID=1', 'WATCHDOG=1']);
});

test('without a service manager nothing is said', () => {
  const { service, sent } = notifier(null);
  service.ready();
  service.observe({ ...state, workers: workers('ready') });
  service.stopping();
  assert.deepEqual(sent, []);
});

test('one that can not be told is complained of once', () => {
  const { service, warnings } = notifier('/gone', 'No such file');
  service.ready();
  service.watchdog();
  assert.deepEqual(warnings, [`The service manager can't be told (/gone): "No such file"`]);
});

test('the environment says who and how often, and is rid of it', () => {
  for (const [env, socket, watchdog] of [
    [{}, null, null],
    [{ NOTIFY_SOCKET: '/run/n' }, '/run/n', null],
    [{ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '2000000' }, '@n', 2000],
    [{ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '5000', WATCHDOG_PID: '77' }, '@n', 5],
    [{ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '5000', WATCHDOG_PID: '76' }, '@n', null],
    [{ NOTIFY_SOCKET: 'vsock:2:1', WATCHDOG_USEC: '5000' }, null, null],
    [{ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: 'x' }, '@n', null],
  ] as [NodeJS.ProcessEnv, string | null, number | null][]) {
    const before = { ...env };
    assert.deepEqual(takeServiceManager(env, 77), { socket, watchdog, variables: before });
    assert.deepEqual(env, {});
  }
});
