import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, checkTarget, mountPath, readOtherTarget } from '../../../src/http/target.ts';

const refusal = { code: 'ERR_WSGI_TARGET', status: 400, blame: 'client' };

test('a target holds printable ASCII, and no fragment', () => {
  for (const code of [...Array(256).keys()]) {
    const target = `/a${String.fromCharCode(code)}b`;
    if (code >= 0x21 && code <= 0x7e && code !== 0x23) checkTarget(target);
    else
      assert.throws(
        () => {
          checkTarget(target);
        },
        refusal,
        String(code),
      );
  }
  assert.throws(() => {
    checkTarget('/\u0121');
  }, refusal);
});

test('an absolute target gives the host, and a path that is never empty', () => {
  for (const [target, host, path] of [
    ['http://a.example', 'a.example', '/'],
    ['HTTPS://a.example:8443/', 'a.example:8443', '/'],
    ['http://[::1]/x?y', '[::1]', '/x?y'],
    ['http://a.example?y', 'a.example', '/?y'],
    ['http://a.example//x', 'a.example', '//x'],
    ['http://a.example/?a=http://b/', 'a.example', '/?a=http://b/'],
  ] as const) {
    assert.deepEqual(readOtherTarget('GET', target), { host, target: path });
  }
});

test('an asterisk is a target of OPTIONS alone', () => {
  assert.deepEqual(readOtherTarget('OPTIONS', '*'), { host: null, target: '*' });
  assert.throws(() => readOtherTarget('GET', '*'), refusal);
  assert.throws(() => readOtherTarget('OPTIONS', '*x'), refusal);
});

test('every other target is refused', () => {
  for (const target of [
    '',
    'relative',
    'example.org:443',
    '?x',
    'ftp://a.example/',
    'http:/a.example/',
    'http:a.example',
    'http://',
    'http:///x',
    'http://?x',
    'http://user@a.example/',
    'http://user:secret@a.example/',
    'http://a.example:99999/',
    'http://:80/',
    'http://a.exam\\ple/',
    '\\\\a.example',
  ]) {
    assert.throws(() => readOtherTarget('GET', target), refusal, target);
  }
});

test('a mount is taken off whole path segments only', () => {
  for (const [path, mount, rest] of [
    ['/app/x', '/app', '/x'],
    ['/app/', '/app', '/'],
    ['/app', '/app', ''],
    ['/app//x', '/app', '//x'],
    ['/apple', '/app', null],
    ['/x/app', '/app', null],
    ['/APP/x', '/app', null],
    ['/x', '', '/x'],
  ] as const) {
    assert.equal(below(path, mount), rest, path);
  }
});

test('a mount may be written with or without slashes, and in any script', () => {
  for (const [given, mount] of [
    ['', ''],
    ['/', ''],
    ['//', ''],
    ['/app', '/app'],
    ['/app/', '/app'],
    ['app/', '/app'],
    ['/a b', '/a%20b'],
    ['/caf\u00e9/\u{1f600}', '/caf%C3%A9/%F0%9F%98%80'],
    ['/a%20b', '/a%20b'],
  ] as const) {
    assert.equal(mountPath(given), mount, given);
  }
});
