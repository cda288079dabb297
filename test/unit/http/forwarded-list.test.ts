import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WsgiTsError } from '../../../src/errors.ts';
import { readForwarded, readNode, readXForwarded } from '../../../src/http/forwarded-list.ts';

const refusal = { code: 'ERR_WSGI_FORWARDED', status: 400, blame: 'client' };
const nothing = { for: null, proto: null, host: null, port: null, prefix: null };

function forwarded(hops: number, ...fields: string[]) {
  return readForwarded(
    fields.flatMap((field) => ['forwarded', field]),
    hops,
  );
}

test('of the addresses, the one that the outermost trusted proxy added counts', () => {
  const told = ['x-forwarded-for', 'forged, 192.0.2.1', 'x-forwarded-for', '10.0.0.1'];
  assert.equal(readXForwarded(told, 1).for, '10.0.0.1');
  assert.equal(readXForwarded(told, 2).for, '192.0.2.1');
  assert.equal(readXForwarded(told, 3).for, 'forged');
  assert.equal(readXForwarded(told, 4).for, null);
  assert.deepEqual(readXForwarded([], 1), nothing);
});

test('empty entries do not count', () => {
  const told = ['x-forwarded-for', ', ,192.0.2.1,, 10.0.0.1 ,', 'x-forwarded-for', ''];
  assert.equal(readXForwarded(told, 2).for, '192.0.2.1');
  assert.equal(readXForwarded(told, 3).for, null);
});

test('an only proto, host, port or prefix counts, as some proxies add and others set', () => {
  const fields = (value: string): string[] =>
    ['proto', 'host', 'port', 'prefix', 'for'].flatMap((name) => [`x-forwarded-${name}`, value]);
  assert.deepEqual(readXForwarded(fields('a'), 2), {
    for: null,
    proto: 'a',
    host: 'a',
    port: 'a',
    prefix: 'a',
  });
  assert.deepEqual(readXForwarded(fields('a, b'), 3), nothing);
  assert.equal(readXForwarded(fields('a, b'), 2).host, 'a');
  assert.equal(readXForwarded(fields('a, b'), 1).host, 'b');
});

test('Forwarded is read with its quotes, its cases and its gaps', () => {
  const client = { ...nothing, for: '192.0.2.60', proto: 'http', host: 'a.example' };
  for (const field of [
    'for=192.0.2.60;proto=http;host=a.example',
    'For="192.0.2.60" ; PROTO=http;Host="a.exam\\ple";by=203.0.113.43',
    ' for=192.0.2.60;;proto=http; host=a.example; ',
    'for=192.0.2.60;proto=http;host=a.example,',
    ', ,for=192.0.2.60;proto=http;host=a.example',
    'ext="a,b;c=\\"d";for=192.0.2.60;proto=http;host=a.example',
  ]) {
    assert.deepEqual(forwarded(1, field), client, field);
  }
  assert.equal(forwarded(1, 'for="[2001:db8::1]:80"').for, '[2001:db8::1]:80');
  assert.deepEqual(forwarded(1), nothing);
  assert.deepEqual(forwarded(1, ''), nothing);
});

test('the elements of all fields are one list, of which the outermost trusted one counts', () => {
  const fields = ['for=forged, for=192.0.2.1;proto=https', 'for=10.0.0.1'];
  assert.equal(forwarded(1, ...fields).for, '10.0.0.1');
  assert.equal(forwarded(1, ...fields).proto, null);
  assert.deepEqual(forwarded(2, ...fields), { ...nothing, for: '192.0.2.1', proto: 'https' });
  assert.deepEqual(forwarded(4, ...fields), nothing);
});

test('a Forwarded that follows no rule is refused', () => {
  for (const field of [
    'for',
    'for=',
    '=x',
    'for=a b',
    'for="a',
    'for="a"b',
    'for=[::1]',
    'for=a:b',
    'for=a;for=b',
    'for=a;FOR=b',
    'for = a',
    'for=a=b',
    'a/b=c',
    'for=\u00e9',
  ]) {
    assert.throws(() => forwarded(1, field), refusal, field);
  }
});

test('a quotation mark left open is refused, whatever proxies add in fields of their own', () => {
  assert.throws(() => forwarded(1, 'for="', 'for=192.0.2.1'), refusal);
});

test('a node is an address, with or without a port, or hidden', () => {
  for (const [text, address, port] of [
    ['192.0.2.1', '192.0.2.1', ''],
    ['192.0.2.1:8080', '192.0.2.1', '8080'],
    ['192.0.2.1:_secret', '192.0.2.1', ''],
    ['[2001:DB8::1]', '2001:db8::1', ''],
    ['[2001:db8::1]:443', '2001:db8::1', '443'],
    ['2001:db8::1', '2001:db8::1', ''],
    ['::1', '::1', ''],
    ['unknown', '', ''],
    ['Unknown', '', ''],
    ['_hidden', '', ''],
    ['_SEVKISEK:80', '', '80'],
  ] as const) {
    assert.deepEqual(readNode(text), { address, port }, text);
  }
});

test('any other node is refused', () => {
  for (const text of [
    '',
    'localhost',
    'example.org:80',
    '192.0.2.1:65536',
    '192.0.2.1:',
    '192.0.2.1:8o',
    '192.0.2.01',
    '192.0.2.1.5',
    '[192.0.2.1]',
    '[unknown]',
    '[::1',
    '::1]',
    '[fe80::1%eth0]',
    'fe80::1%eth0',
    '_',
    'unknown2',
    '<script>',
    '192.0.2.1 ',
  ]) {
    assert.throws(() => readNode(text), refusal, text);
  }
});

test('whatever clients and proxies write, it is read or refused', () => {
  const bytes = fc.string({
    unit: fc.constantFrom(...'for=ho;st,"\\ \t1.:[]_-\u00e9ab'.split('')),
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 3 }), fc.integer({ min: 1, max: 4 }), (all, hops) => {
      try {
        const { for: node } = forwarded(hops, ...all);
        if (node !== null) readNode(node);
      } catch (error) {
        assert.ok(error instanceof WsgiTsError && error.status === 400, String(error));
      }
    }),
  );
});

test('what any proxy can say with Forwarded comes through its quotes', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab ,;="\\.'.split('')) });
  const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (hosts) => {
      const field = hosts.map((host) => `for=x;host=${quoted(host)}`).join(', ');
      hosts.forEach((host, index) => {
        assert.equal(forwarded(hosts.length - index, field).host, host);
      });
    }),
  );
});
