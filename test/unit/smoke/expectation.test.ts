// What passes and what doesn't: an answer against an expectation, JSON against a part of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCases } from '../../../src/smoke/case-file.ts';
import { missingFrom, judge, kept, type Answer } from '../../../src/smoke/expectation.ts';
import type { Json } from '../../../src/smoke/smoke-case.ts';

const parsed = (text: string): Json => JSON.parse(text) as Json;

function answer(body: string | Buffer = 'Hello', fields: readonly [string, string][] = []): Answer {
  return { httpVersion: '1.1', status: 200, reason: 'OK', fields, body: Buffer.from(body) };
}

/** What is wrong with an answer by an `expect` as a file has it. */
function wrong(expect: unknown, got: Answer): string[] {
  const [only] = readCases('cases', JSON.stringify([{ path: '/', expect }]), { timeLimit: 1 });
  assert.ok(only !== undefined);
  return judge(got, only.expect);
}

describe('a status', () => {
  const got = (status: number): Answer => ({ ...answer(), status });
  it('is below 400 where nothing is expected', () => {
    assert.deepEqual(wrong({}, got(399)), []);
    assert.deepEqual(wrong({}, got(400)), ['status 400, not one below 400']);
  });
  it('is one of those that are expected, or of their class', () => {
    assert.deepEqual(wrong({ status: 404 }, got(404)), []);
    assert.deepEqual(wrong({ status: [200, '4xx'] }, got(418)), []);
    assert.deepEqual(wrong({ status: [200, '4XX'] }, got(500)), [
      'status 500 instead of 200 or 4xx',
    ]);
  });
});

describe('a field', () => {
  const got = answer('', [
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Set-Cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ]);
  it('is compared whole, by a name in any case', () => {
    assert.deepEqual(wrong({ headers: { 'CONTENT-TYPE': 'text/html; charset=utf-8' } }, got), []);
    assert.deepEqual(wrong({ headers: { 'content-type': 'text/html' } }, got), [
      'the field content-type, "text/html; charset=utf-8", is not "text/html"',
    ]);
  });
  it('passes where one of several values does', () => {
    assert.deepEqual(wrong({ headers: { 'set-cookie': { matches: '^b=' } } }, got), []);
    assert.equal(wrong({ headers: { 'set-cookie': 'c=3' } }, got).length, 2);
  });
  it('can have to be there, or not', () => {
    assert.deepEqual(wrong({ headers: { location: '/' } }, got), ['there is no field location']);
    assert.deepEqual(wrong({ headers: { server: null } }, got), []);
    assert.deepEqual(wrong({ headers: { 'set-cookie': null } }, got), [
      'there is a field set-cookie: a=1, b=2',
    ]);
  });
});

describe('a body', () => {
  it('contains, lacks, equals and matches', () => {
    assert.deepEqual(wrong({ body: 'ell' }, answer()), []);
    assert.deepEqual(wrong({ body: ['H', 'x'] }, answer()), ['the body does not contain "x"']);
    assert.deepEqual(wrong({ body: { lacks: 'ell' } }, answer()), ['the body contains "ell"']);
    assert.deepEqual(wrong({ body: { equals: 'Hello\n' } }, answer()), [
      'the body is not "Hello\\n"',
    ]);
    assert.deepEqual(wrong({ body: { matches: '^hello$', flags: 'i' } }, answer()), []);
    assert.deepEqual(wrong({ body: { matches: '^ello' } }, answer()), [
      'the body does not match /^ello/',
    ]);
  });
  it('is not matched without an end', () => {
    const body = answer(`${'a'.repeat(60)}b`);
    assert.deepEqual(wrong({ body: { matches: '^(a+)+$' } }, body), [
      'the body could not be judged: /^(a+)+$/ takes more than 2 s to match: it tries too many ways',
    ]);
  });
  it('is read in the charset that it says it has', () => {
    const latin = answer(Buffer.from('café', 'latin1'), [
      ['content-type', 'text/plain; charset=latin1'],
    ]);
    assert.deepEqual(wrong({ body: 'café' }, latin), []);
  });
  it('must be JSON where JSON is expected', () => {
    assert.deepEqual(wrong({ json: {} }, answer()), ['the body is no JSON']);
    assert.deepEqual(wrong({ json: null }, answer('null')), []);
  });
});

describe('JSON', () => {
  it('may have more members, at any depth', () => {
    assert.deepEqual(missingFrom({ a: { b: 1, c: 2 }, d: null }, { a: { b: 1 } }), []);
  });
  it('has as many items as are expected', () => {
    assert.deepEqual(missingFrom([{ a: 1, b: 2 }], [{ a: 1 }]), []);
    assert.deepEqual(missingFrom([1, 2], [1]), ['json: 2 items instead of 1']);
  });
  it('is told of by its places', () => {
    const actual = { user: { name: 'bob', 'two words': 1 }, list: [1] };
    const expected = { user: { name: 'ann', 'two words': 2, age: 3 }, list: [2], gone: true };
    assert.deepEqual(missingFrom(actual, expected), [
      'json.user.name: "bob" instead of "ann"',
      'json.user["two words"]: 1 instead of 2',
      'json.user.age is missing',
      'json.list[0]: 1 instead of 2',
      'json.gone is missing',
    ]);
  });
  it('may be of any depth in an answer', () => {
    const deep = parsed(`${'['.repeat(30_000)}${']'.repeat(30_000)}`);
    assert.deepEqual(missingFrom({ a: deep }, { a: 1 }), [
      'json.a: a list too deep to be shown instead of 1',
    ]);
  });
  it('keeps its kinds apart, and what objects inherit out of it', () => {
    assert.deepEqual(missingFrom([], {}), ['json: [] instead of {}']);
    assert.deepEqual(missingFrom('1', 1), ['json: "1" instead of 1']);
    assert.deepEqual(missingFrom({}, { toString: 1 }), ['json.toString is missing']);
    assert.deepEqual(missingFrom(parsed('{"__proto__": 1}'), parsed('{"__proto__": 2}')), [
      'json.__proto__: 1 instead of 2',
    ]);
  });
});

it('is kept by its start where it is long, and without a body where nobody asks for that', () => {
  const long = answer('x'.repeat(100_000));
  const start = kept(long, true);
  assert.deepEqual([start.body.length, start.leftOut], [65_536, 34_464]);
  assert.ok(start.body.buffer.byteLength < 100_000);
  assert.deepEqual(kept(long, false), answer(''));
  assert.deepEqual(kept(answer(), true), answer());
});
