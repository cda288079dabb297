import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthority, usualAddress } from '../../../src/http/host.ts';

test('an authority is a name or an address, and perhaps a port', () => {
  for (const [text, name, port] of [
    ['example.org', 'example.org', ''],
    ['example.org:8000', 'example.org', '8000'],
    ['example.org:', 'example.org', ''],
    ['my_service-1:0080', 'my_service-1', '0080'],
    ['127.0.0.1:65535', '127.0.0.1', '65535'],
    ['[::1]', '[::1]', ''],
    ['[2001:DB8::1]:443', '[2001:DB8::1]', '443'],
    ['b%C3%BCcher.example', 'b%C3%BCcher.example', ''],
    ["!$&'()*+,;=~", "!$&'()*+,;=~", ''],
    ['', '', ''],
  ] as const) {
    assert.deepEqual(readAuthority(text), { name, port }, text);
  }
});

test('what holds more or less than that is none', () => {
  for (const text of [
    'user@example.org',
    'user:secret@example.org',
    'example.org/path',
    'example.org?x',
    'example.org#x',
    'exam ple.org',
    ' example.org',
    'example.org ',
    'example.org:80x',
    'example.org:-1',
    'example.org:65536',
    'example.org:99999999999999999999',
    'a:80:80',
    ':80',
    ':',
    '::1',
    '[::1',
    '::1]',
    '[]',
    '[::1]x',
    '[127.0.0.1]x',
    '[fe80::1%eth0]',
    '[v1.x]',
    'b\u00fccher.example',
    'a\tb',
    'a\0b',
    'a\\b',
    'a"b',
    'a<b',
    'a%zzb',
    'a%2',
  ]) {
    assert.equal(readAuthority(text), null, text);
  }
});

test('an address is written in one way', () => {
  for (const [text, usual] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0::0:1', '2001:db8::1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['fe80::1%eth0', null],
    ['192.0.02.1', null],
    ['192.0.2', null],
    ['example.org', null],
    ['', null],
  ] as const) {
    assert.equal(usualAddress(text), usual, text);
  }
});
