// Settings with JavaScript's values: which texts each stands for, and which are refused in which words.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { optionTexts, readOptions, valuesOf } from '../../../src/settings/options.ts';
import type { SettingKey } from '../../../src/settings/table.ts';
import { world } from './world.ts';

const circle: Record<string, unknown> = {};
circle['itself'] = circle;

describe('optionTexts', () => {
  const taken: readonly [SettingKey, unknown, readonly string[]][] = [
    ['threads', 4, ['4']],
    ['threads', '0x4', ['0x4']],
    ['sendfile', false, ['false']],
    ['accessLogFile', '-', ['-']],
    ['accessLogFile', null, ['']],
    ['bind', '127.0.0.1:0', ['127.0.0.1:0']],
    ['bind', ['127.0.0.1:0', 'unix:/s'], ['127.0.0.1:0', 'unix:/s']],
    ['pythonpath', ['a', 'b'], ['a,b']],
    ['forwardedAllowIps', [], ['']],
    ['secureSchemeHeaders', { 'X-A': 'on' }, ['{"X-A":"on"}']],
    ['env', { A: 'b=c', D: '' }, ['A=b=c', 'D=']],
    ['env', ['A=b'], ['A=b']],
    ['proxyProtocol', true, ['true']],
    ['httpProtocols', ['h1'], ['h1']],
    ['maxWorkerMemory', '1.5G', ['1.5G']],
    ['maxWorkerMemory', 1024, ['1024']],
    ['logConfigDict', { version: 1 }, ['{"version":1}']],
  ];
  for (const [key, value, texts] of taken) {
    it(`takes ${JSON.stringify(value)} for ${key}`, () => {
      assert.deepEqual(optionTexts(key, value, world()), texts);
    });
  }

  const refused: readonly [SettingKey, unknown, RegExp][] = [
    ['threads', 0, /^'0' is not a whole number from 1/],
    ['threads', 1.5, /^'1\.5' is not a whole number/],
    ['threads', NaN, /^'NaN' is not a whole number/],
    ['threads', true, /^'true' is not a whole number/],
    ['threads', null, /^null is not a whole number/],
    ['threads', [4], /^4 is not a text/],
    ['sendfile', 1, /^'1' is not true or false/],
    ['errorLogFile', null, /^null is not a path/],
    ['errorLogFile', 3, /^3 is not a text/],
    ['errorLogFile', true, /^true is not a text/],
    ['errorLogFile', ['a'], /^\["a"\] is not a text/],
    ['errorLogFile', {}, /^\{\} is not a text/],
    ['pythonpath', ['a,b'], /^\["a,b"\] is not/],
    ['pythonpath', true, /^true is not a text/],
    ['env', { A: 1 }, /^1 is not a text \(A\)/],
    ['env', { 'A=': 'b', '': 'c' }, /^'=c' is not of the form KEY=VALUE/],
    ['headerMap', 'keep', /^'keep' is not one of/],
    ['logLevel', () => undefined, /^a function is not/],
    ['threads', 4n, /^4 is not a value/],
    ['secureSchemeHeaders', circle, /^an object that is no JSON is not a value/],
    ['bind', [circle], /^an object that is no JSON is not a text/],
  ];
  for (const [key, value, message] of refused) {
    it(`refuses ${inspect(value)} for ${key}`, () => {
      assert.throws(() => optionTexts(key, value, world()), { code: 'ERR_WSGI_SETTING', message });
    });
  }
});

describe('readOptions', () => {
  const allowed = new Set(['threads', 'timeout', 'limitRequestBody', 'logger']);
  const read = (options: Record<string, unknown>): unknown =>
    readOptions(options, world(), allowed, 'not here');

  it('leaves out what is undefined', () => {
    assert.deepEqual(read({ threads: 2, timeout: undefined }), { threads: ['2'] });
  });

  it('reports every wrong value at once, by its option', () => {
    assert.throws(() => read({ threads: 0, timeout: -1 }), {
      code: 'ERR_WSGI_SETTINGS',
      message: /^2 options are wrong:\n {2}threads: '0' is not .*\n {2}timeout: '-1' is not /,
    });
  });

  it('names the option that was meant', () => {
    const cases: readonly [string, RegExp][] = [
      ['thread', /no option thread: did you mean threads\?/],
      ['limit_request_body', /did you mean limitRequestBody\?/],
      ['limit-request-body', /did you mean limitRequestBody\?/],
      ['workers', /^workers: not here/],
      ['something', /^there is no option something$/],
    ];
    for (const [key, message] of cases) {
      assert.throws(() => read({ [key]: 1 }), { code: 'ERR_WSGI_OPTION', message });
    }
  });
});

describe('valuesOf', () => {
  it('takes the defaults of the table where nothing is given', () => {
    const { threads, timeout, pythonpath } = valuesOf(
      ['threads', 'timeout', 'pythonpath'],
      { threads: ['3'] },
      world(),
    );
    assert.deepEqual([threads, timeout, pythonpath], [3, 30, []]);
  });
});
