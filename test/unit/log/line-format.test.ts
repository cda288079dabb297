import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessRecord } from '../../../src/log/access-log.ts';
import { accessObject, entryFormatter } from '../../../src/log/line-format.ts';
import { rfc3339, wallClock } from '../../../src/log/timestamp.ts';

const record: AccessRecord = {
  ...{ remoteAddress: '::1', method: 'GET', target: '/?q', protocol: 'HTTP/2', status: 200 },
  ...{ bytes: 3, startedAt: 1574000000123.5, duration: 1.25, outcome: 'client_gone' },
  requestHeaders: ['Host', 'h', 'Authorization', `Basic ${btoa('ann:x')}`],
  responseHeaders: [],
};

void test('an entry in JSON can be read back, whatever is in it', () => {
  const message = 'a "quote"\n\x1b[31m \x9b \u2028 \u202e \ud800 caf\u00e9';
  const line = entryFormatter('json', 7)({ level: 'error', message, time: 0 });
  assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u2028\u202e]/);
  const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual(rest, { log: 'error', level: 'error', pid: 7, message });
  assert.equal(Date.parse(String(time)), 0);
});

void test("a request's object has numbers as numbers, and null for what is not there", () => {
  const fields = JSON.parse(accessObject(7)(record)) as Record<string, unknown>;
  assert.equal(Date.parse(String(fields['time'])), 1574000000124);
  assert.match(String(fields['started']), /\.123500[+-]/);
  assert.match(String(fields['time']), /\.124750[+-]/);
  assert.equal(fields['duration'], 0.00125);
  assert.deepEqual(
    [fields['remote_address'], fields['user'], fields['referer'], fields['outcome']],
    ['::1', 'ann', null, 'client_gone'],
  );
});

void test('bytes of a request are read as UTF-8 where they are, else as latin-1', () => {
  const target = (text: string): unknown =>
    (JSON.parse(accessObject(7)({ ...record, target: text })) as Record<string, unknown>)['target'];
  assert.equal(target('/caf\xc3\xa9'), '/caf\u00e9');
  assert.equal(target('/caf\xe9'), '/caf\xe9');
});

void test('RFC 3339 times have six digits and the offset with a colon', () => {
  assert.match(rfc3339(1574000000005), /^2019-11-1\dT\d\d:\d\d:\d\d\.005000[+-]\d\d:\d\d$/);
});

void test('the finer clock stays beside the system clock', () => {
  assert.ok(Math.abs(wallClock() - Date.now()) < 10);
});
