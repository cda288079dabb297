// Users, groups and masks as they are typed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { group, umask, user } from '../../../src/settings/process-values.ts';
import { world } from './world.ts';

test('a user and a group are names that the machine knows, or numbers', () => {
  assert.equal(user.parse(['www-data'], world()), 33);
  assert.equal(user.parse(['0'], world()), 0);
  assert.equal(user.parse([' 1000 '], world()), 1000);
  assert.equal(group.parse(['adm'], world()), 4);
  for (const text of ['adm', '', '-1', '1.5', '4294967295', '99999999999'])
    assert.throws(() => user.parse([text], world()), {
      code: 'ERR_WSGI_ACCOUNT',
      message: `No such user: '${text}'`,
    });
  assert.throws(() => group.parse(['www-data'], world()), { code: 'ERR_WSGI_ACCOUNT' });
});

test('a mask is octal with a leading zero, as gunicorn takes it', () => {
  for (const [text, value] of [
    ['0', 0],
    ['007', 0o7],
    ['022', 0o22],
    ['0o22', 0o22],
    ['0x12', 0o22],
    ['18', 0o22],
    ['0777', 0o777],
    ['0b11', 3],
  ] as const)
    assert.equal(umask.parse([text], world()), value);
  for (const text of ['', '-1', '08', '01000', '512', 'u=rwx', '0o8', 'NaN'])
    assert.throws(() => umask.parse([text], world()), { code: 'ERR_WSGI_SETTING' });
});
