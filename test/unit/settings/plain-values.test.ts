// Values of a config file, as the texts that every layer gives; and Python's way of writing a value.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Plain } from '../../../src/bridge/interpreter.ts';
import { pythonLiteral, textsOf } from '../../../src/settings/plain-values.ts';
import { settingsTable, type SettingKey } from '../../../src/settings/table.ts';

const taken: readonly (readonly [SettingKey, Plain, readonly string[] | null])[] = [
  ['workers', 4, ['4']],
  ['workers', '4', ['4']],
  ['workers', true, ['1']],
  ['workers', null, ['None']],
  ['workers', 'auto', ['auto']],
  ['timeout', '30.0', ['30.0']],
  ['bind', ':80', [':80']],
  ['bind', [':80', 'unix:a'], [':80', 'unix:a']],
  ['bind', null, null],
  ['env', ['A=1'], ['A=1']],
  ['env', [], []],
  ['env', null, null],
  ['pid', null, ['']],
  ['pid', '/run/pid', ['/run/pid']],
  ['errorLogFile', null, null],
  ['errorLogFile', '-', ['-']],
  ['noServerHeader', true, ['true']],
  ['noServerHeader', 'False ', ['false']],
  ['noServerHeader', null, null],
  ['noServerHeader', 1, ['1']],
  ['pythonpath', ['a', 'b'], ['a,b']],
  ['pythonpath', null, ['']],
  ['forwardedAllowIps', '*', ['*']],
  ['forwardedAllowIps', ['10.0.0.1', '::1'], ['10.0.0.1,::1']],
  ['secureSchemeHeaders', { 'X-A': 'b' }, ['{"X-A":"b"}']],
  ['proxyProtocol', true, ['True']],
  ['http2Cleartext', false, ['False']],
  ['certReqs', 2, ['2']],
];

const refused: readonly (readonly [SettingKey, Plain, RegExp])[] = [
  ['pid', 5, /'5' is not a path/],
  ['pid', { a: [true, null] }, /'\{"a": \[True, None\]\}' is not a path/],
  ['bind', [], /'\[\]' is not an address/],
  ['bind', [80], /\[80\] is not a text, nor a list of texts/],
  ['env', { A: 'b=c' }, /\{"A": "b=c"\} is not a text, nor a list/],
  ['forwardedAllowIps', [1], /\[1\] is not a text/],
];

describe('textsOf', () => {
  for (const [key, value, texts] of taken) {
    it(`makes ${JSON.stringify(texts)} of ${key} = ${pythonLiteral(value)}`, () => {
      assert.deepEqual(textsOf(settingsTable[key].type, value), texts);
    });
  }

  for (const [key, value, said] of refused) {
    it(`refuses ${key} = ${pythonLiteral(value)}, which no text stands for`, () => {
      assert.throws(() => textsOf(settingsTable[key].type, value), {
        code: 'ERR_WSGI_SETTING',
        message: said,
      });
    });
  }
});

describe('pythonLiteral', () => {
  it('writes what Python would read', () => {
    const value = { a: [1, 'x', null], b: true, c: {} };
    assert.equal(pythonLiteral(value), '{"a": [1, "x", None], "b": True, "c": {}}');
  });
});
