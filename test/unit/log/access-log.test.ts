import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { WsgiTsError } from '../../../src/errors.ts';
import { type AccessRecord, compileFormat, createAccessLog } from '../../../src/log/access-log.ts';

const combined = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"';

const record: AccessRecord = {
  remoteAddress: '127.0.0.1',
  method: 'GET',
  target: '/a%20b?x=1',
  protocol: 'HTTP/1.1',
  status: 200,
  bytes: 21,
  startedAt: new Date(2019, 11, 4, 15, 58, 37).getTime(),
  outcome: 'ok',
  duration: 1234.5678,
  requestHeaders: [
    ...['Host', 'localhost:5000', 'User-Agent', 'curl/8', 'Referer', 'http://x/'],
    ...['Authorization', `Basic ${Buffer.from('ann:secret').toString('base64')}`],
    ...['X-Tag', 'one', 'x-tag', 'two', 'Content-Type', 'text/plain'],
  ],
  responseHeaders: ['Content-Type', 'text/html', 'X-Powered', 'tea'],
};

void test('the default format is that of gunicorn', () => {
  assert.match(
    compileFormat(combined)(record),
    /^127\.0\.0\.1 - ann \[04\/Dec\/2019:15:58:38 [+-]\d{4}\] "GET \/a%20b\?x=1 HTTP\/1\.1" 200 21 "http:\/\/x\/" "curl\/8"$/,
  );
});

void test('every atom gives what it gives under gunicorn', () => {
  const expected = {
    h: '127.0.0.1',
    l: '-',
    u: 'ann',
    r: 'GET /a%20b?x=1 HTTP/1.1',
    m: 'GET',
    U: '/a%20b',
    q: 'x=1',
    H: 'HTTP/1.1',
    s: '200',
    B: '21',
    b: '21',
    f: 'http://x/',
    a: 'curl/8',
    T: '1',
    M: '1234',
    D: '1234567',
    L: '1.234567',
    p: '<7>',
    '{host}i': 'localhost:5000',
    '{X-TAG}i': 'one, two',
    '{none}i': '-',
    '{x-powered}o': 'tea',
    '{none}o': '-',
    '{PATH_INFO}e': '/a b',
    '{query_string}e': 'x=1',
    '{http_user_agent}e': 'curl/8',
    '{content_type}e': 'text/plain',
    '{wsgi.version}e': '-',
  };
  for (const [atom, value] of Object.entries(expected)) {
    assert.equal(compileFormat(`<%(${atom})s>`, 7)(record), `<${value}>`, atom);
  }
});

void test('what is missing is a dash', () => {
  const bare = { ...record, remoteAddress: '', target: '/', requestHeaders: [] };
  assert.equal(compileFormat('%(h)s %(u)s "%(f)s" "%(a)s" [%(q)s]')(bare), '- - "-" "-" []');
});

void test('the absolute form of a target has the same path', () => {
  const line = compileFormat('%(U)s %(q)s');
  assert.equal(line({ ...record, target: 'http://h:1/p?q' }), '/p q');
});

void test('%(x)d and %% are known, text around the atoms is kept', () => {
  assert.equal(compileFormat('100%% {%(s)d} é')(record), '100% {200} é');
});

void test('an unknown atom, another conversion or a stray percent sign is an operator error', () => {
  for (const format of [
    '%(z)s',
    '%({x}y)s',
    '%({}i)s',
    '%(constructor)s',
    '%(h',
    '%h',
    '5%',
    '%(h)q',
  ]) {
    assert.throws(
      () => compileFormat(format),
      (error: unknown) =>
        error instanceof WsgiTsError &&
        error.code === 'ERR_WSGI_LOG_FORMAT' &&
        error.exitCode === 1 &&
        error.message.includes('--access-logformat'),
      format,
    );
  }
});

void test('values are escaped as Apache does', () => {
  const line = compileFormat('"%(a)s"');
  const agent = (value: string): string =>
    line({ ...record, requestHeaders: ['User-Agent', value] });
  assert.equal(agent('a"b\\c'), '"a\\"b\\\\c"');
  assert.equal(agent('\u001b[2J\r\n\u00e9\u20ac'), '"\\x1b[2J\\x0d\\x0a\\xe9\\xe2\\x82\\xac"');
});

void test('no value can end its quotes or its line', () => {
  const line = compileFormat('"%(r)s" "%(u)s" "%({x}i)s" "%({x}o)s" "%({HTTP_X}e)s" "%(h)s"');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const credentials = Buffer.from(`${text}:`, 'latin1').toString('base64');
      const made = line({
        ...record,
        remoteAddress: text,
        method: text,
        target: text,
        requestHeaders: ['x', text, 'authorization', `Basic ${credentials}`],
        responseHeaders: ['x', text],
      });
      assert.match(made, /^(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]|\\x[0-9a-f]{2})*" ?){6}$/);
    }),
  );
});

void test('lines go to the file, whole and in order', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'wsgi-ts-access-')), 'access.log');
  const log = createAccessLog({ file, format: '%(s)s' });
  for (let status = 200; status < 300; status += 1) log.write({ ...record, status });
  log.close();
  assert.equal(
    readFileSync(file, 'utf8'),
    Array.from({ length: 100 }, (_, i) => `${200 + i}\n`).join(''),
  );
});

void test('a file that cannot be opened is an operator error which names the setting', () => {
  assert.throws(
    () => createAccessLog({ file: '/nonexistent/access.log', format: combined }),
    (error: unknown) =>
      error instanceof WsgiTsError &&
      error.code === 'ERR_WSGI_LOG_FILE' &&
      error.message.includes('--access-logfile'),
  );
});
