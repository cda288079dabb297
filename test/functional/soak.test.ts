// A short soak: what would grow by the hour shows by the thousand. The long one is `make soak`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../helpers/soak.ts';

test('descriptors and threads stay as they are over six thousand requests of all kinds', async () => {
  const results = await soak({ requests: 6000, workers: 1, looksEach: 1 });
  // Memory settles later than that: its curve is the long soak's.
  const failed = results.filter(({ passed, what }) => !passed && !/: memory /.test(what));
  assert.deepEqual(failed, []);
});
