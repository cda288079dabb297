// A file of cases: what it comes to, and what is said of one that is wrong.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WsgiTsError } from '../../../src/errors.ts';
import { readCases } from '../../../src/smoke/case-file.ts';

const read = (content: unknown): ReturnType<typeof readCases> =>
  readCases('smoke.json', typeof content === 'string' ? content : JSON.stringify(content), {
    timeLimit: 10,
  });

/** The lines that are said of a wrong file. */
function mistakes(content: unknown): string[] {
  try {
    read(content);
  } catch (error) {
    assert.ok(error instanceof WsgiTsError);
    assert.equal(error.code, 'ERR_WSGI_SMOKE_CASES');
    assert.equal(error.exitCode, 2);
    const [first, ...lines] = error.message.split('\n');
    assert.equal(first, 'smoke.json:');
    return lines.map((line) => line.trim());
  }
  return [];
}

describe('a file of cases', () => {
  it('may be a list, and a case only a path', () => {
    const [only] = read([{ path: '/a?b=1' }]);
    assert.equal(only?.name, 'GET /a?b=1');
    assert.equal(only.timeLimit, 10);
    assert.deepEqual(only.expect.status, null);
  });

  it('may have headers and a time limit for all cases, which each can have of its own', () => {
    const cases = read({
      headers: { Host: 'a', Accept: 'x' },
      timeLimit: 3,
      cases: [{ path: '/', headers: { host: 'b' }, timeLimit: 0.5 }, { path: '/' }],
    });
    assert.deepEqual(cases[0]?.headers, [
      ['Accept', 'x'],
      ['host', 'b'],
    ]);
    assert.deepEqual(
      cases.map(({ timeLimit }) => timeLimit),
      [0.5, 3],
    );
  });

  it('is refused whole, with every mistake and its place', () => {
    assert.deepEqual(
      mistakes([
        { path: 'x', method: 'G T', expect: { status: 99, body: { matches: '(' } } },
        'text',
        { path: '/', exspect: {}, timeLimit: 0, json: 1, form: {}, headers: { 'a b': 'c', d: 1 } },
        { path: '/', expect: { headers: { x: 1 }, status: [] }, save: { 'a b': { cookie: 'c' } } },
        { path: '/', headers: { 'Content-Length': '1' }, save: { a: {} } },
        { path: '/', expect: { body: { flags: 'i' } }, save: { a: { body: '[' } } },
      ]),
      [
        '[0].method is no HTTP method',
        '[0].path: must begin with a slash',
        '[0].expect.status: must be a status (404), a class ("4xx"), or a list of such',
        '[0].expect.body.matches is no regular expression: Invalid regular expression: /(/: Unterminated group',
        '[1]: must be an object, not a text',
        '[1].path is missing',
        '[2].exspect is not known here: there are name, method, path, headers, timeLimit, expect, save, body, json, form',
        '[2].headers["a b"] is no name of a header',
        '[2].headers.d: must be a text, not a number',
        '[2]: has json and form: only one can be the body',
        '[2].timeLimit: must be a number of seconds, above 0 and up to 86400',
        '[3].expect.status: must be a status (404), a class ("4xx"), or a list of such',
        '[3].expect.headers.x: must be a text or an object, not a number',
        '[3].save["a b"] is no name: letters, digits and _ only',
        '[4].headers["Content-Length"] is set by wsgi-ts itself',
        '[4].save.a: must have one of `cookie`, `header` and `body`',
        '[5].expect.body: expects nothing: it needs contains, lacks, equals or matches',
        '[5].save.a.body is no regular expression: Invalid regular expression: /[/: Unterminated character class',
      ],
    );
    assert.deepEqual(mistakes({ cases: [{ path: '/', expect: { status: 'ok' } }] }), [
      'cases[0].expect.status: must be a status (404), a class ("4xx"), or a list of such',
    ]);
  });

  it('has JSON of a depth that can be followed, and a path that is told of once', () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const text = `[{"path": 3, "json": ${deep}, "expect": {"json": {"a": ${deep}}}}]`;
    assert.deepEqual(mistakes(text), [
      '[0].path: must be a text, not a number',
      '[0].json is nested more than 500 levels deep',
      '[0].expect.json is nested more than 500 levels deep',
    ]);
  });

  it('is refused where it is no JSON, has no case, or is something else', () => {
    assert.match(mistakes('{').join(''), /^the file is no JSON: /);
    assert.deepEqual(mistakes([]), ['the file: has no case']);
    assert.deepEqual(mistakes('7'), [
      'the file: must be a list of cases, or an object with one in `cases`',
    ]);
    assert.deepEqual(mistakes({}), ['cases is missing']);
  });
});
