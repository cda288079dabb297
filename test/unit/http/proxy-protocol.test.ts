import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { WsgiTsError } from '../../../src/errors.ts';
import {
  parseProxyHeader,
  withProxyHeader,
  type ProxyProtocolMode,
} from '../../../src/http/proxy-protocol.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const V4 = Buffer.from('c0000201c6336401dc0401bb', 'hex');
const V6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from('dc0401bb', 'hex'),
]);
const TCP4 = {
  sourceAddress: '192.0.2.1',
  sourcePort: '56324',
  destinationAddress: '198.51.100.1',
  destinationPort: '443',
};
const TCP6 = { ...TCP4, sourceAddress: '2001:db8::1', destinationAddress: '2001:db8::2' };

function line(text: string): Buffer {
  return Buffer.from(`${text}\r\n`, 'latin1');
}

function block(command: number, family: number, content: Buffer, length = content.length): Buffer {
  return Buffer.concat([
    SIGNATURE,
    Buffer.from([command, family, length >> 8, length & 0xff]),
    content,
  ]);
}

/** Every header that is taken: its bytes, and what is read of it. */
const good: readonly (readonly [Buffer, 1 | 2, string, typeof TCP4 | null])[] = [
  [line('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443'), 1, 'TCP4', TCP4],
  [line('PROXY TCP6 2001:db8::1 2001:DB8:0:0:0::2 56324 443'), 1, 'TCP6', TCP6],
  [
    line('PROXY TCP6 ::ffff:192.0.2.1 :: 0 65535'),
    1,
    'TCP6',
    {
      sourceAddress: '::ffff:192.0.2.1',
      sourcePort: '0',
      destinationAddress: '::',
      destinationPort: '65535',
    },
  ],
  [line('PROXY UNKNOWN'), 1, 'UNKNOWN', null],
  [line('PROXY UNKNOWN '), 1, 'UNKNOWN', null],
  [line('PROXY UNKNOWN ffff::1 ffff::2 65535 65535'), 1, 'UNKNOWN', null],
  [line('PROXY UNKNOWN \0\n\r GET / \xff'), 1, 'UNKNOWN', null],
  [line(`PROXY UNKNOWN ${'x'.repeat(107 - 16)}`), 1, 'UNKNOWN', null],
  [block(0x21, 0x11, V4), 2, 'TCP4', TCP4],
  [block(0x21, 0x21, V6), 2, 'TCP6', TCP6],
  [block(0x21, 0x11, Buffer.concat([V4, Buffer.from('0400010a', 'hex')])), 2, 'TCP4', TCP4],
  [block(0x21, 0x11, Buffer.concat([V4, Buffer.alloc(4084)])), 2, 'TCP4', TCP4],
  [block(0x21, 0x31, Buffer.alloc(216, 'a')), 2, 'UNIX', null],
  [block(0x21, 0x00, Buffer.alloc(0)), 2, 'UNSPEC', null],
  [block(0x21, 0x01, Buffer.alloc(9)), 2, 'UNSPEC', null],
  [block(0x20, 0x00, Buffer.alloc(0)), 2, 'LOCAL', null],
  [block(0x20, 0x11, V4), 2, 'LOCAL', null],
  [block(0x20, 0xff, Buffer.alloc(3)), 2, 'LOCAL', null],
];

