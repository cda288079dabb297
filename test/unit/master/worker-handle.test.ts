// A worker that never comes to be. Those that do are in master.test.ts, as real processes.

import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import type { WorkerConfiguration } from '../../../src/messages.ts';
import { OutputRelay } from '../../../src/master/output-relay.ts';
import { WorkerHandle } from '../../../src/master/worker-handle.ts';
import type { WorkerExit } from '../../../src/master/worker-handle.ts';

test('a worker for which no pipe can be had ends with the reason, and may be told things', async () => {
  const relay = new OutputRelay(openSync('/dev/null', 'w'));
  let drained: Promise<void> | undefined;
  const exit = await new Promise<WorkerExit>((resolve) => {
    const handle = new WorkerHandle({
      script: new URL('./stub-worker.js', import.meta.url),
      configuration: {} as WorkerConfiguration,
      listenerFds: [],
      journalFd: 0,
      relays: { stdout: relay, stderr: relay },
      makePipe: () => {
        throw new Error('too many open files');
      },
      onMessage: () => undefined,
      onExit: resolve,
    });
    assert.equal(handle.pid, undefined);
    handle.stop({ graceful: true, signal: 'SIGTERM', sealed: [] });
    handle.signal('SIGKILL');
    drained = handle.drainLogs();
  });
  assert.deepEqual(exit, { code: null, signal: null, failure: 'too many open files' });
  await drained; // it has no log to wait for
  await relay.end();
});
