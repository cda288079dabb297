// What cases hand on to later ones: cookies, and values in the places of names.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer } from '../../../src/smoke/expectation.ts';
import { Cookies, SavedValues, type FilledCase } from '../../../src/smoke/session.ts';
import type { Json, Place, RequestBody } from '../../../src/smoke/smoke-case.ts';

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

it('keeps cookies of any name, and says nothing of its own', (context) => {
  const said = ['warn', 'error'] as const;
  const mocks = said.map((kind) => context.mock.method(console, kind, () => undefined).mock);
  const cookies = new Cookies();
  cookies.take([
    ' toString=1; constructor=2',
    '__proto__=3',
    'novalue',
    ' a=4',
    '=5; Expires=then',
  ]);
  assert.equal(cookies.header(), 'toString=1; __proto__=3; a=4');
  assert.equal(cookies.get('__proto__'), '3');
  cookies.take(['toString=; Max-Age=0', '__proto__=; Max-Age=0', 'a=; Max-Age=0']);
  assert.equal(cookies.header(), null);
  assert.deepEqual(
    mocks.map((mock) => mock.callCount()),
    [0, 0],
  );
});

describe('saved values', () => {
  const answer: Answer = {
    ...{ httpVersion: '1.1', status: 200, reason: 'OK', fields: [['X-Id', '7']] },
    body: Buffer.from('token="t $& k" end'),
  };
  const save = new Map<string, Place>([
    ['id', { from: 'header', name: 'x-id' }],
    ['token', { from: 'body', pattern: /token="([^"]*)"/ }],
    ['all', { from: 'body', pattern: /end/ }],
    ['session', { from: 'cookie', name: 'session' }],
  ]);
  const cookies = new Cookies();
  cookies.take(['session=s1']);

  const filled = (saved: SavedValues, body: RequestBody, path = '/'): FilledCase | string =>
    saved.fill({ path, headers: [['X-Token', '{{token}}']], body });
  const sent = (saved: SavedValues, body: RequestBody): string => {
    const { body: encoded } = filled(saved, body) as FilledCase;
    return `${encoded?.type ?? ''} ${String(encoded?.bytes)}`;
  };

  it('are found in fields, body and cookies, and put in wherever a text may be', () => {
    const saved = new SavedValues([{ save }]);
    assert.deepEqual(saved.take(save, answer, cookies), []);
    const whole = filled(saved, { kind: 'none' }, '/{{id}}/{{session}}?{{all}}') as FilledCase;
    assert.deepEqual(whole, { path: '/7/s1?end', headers: [['X-Token', 't $& k']], body: null });
    assert.equal(
      sent(saved, { kind: 'text', text: '<{{token}}>' }),
      'text/plain; charset=utf-8 <t $& k>',
    );
    const value: Json = { list: ['{{id}}', 1, null], '{{id}}': { deep: '{{token}}{{id}}' } };
    assert.equal(
      sent(saved, { kind: 'json', value }),
      'application/json {"list":["7",1,null],"{{id}}":{"deep":"t $& k7"}}',
    );
    assert.equal(
      sent(saved, { kind: 'form', fields: [['{{id}}', '{{token}} &']] }),
      'application/x-www-form-urlencoded %7B%7Bid%7D%7D=t+%24%26+k+%26',
    );
  });

  it('that no case saves are left as they are; one without a value keeps the case from being sent', () => {
    const saved = new SavedValues([{ save }]);
    const why = '{{token}} has no value: the case that saves it failed to, or comes later';
    assert.equal(filled(saved, { kind: 'none' }), why);
    const other = new SavedValues([]);
    assert.equal(
      sent(other, { kind: 'text', text: '{{a}} {{ token }}' }),
      'text/plain; charset=utf-8 {{a}} {{ token }}',
    );
  });

  it('are forgotten by a case that saves them anew and does not find them', () => {
    const saved = new SavedValues([{ save }]);
    saved.take(save, answer, cookies);
    const empty = { ...answer, fields: [], body: Buffer.alloc(0) };
    assert.deepEqual(saved.take(save, empty, new Cookies()), [
      'nothing to save as id: there is no field x-id',
      'nothing to save as token: the body does not match /token="([^"]*)"/',
      'nothing to save as all: the body does not match /end/',
      'nothing to save as session: there is no cookie session',
    ]);
    const unsent = filled(saved, { kind: 'none' });
    assert.ok(typeof unsent === 'string' && unsent.startsWith('{{token}} has no value'));
  });

  it('are not looked for without an end', () => {
    const slow = new Map<string, Place>([['x', { from: 'body', pattern: /^(a+)+$/ }]]);
    const long = { ...answer, body: Buffer.from(`${'a'.repeat(60)}b`) };
    assert.deepEqual(new SavedValues([{ save: slow }]).take(slow, long, new Cookies()), [
      'nothing to save as x: /^(a+)+$/ takes more than 2 s to match: it tries too many ways',
    ]);
  });
});