/** Bytes that are never taken. The first `certain` of them may still become a header, one more can't. */
const bad: readonly (readonly [string, Buffer, certain: number])[] = [
  ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 0],
  ['a method that begins alike', Buffer.from('PROPFIND / HTTP/1.1\r\n'), 3],
  ['lower case', line('proxy TCP4 192.0.2.1 198.51.100.1 56324 443'), 0],
  ['no protocol', line('PROXY '), 6],
  ['UDP', line('PROXY UDP4 192.0.2.1 198.51.100.1 56324 443'), 7],
  ['TCP5', line('PROXY TCP5 192.0.2.1 198.51.100.1 56324 443'), 9],
  ['UNKNOWNS', line('PROXY UNKNOWNS'), 13],
  ['UNKNOWN with a lone CR', Buffer.from('PROXY UNKNOWN\rx\r\n'), 14],
  ['UNKNOWN with a bare LF', Buffer.from('PROXY UNKNOWN\nx\r\n'), 13],
  ['a line of 108 bytes', line(`PROXY UNKNOWN ${'x'.repeat(107 - 15)}`), 106],
  ['two spaces', line('PROXY TCP4  192.0.2.1 198.51.100.1 56324 443'), 11],
  ['a leading zero in an address', line('PROXY TCP4 192.0.02.1 198.51.100.1 1 2'), 18],
  ['a byte that is too large', line('PROXY TCP4 192.0.256.1 198.51.100.1 1 2'), 19],
  ['a short address', line('PROXY TCP4 192.0.2 198.51.100.1 1 2'), 18],
  ['a host name', line('PROXY TCP4 example.org 198.51.100.1 1 2'), 11],
  ['IPv6 where it says IPv4', line('PROXY TCP4 ::1 ::2 1 2'), 11],
  ['IPv4 where it says IPv6', line('PROXY TCP6 192.0.2.1 198.51.100.1 1 2'), 14],
  ['a zone', line('PROXY TCP6 fe80::1%eth0 ::2 1 2'), 18],
  ['two double colons', line('PROXY TCP6 1::2::3 ::2 1 2'), 16],
  ['a leading zero in a port', line('PROXY TCP4 192.0.2.1 198.51.100.1 01 2'), 35],
  ['a port that is too large', line('PROXY TCP4 192.0.2.1 198.51.100.1 65536 2'), 38],
  ['a signed port', line('PROXY TCP4 192.0.2.1 198.51.100.1 +1 2'), 34],
  ['no port', line('PROXY TCP4 192.0.2.1 198.51.100.1  2'), 34],
  ['one port', line('PROXY TCP4 192.0.2.1 198.51.100.1 1'), 35],
  ['three ports', line('PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3'), 37],
  ['a space at the end', line('PROXY TCP4 192.0.2.1 198.51.100.1 1 2 '), 37],
  ['a bare LF at the end', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n'), 37],
  ['a lone CR at the end', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1 2\rx'), 38],
  ['a broken signature', Buffer.from('0d0a0d0a000d0a515549540b21', 'hex'), 11],
  ['version 1 in the signature of version 2', block(0x11, 0x11, V4), 12],
  ['version 3', block(0x31, 0x11, V4), 12],
  ['an unknown command', block(0x22, 0x11, V4), 12],
  ['a datagram', block(0x21, 0x12, V4), 13],
  ['a datagram of no family', block(0x21, 0x02, V4), 13],
  ['an unknown transport', block(0x21, 0x13, V4), 13],
  ['IPv4 with no transport', block(0x21, 0x10, V4), 13],
  ['an unknown family', block(0x21, 0x41, V4), 13],
  ['too few bytes for IPv4', block(0x21, 0x11, V4.subarray(1)), 15],
  ['too few bytes for IPv6', block(0x21, 0x21, V6.subarray(1)), 15],
  ['too few bytes for paths', block(0x21, 0x31, Buffer.alloc(215)), 15],
  ['4097 bytes', block(0x21, 0x11, Buffer.alloc(4097)), 15],
  ['65535 bytes', block(0x21, 0x11, Buffer.alloc(0), 65535), 14],
  ['65535 bytes of LOCAL', block(0x20, 0x00, Buffer.alloc(0), 65535), 14],
];

function refused(bytes: Uint8Array, mode: ProxyProtocolMode): boolean {
  try {
    parseProxyHeader(bytes, mode);
    return false;
  } catch (error) {
    assert.ok(error instanceof WsgiTsError, String(error));
    assert.deepEqual(
      [error.code, error.blame, error.status],
      ['ERR_WSGI_PROXY_PROTOCOL', 'client', 400],
    );
    return true;
  }
}

test('a whole header is read, and what follows it is the client’s', () => {
  for (const [bytes, version, protocol, addresses] of good) {
    for (const mode of [`v${version}`, 'auto'] as const) {
      for (const rest of ['', 'GET / HTTP/1.1\r\n', '\r\n']) {
        const all = Buffer.concat([bytes, Buffer.from(rest)]);
        assert.deepEqual(
          parseProxyHeader(all, mode),
          { consumed: bytes.length, version, protocol, addresses },
          bytes.toString('latin1'),
        );
      }
    }
  }
});

test('a header that is cut at any byte is incomplete', () => {
  for (const [bytes, version] of good) {
    for (let end = 0; end < bytes.length; end++) {
      for (const mode of [`v${version}`, 'auto'] as const) {
        assert.equal(
          parseProxyHeader(bytes.subarray(0, end), mode),
          'incomplete',
          `${bytes.toString('latin1')}: ${end}`,
        );
      }
    }
  }
});

test('what is no header is refused at the first byte that says so, and however it goes on', () => {
  for (const [what, bytes, certain] of bad) {
    for (let end = 0; end <= bytes.length; end++) {
      assert.equal(refused(bytes.subarray(0, end), 'auto'), end > certain, `${what}: ${end}`);
    }
  }
});

test('a version that is not asked for is refused at its first byte', () => {
  for (const [bytes, version] of good) {
    const other = version === 1 ? 'v2' : 'v1';
    assert.equal(parseProxyHeader(bytes.subarray(0, 0), other), 'incomplete');
    assert.equal(refused(bytes.subarray(0, 1), other), true);
  }
});

test('the client of a connection is who the header names, or else its peer', () => {
  const own = {
    remoteAddress: '10.0.0.1',
    remotePort: '9',
    localPort: '80',
    environ: ['SSL_PROTOCOL', 'TLSv1.3'],
  };
  const read = (bytes: Buffer) => {
    const header = parseProxyHeader(bytes, 'auto');
    assert.notEqual(header, 'incomplete');
    return header === 'incomplete' ? own : withProxyHeader(own, header);
  };
  assert.deepEqual(read(block(0x21, 0x11, V4)), {
    remoteAddress: '192.0.2.1',
    remotePort: '56324',
    localPort: '80',
    environ: [
      ...['SSL_PROTOCOL', 'TLSv1.3'],
      ...['PROXY_PROTOCOL', 'TCP4', 'PROXY_ADDR', '198.51.100.1', 'PROXY_PORT', '443'],
    ],
  });
  assert.deepEqual(read(block(0x20, 0x11, V4)), {
    ...own,
    environ: ['SSL_PROTOCOL', 'TLSv1.3', 'PROXY_PROTOCOL', 'LOCAL'],
  });
  assert.equal(read(block(0x21, 0x31, Buffer.alloc(216))).remoteAddress, '10.0.0.1');
});

const port = fc.integer({ min: 0, max: 65535 });
const rest = fc.uint8Array({ maxLength: 40 });

test('every header that a proxy can write is read as it was meant, and cut anywhere is incomplete', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.record({ family: fc.constant(4 as const), a: fc.ipV4(), b: fc.ipV4() }),
        fc.record({ family: fc.constant(6 as const), a: fc.ipV6(), b: fc.ipV6() }),
      ),
      port,
      port,
      rest,
      fc.double({ min: 0, max: 1, noNaN: true }),
      ({ family, a, b }, p, q, client, cut) => {
        const text = line(`PROXY TCP${family} ${a} ${b} ${p} ${q}`);
        const usual = (address: string): string =>
          new SocketAddress({ address, family: `ipv${family}` }).address;
        assert.deepEqual(parseProxyHeader(Buffer.concat([text, client]), 'auto'), {
          consumed: text.length,
          version: 1,
          protocol: `TCP${family}`,
          addresses: {
            sourceAddress: usual(a),
            sourcePort: String(p),
            destinationAddress: usual(b),
            destinationPort: String(q),
          },
        });
        const some = text.subarray(0, Math.floor(cut * (text.length - 1)));
        assert.equal(parseProxyHeader(some, 'v1'), 'incomplete');
      },
    ),
  );
});

