// How many workers fit a machine or a container, and the reason that the log gives.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { automaticWorkers } from '../../../src/settings/automatic-workers.ts';

const gibibyte = 1024 ** 3;

describe('automaticWorkers', () => {
  for (const [cores, cpu, total, memory, workers, reason] of [
    [4, 4, 16, 16, 4, 'there are 4 cores'],
    [1, 1, 16, 16, 1, 'there is 1 core'],
    [8, 2, 16, 16, 2, 'the container has 2 CPUs (of 8 cores)'],
    [8, 1, 16, 16, 1, 'the container has 1 CPU (of 8 cores)'],
    [8, 1.5, 16, 16, 2, 'the container has 1.5 CPUs (of 8 cores)'],
    [8, 0.25, 16, 16, 1, 'the container has 0.25 CPUs (of 8 cores)'],
    [8, 8, 16, 0.5, 4, 'the container has 512 MiB of memory, and 128 MiB are kept for each'],
    [8, 8, 0.5, 0.5, 4, 'there are 512 MiB of memory, and 128 MiB are kept for each'],
    [8, 8, 16, 0.01, 1, 'the container has 10 MiB of memory, and 128 MiB are kept for each'],
  ] as const) {
    it(`is ${workers}, since ${reason}`, () => {
      const quotas = { cores, cpu, total: total * gibibyte, memory: memory * gibibyte };
      assert.deepEqual(automaticWorkers(quotas), { workers, reason });
    });
  }
});
