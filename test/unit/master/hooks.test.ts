// What the master asks of Python for its hooks, and what it makes of the answers; Python is a stub here.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import type { Plain } from '../../../src/bridge/interpreter.ts';
import { WsgiTsError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/log/logger.ts';
import { openMasterHooks, type MasterHooks } from '../../../src/master/hooks.ts';
import type { WorkerConfiguration } from '../../../src/messages.ts';
import { defaultSettings } from '../../helpers/default-settings.ts';

const settings = {
  ...defaultSettings('/srv'),
  app: 'shop:app',
  bind: ['127.0.0.1:8000', 'unix:/run/shop.sock', 'fd://3'],
  workers: 2,
};
const failure = {
  ok: false,
  code: 'ERR_WSGI_HOOK_FAILED',
  exit_code: 7,
  message: 'it broke',
  remedy: null,
  traceback: 'Traceback: broken',
} as const;

/** Hooks whose Python answers `failing` with a failure, and each call with one line of the log. */
function open(failing: readonly string[] = []) {
  const asked: Plain[][] = [];
  const logged: string[] = [];
  let waiting: string | null = null;
  const hooks = openMasterHooks({
    file: { kind: 'file', location: 'conf.py', directory: '/srv' },
    settings,
    interpreter: {
      call: (module, name, ...args) => {
        assert.equal(module, 'hooks');
        if (name === 'lines') {
          const lines = waiting === null ? [] : [['warning', waiting]];
          waiting = null;
          return lines;
        }
        asked.push([name, ...args]);
        const hook = name === 'call' && typeof args[0] === 'string' ? args[0] : name;
        if (name === 'call') waiting = `said by ${hook}`;
        return failing.includes(hook) ? failure : name === 'finish' ? true : { ok: true };
      },
    },
    logger: {
      log: (level: string, text: string) => logged.push(`${level}: ${text}`),
      error: (text: string) => logged.push(`error: ${text}`),
      warning: (text: string) => logged.push(`warning: ${text}`),
    } as unknown as Logger,
  });
  return { hooks, asked, logged };
}

function walk(hooks: MasterHooks): void {
  hooks.onStarting();
  hooks.whenReady([{ fd: 9, url: 'http://127.0.0.1:8000' }]);
  assert.equal(
    hooks.preFork(1, () => undefined),
    true,
  );
  hooks.forked(1, 77);
  hooks.forked(2, undefined);
  hooks.workersChanged(3, 2);
  hooks.childExit(1, { code: null, signal: 'SIGKILL' });
  hooks.onReload(settings);
  assert.equal(hooks.preExec(), true);
  hooks.onExit();
}

suite('a master with a settings file', () => {
  test('tells Python each moment and what it knows', () => {
    const { hooks, asked } = open();
    walk(hooks);
    const [[, facts] = []] = asked;
    assert.deepEqual(
      asked.map((each) => (each[0] === 'open_hooks' ? ['open_hooks'] : each)),
      [
        ['open_hooks'],
        ['call', 'nworkers_changed', 2, null],
        ['call', 'on_starting'],
        ['call', 'when_ready', [{ fd: 9, url: 'http://127.0.0.1:8000' }]],
        ['call', 'pre_fork', 1],
        ['call', 'forked', 1, 77],
        ['call', 'nworkers_changed', 3, 2],
        ['call', 'child_exit', 1, null, 'SIGKILL'],
        ['open_hooks'],
        ['call', 'on_reload'],
        ['call', 'pre_exec'],
        ['call', 'on_exit'],
        ['finish', 30],
      ],
    );
    const { settings: told, addresses, location } = facts as Record<string, Plain>;
    assert.deepEqual(addresses, [['127.0.0.1', 8000], '/run/shop.sock', 3]);
    assert.equal((told as Record<string, Plain>)['graceful_timeout'], 30);
    assert.equal(location, 'conf.py');
    assert.deepEqual(JSON.parse(JSON.stringify(facts)), facts);
  });

  test('gives a worker what its own hooks need', () => {
    const { hooks } = open();
    const configuration = { app: 'shop:app' } as WorkerConfiguration;
    const { hooks: facts, app } = hooks.configured(configuration, settings, 5);
    assert.deepEqual(
      [app, facts?.age, facts?.kind, facts?.app],
      ['shop:app', 5, 'file', 'shop:app'],
    );
    hooks.onExit();
  });

  for (const name of ['open_hooks', 'nworkers_changed', 'on_starting', 'when_ready']) {
    test(`does not start where ${name} fails, and no on_exit follows`, () => {
      assert.throws(
        () => {
          const { hooks, asked } = open([name]);
          try {
            walk(hooks);
          } finally {
            hooks.onExit();
            assert.ok(!asked.some(([, hook]) => hook === 'on_exit'));
          }
        },
        (error) => error instanceof WsgiTsError && error.exitCode === 7,
      );
    });
  }

  test('reports a worker whose pre_fork failed as one that was never started', async () => {
    const { hooks } = open(['pre_fork']);
    const reported = new EventTarget();
    const waiting = once(reported, 'refused');
    let refusal: unknown;
    const starts = hooks.preFork(4, (given) => {
      refusal = given;
      reported.dispatchEvent(new Event('refused'));
    });
    assert.equal(starts, false);
    assert.equal(refusal, undefined, 'not before the arbiter is done');
    await waiting;
    assert.deepEqual(refusal, {
      type: 'exited',
      id: 4,
      code: null,
      signal: null,
      failure: 'it broke\nTraceback: broken',
    });
    hooks.onExit();
  });

  test('logs what hooks say, then how they failed, and goes on', () => {
    const failing = ['child_exit', 'on_reload', 'pre_exec', 'on_exit'];
    const { hooks, logged } = open(failing);
    hooks.onStarting();
    hooks.whenReady([]);
    logged.length = 0;
    hooks.childExit(1, { code: 0, signal: null });
    hooks.onReload(settings);
    assert.equal(hooks.preExec(), false);
    hooks.onExit();
    assert.deepEqual(
      logged,
      failing.flatMap((name) => [`warning: said by ${name}`, 'error: it broke\nTraceback: broken']),
    );
  });
});

test('a master without a settings file asks Python nothing, and changes nothing', () => {
  const hooks = openMasterHooks({
    file: null,
    settings,
    interpreter: { call: () => assert.fail('Python was asked') },
    logger: {} as Logger,
  });
  walk(hooks);
  const configuration = {} as WorkerConfiguration;
  assert.equal(hooks.configured(configuration, settings, 1), configuration);
});