test('every block of version 2 gives back the bytes it was made of', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4, 16),
      fc.uint8Array({ minLength: 36, maxLength: 36 }),
      rest,
      rest,
      (width, ends, extensions, client) => {
        const addresses = Buffer.from(ends.subarray(0, 2 * width + 4));
        const content = Buffer.concat([addresses, extensions]);
        const bytes = block(0x21, width === 4 ? 0x11 : 0x21, content);
        const header = parseProxyHeader(Buffer.concat([bytes, client]), 'v2');
        assert.ok(header !== 'incomplete' && header.addresses !== null);
        assert.equal(header.consumed, bytes.length);
        const again = line(
          `PROXY ${header.protocol} ${Object.values({
            a: header.addresses.sourceAddress,
            b: header.addresses.destinationAddress,
            p: header.addresses.sourcePort,
            q: header.addresses.destinationPort,
          }).join(' ')}`,
        );
        assert.deepEqual(parseProxyHeader(again, 'v1'), {
          ...header,
          consumed: again.length,
          version: 1,
        });
        assert.equal(header.addresses.sourcePort, String(addresses.readUInt16BE(2 * width)));
      },
    ),
  );
});

test('no bytes do anything but give a header, be incomplete or be refused, for good', () => {
  const start = fc
    .constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN')
    .map((text) => Buffer.from(text));
  const ascii = fc
    .array(fc.constantFrom(...Array.from('0123456789abcdef.: \r\n')))
    .map((all) => all.join(''));
  fc.assert(
    fc.property(
      fc.oneof(start, fc.constant(SIGNATURE)),
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        ascii.map((text) => Buffer.from(text)),
      ),
      fc.constantFrom('v1', 'v2', 'auto' as const),
      (head, tail, mode) => {
        const bytes = Buffer.concat([head, tail]);
        let before = false;
        for (let end = 0; end <= bytes.length; end++) {
          const now = refused(bytes.subarray(0, end), mode);
          assert.ok(now || !before, 'refused, and then taken');
          before = now;
        }
      },
    ),
  );
});
