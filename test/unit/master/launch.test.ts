// What whoever has started the server is told, and what they may ask for: the words over a channel that is a list.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { WsgiTsError } from '../../../src/errors.ts';
import type { ErrorReport } from '../../../src/error-report.ts';
import { launchVariable } from '../../../src/launch-words.ts';
import { Launch } from '../../../src/master/launch.ts';
import type { ChannelSource, ParentOrders } from '../../../src/master/parent-channel.ts';
import type { ArbiterState } from '../../../src/master/supervision.ts';

/** A process with a channel, or none. */
class Source extends EventEmitter {
  readonly pid = 4711;
  readonly sent: unknown[] = [];
  readonly killed: unknown[] = [];
  readonly send: unknown;
  connected: boolean;

  constructor(connected = true) {
    super();
    this.connected = connected;
    if (!connected) return;
    this.send = (message: unknown, _handle: unknown, _options: unknown, sent: () => void) => {
      this.sent.push(JSON.parse(JSON.stringify(message))); // as Node's IPC does
      sent();
    };
  }

  disconnect(): void {
    this.connected = false;
  }

  kill(pid: number, signal: string): void {
    this.killed.push([pid, signal]);
  }
}

function launched(mark?: string, source = new Source()): { launch: Launch; source: Source } {
  const env: NodeJS.ProcessEnv = mark === undefined ? {} : { [launchVariable]: mark };
  const launch = new Launch(source as unknown as ChannelSource, env);
  assert.deepEqual(env, {}, 'the app must not see the mark');
  return { launch, source };
}

/** Orders that write down what they are told. */
function orders(): { heard: unknown[]; listener: ParentOrders } {
  const heard: unknown[] = [];
  const listener: ParentOrders = {
    reload: () => heard.push('reload'),
    drainLogs: () => Promise.resolve(),
    gone: (...facts) => heard.push(facts),
  };
  return { heard, listener };
}

type Worker = Pick<ArbiterState['workers'][number], 'phase' | 'generation'>;

function observe(launch: Launch, state: Partial<ArbiterState>, workers: Worker[], port = 1): void {
  launch.observe(
    {
      generation: 1,
      fallback: null,
      target: 1,
      stop: null,
      ...state,
      workers,
    } as unknown as ArbiterState,
    {
      listeners: [{ url: `http://127.0.0.1:${port}` }] as never,
      settings: { gracefulTimeout: 30, drainDelay: 2 } as never,
    },
  );
}
const ready = (generation = 1): Worker => ({ phase: 'ready', generation });
const serving = (port = 1): unknown => ({
  ...{ type: 'serving', urls: [`http://127.0.0.1:${port}`], patience: 32 },
});

describe('whoever has started the server', () => {
  test('serve() is told of the addresses once a worker serves, and anew when they change', () => {
    const { launch, source } = launched('serve');
    observe(launch, {}, [{ phase: 'booting', generation: 1 }]);
    assert.deepEqual(source.sent, []);
    observe(launch, {}, [ready()]);
    observe(launch, {}, [ready(), ready()]);
    observe(launch, {}, [ready()], 2);
    assert.deepEqual(source.sent, [serving(), serving(2)]);
  });

  test('a program that has forked it hears `ready` alone, a daemon’s command that it serves, and no more', async () => {
    for (const [mark, said] of [
      [undefined, 'ready'],
      ['daemon', serving()],
    ] as const) {
      const { launch, source } = launched(mark);
      observe(launch, {}, [ready()]);
      launch.reloading(2);
      observe(launch, { generation: 2 }, [ready(2)]);
      launch.reloadFailed(new Error('never told'));
      await launch.failed(new Error('never told'), true);
      assert.deepEqual(source.sent, [said]);
      assert.equal(source.connected, mark === undefined);
    }
  });

  test('nobody is told where there is no channel', async () => {
    const { launch } = launched('serve', new Source(false));
    assert.equal(launch.starter, null);
    observe(launch, {}, [ready()]);
    await launch.failed(new Error('no matter'), true);
  });

  test('those who were added are told first', () => {
    const { launch, source } = launched('serve');
    const before: unknown[] = [];
    launch.add({ serving: (urls) => before.push(urls, source.sent.length) });
    observe(launch, {}, [ready()]);
    assert.deepEqual(before, [['http://127.0.0.1:1'], 0]);
  });
});

