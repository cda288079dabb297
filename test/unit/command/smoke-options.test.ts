// The command line that a smoke test gives its server: its own defaults, and what was given in their places.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { serverArguments } from '../../../src/command/smoke-options.ts';
import { visitOf } from '../../../src/smoke/smoke-case.ts';

it("has a smoke test's defaults but where something else is given", () => {
  const cases = [visitOf('/', null, 2.5), visitOf('/', null, 1)];
  const line = serverArguments({ source: 'x', texts: { app: ['a:b'] } }, cases);
  for (const word of ['--bind=127.0.0.1:0', '--workers=1', '--timeout=3', '--boot-timeout=60']) {
    assert.ok(line.includes(word), line.join(' '));
  }
  assert.deepEqual(line.slice(-2), ['--', 'a:b']);
  const other = serverArguments(
    { source: 'x', texts: { bootTimeout: ['5'], app: ['a:b'] } },
    cases,
  );
  assert.deepEqual(
    other.filter((word) => word.startsWith('--boot-timeout')),
    ['--boot-timeout=5'],
  );
});
