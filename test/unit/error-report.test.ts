// An error told to another process, and back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, reportOf, type ErrorReport } from '../../src/error-report.ts';
import { WsgiTsError } from '../../src/errors.ts';

test('an error is the same in the other process', () => {
  const python = { type: 'KeyError', message: "'a'", traceback: "KeyError: 'a'" };
  const details = { exitCode: 3, remedy: 'Mend it.', traceback: 'Traceback', python };
  for (const error of [
    new WsgiTsError('ERR_WSGI_IMPORT_FAILED', 'application', 'It raised', details),
    new WsgiTsError('ERR_WSGI_ADDRESS', 'operator', 'No such address'),
  ]) {
    const told: unknown = JSON.parse(JSON.stringify(reportOf(error, 'ERR_WSGI_START')));
    assert.deepEqual(errorOf(told as ErrorReport), error);
  }
});

test('a fault of ours has the code that it is told under', () => {
  const { code, blame, message } = reportOf(new TypeError('oops'), 'ERR_WSGI_START');
  assert.deepEqual([code, blame], ['ERR_WSGI_START', 'server']);
  assert.match(message, /^a fault in wsgi-ts itself: TypeError: oops\n/);
});