describe('a reload', () => {
  test('is over when the new workers serve and the old ones are gone', () => {
    const { launch, source } = launched('serve');
    observe(launch, {}, [ready()]);
    launch.reloading(2);
    const state = { generation: 2 };
    observe(launch, state, [ready(1), { phase: 'booting', generation: 2 }]);
    observe(launch, state, [ready(1), ready(2)]);
    assert.deepEqual(source.sent, [serving()]);
    observe(launch, state, [ready(2)]);
    observe(launch, state, [ready(2)]);
    assert.deepEqual(source.sent, [serving(), { type: 'reloaded' }]);
  });

  test('that was given up is told with what the last worker died of', () => {
    const { launch, source } = launched('serve');
    const error: ErrorReport = {
      ...{ code: 'ERR_WSGI_IMPORT_FAILED', blame: 'application', message: 'no', exitCode: 3 },
    };
    launch.reloading(2);
    launch.bootFailed(error);
    launch.discarded();
    launch.reloading(3);
    launch.discarded();
    const [first, second] = source.sent as { type: string; error: ErrorReport }[];
    assert.deepEqual(first, { type: 'reload-failed', error });
    assert.deepEqual([second?.type, second?.error.code], ['reload-failed', 'ERR_WSGI_RELOAD']);
  });

  test('and a start that failed say whose fault it is', async () => {
    const { launch, source } = launched('serve');
    const cause = new WsgiTsError('ERR_WSGI_SETTINGS', 'operator', 'wrong', { remedy: 'mend it' });
    const error = {
      ...{ code: 'ERR_WSGI_SETTINGS', blame: 'operator', message: 'wrong', exitCode: 1 },
      remedy: 'mend it',
    };
    launch.reloadFailed(cause);
    await launch.failed(cause, true);
    await launch.bootless(4);
    const [reload, start, boot] = source.sent as { error: ErrorReport; isReported: boolean }[];
    assert.deepEqual(reload, { type: 'reload-failed', error });
    assert.deepEqual(start, { type: 'failed', error, isReported: true });
    assert.deepEqual([boot?.error.exitCode, boot?.isReported], [4, false]);
  });
});

describe('what is heard', () => {
  test('serve() may ask for a reload and for the log; a program of somebody else’s may not', async () => {
    for (const [mark, expected] of [
      ['serve', ['reload']],
      [undefined, []],
    ] as const) {
      const { launch, source } = launched(mark);
      const { heard, listener } = orders();
      launch.listen(listener);
      source.emit('message', { type: 'reload' });
      source.emit('message', { type: 'drain-logs' });
      source.emit('message', 'reload');
      await Promise.resolve();
      assert.deepEqual(heard, expected);
      assert.deepEqual(source.sent, mark === 'serve' ? [{ type: 'logs-drained' }] : []);
    }
  });

  test('an end of the channel is heard of by who listens later, too; before, it interrupts the start', () => {
    const { launch, source } = launched('serve');
    assert.ok(!launch.isAbandoned);
    source.emit('disconnect');
    assert.ok(launch.isAbandoned);
    assert.deepEqual(source.killed, [[4711, 'SIGTERM']]);
    const { heard, listener } = orders();
    launch.listen(listener);
    const gone = ['The program that has started this server is gone', false];
    assert.deepEqual(heard, [gone]);
    launch.close();
    source.emit('disconnect');
    assert.deepEqual(heard, [gone]);
  });

  test('a daemon outlives the command that has started it', () => {
    const { launch, source } = launched('daemon');
    source.emit('disconnect');
    assert.ok(!launch.isAbandoned);
    assert.deepEqual(source.killed, []);
  });
});
