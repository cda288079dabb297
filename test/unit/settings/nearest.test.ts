// What is taken for a typing error of what.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearest } from '../../../src/settings/nearest.ts';
import { settingRows } from '../../../src/settings/table.ts';

const names = settingRows.map(([, { name }]) => name);
const flags = settingRows.flatMap(([, row]) => row.flags.filter((flag) => flag.startsWith('--')));

describe('nearest', () => {
  for (const [word, known, meant] of [
    ['worker', names, ['workers']],
    ['wrokers', names, ['workers']],
    ['time_out', names, ['timeout']],
    ['treads', names, ['threads']],
    ['keep_alive', names, ['keepalive']],
    ['log_level', names, ['loglevel']],
    ['secure_scheme_header', names, ['secure_scheme_headers']],
    ['--wokers', flags, ['--workers']],
    ['--access-log', flags, ['--access-logfile', '--access-logformat']],
    ['--graceful', flags, ['--graceful-timeout']],
    ['--keepalive', flags, ['--keep-alive']],
    ['database_url', names, []],
    ['x', names, []],
    ['', names, []],
    ['--zzz', flags, []],
  ] as const) {
    it(`takes ${word || 'nothing'} for ${meant.join(', ') || 'nothing that is known'}`, () => {
      assert.deepEqual(nearest(word, known), meant);
    });
  }

  it('names three at most, each once', () => {
    assert.deepEqual(nearest('abcd', ['abce', 'abce', 'abcf', 'abcg', 'abch']), [
      'abce',
      'abcf',
      'abcg',
    ]);
  });
});
