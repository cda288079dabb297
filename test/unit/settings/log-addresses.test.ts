import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WsgiTsError } from '../../../src/errors.ts';
import { parseStatsdAddress, parseSyslogAddress } from '../../../src/settings/log-addresses.ts';
import { jsonObject, loggerClass } from '../../../src/settings/log-values.ts';
import { world } from './world.ts';

const refused = (error: unknown): boolean =>
  error instanceof WsgiTsError && error.code === 'ERR_WSGI_SETTING' && error.blame === 'operator';

describe('--log-syslog-to', () => {
  for (const [given, expected] of [
    ['udp://localhost:514', { family: 'udp', host: 'localhost', port: 514 }],
    ['udp://Host', { family: 'udp', host: 'host', port: 514 }],
    ['udp://', { family: 'udp', host: 'localhost', port: 514 }],
    ['tcp://[::1]:601', { family: 'tcp', host: '::1', port: 601 }],
    ['unix:///dev/log', { family: 'unix', path: '/dev/log' }],
    ['unix:///dev/log#dgram', { family: 'unix', path: '/dev/log' }],
    ['unix:///dev/log#stream', { family: 'unix', path: '/dev/log' }],
  ] as const) {
    test(`takes ${given}`, () => {
      assert.deepEqual(parseSyslogAddress(given), expected);
    });
  }
  for (const given of [
    '',
    'localhost',
    'udp://h:x',
    'udp://h:70000',
    'unix://',
    'tcp://[h]:1',
    'udp://a b',
  ]) {
    test(`refuses '${given}'`, () => {
      assert.throws(() => parseSyslogAddress(given), refused);
    });
  }
});

describe('--statsd-host', () => {
  for (const [given, expected] of [
    ['localhost:8125', { family: 'udp', host: 'localhost', port: 8125 }],
    ['statsd', { family: 'udp', host: 'statsd', port: 8125 }],
    ['unix:8126', { family: 'udp', host: 'unix', port: 8126 }],
    ['::1', { family: 'udp', host: '::1', port: 8125 }],
    ['unix:///run/dogstatsd', { family: 'unix', path: '/run/dogstatsd' }],
    ['unix:/run/dogstatsd', { family: 'unix', path: '/run/dogstatsd' }],
  ] as const) {
    test(`takes ${given}`, () => {
      assert.deepEqual(parseStatsdAddress(given), expected);
    });
  }
  for (const given of ['', 'h:', 'h:99999', 'unix://', 'a/b']) {
    test(`refuses '${given}'`, () => {
      assert.throws(() => parseStatsdAddress(given), refused);
    });
  }
});

test('logconfig_dict is an object in JSON, and none where it is empty', () => {
  assert.equal(jsonObject.parse(['{"version": 1}'], world()), '{"version": 1}');
  assert.equal(jsonObject.parse(['{}'], world()), null);
  assert.equal(jsonObject.parse([], world()), null);
  for (const given of ['[]', '1', 'null', '{']) {
    assert.throws(() => jsonObject.parse([given], world()), refused);
  }
});

test("logger_class takes gunicorn's own, and says of others what to use instead", () => {
  for (const given of ['gunicorn.glogging.Logger', 'gunicorn.instrument.statsd.Statsd', 'simple']) {
    assert.equal(loggerClass.parse([given], world()), given);
  }
  assert.throws(
    () => loggerClass.parse(['myapp.Logger'], world()),
    (error) => refused(error) && /logconfig_dict/.test((error as WsgiTsError).remedy ?? ''),
  );
});
