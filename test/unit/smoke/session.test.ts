// The cookies of a run.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Cookies } from '../../../src/smoke/session.ts';

it('keeps cookies as they were sent until they are taken back', () => {
  const cookies = new Cookies();
  assert.equal(cookies.header(), null);
  cookies.take([
    'a=1; Path=/; HttpOnly',
    'b="x%20y"; Secure; Expires=Wed, 01 Jan 2098 00:00:00 GMT',
  ]);
  assert.equal(cookies.header(), 'a=1; b="x%20y"');
  cookies.take(['a=2', 'b=; Max-Age=0']);
  assert.equal(cookies.header(), 'a=2');
  cookies.take(['a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT', '=nameless']);
  assert.equal(cookies.header(), null);
});
