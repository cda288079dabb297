import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { declareConnection } from '../../../src/bridge/connection-facts.ts';
import { RequestHeads } from '../../../src/bridge/request-head.ts';
import { WsgiTsError } from '../../../src/errors.ts';
import { noTrust, type Trust } from '../../../src/http/policy.ts';

const heads = new RequestHeads(noTrust);

interface Extra extends Partial<IncomingMessage> {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
}

function request(
  url: string,
  rawHeaders: string[] = [],
  { socket = new Socket(), ...extra }: Extra = {},
): IncomingMessage {
  const message = new IncomingMessage(socket);
  const host = extra.httpVersion !== '1.0' && !rawHeaders.some((one) => /^host$/i.test(one));
  return Object.assign(message, {
    method: 'GET',
    url,
    httpVersion: '1.1',
    rawHeaders: host ? ['Host', 'a.example', ...rawHeaders] : rawHeaders,
    ...extra,
  });
}

/** A connection from an address, as the worker may have declared it. */
function from(remoteAddress: string, environ: readonly string[] = []): { socket: Socket } {
  const socket = new Socket();
  declareConnection(socket, {
    remoteAddress,
    remotePort: '4000',
    localAddress: '10.0.0.2',
    localPort: '8000',
    scheme: 'http',
    environ,
  });
  return { socket };
}

function fields(message: IncomingMessage, by = heads): string[] {
  return by.encode(message).text.split('\n');
}

/** The header fields of a head. */
function headers(message: IncomingMessage, by = heads): Record<string, string> {
  const all = fields(message, by).slice(11);
  const pairs = all.flatMap((name, i) => (i % 2 === 0 ? [[name, all[i + 1] ?? '']] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}

function refused(message: IncomingMessage, code: string, status = 400, by = heads): void {
  assert.throws(() => by.encode(message), { code, status, blame: 'client' }, message.url);
}

test('the target is divided into path and query, and kept as it came', () => {
  assert.deepEqual(fields(request('/a%20b?c=d?e')).slice(0, 6), [
    'GET',
    '/a%20b',
    'c=d?e',
    '/a%20b?c=d?e',
    'HTTP/1.1',
    '',
  ]);
});

test('a target in absolute form names the host, whatever the Host field says', () => {
  const absolute = request('http://real.example/x?y', ['Host', 'other.example', 'A', 'b']);
  assert.deepEqual(fields(absolute).slice(1, 4), ['/x', 'y', 'http://real.example/x?y']);
  assert.deepEqual(headers(absolute), { A: 'b', Host: 'real.example' });
  assert.equal(fields(request('http://real.example'))[1], '/');
});

test('an absolute target does not make up for a Host field that is missing or bad', () => {
  refused(request('http://real.example/', [], { rawHeaders: [] }), 'ERR_WSGI_HOST');
  refused(request('http://real.example/', ['Host', 'a b']), 'ERR_WSGI_HOST');
});

test('a target that is neither a path, nor absolute, nor the asterisk of OPTIONS is refused', () => {
  for (const target of ['example.org:443', 'relative', 'ftp://x/y', '', '*', '/a#b', '/\u00e9']) {
    refused(request(target), 'ERR_WSGI_TARGET');
  }
  assert.equal(fields(request('*', [], { method: 'OPTIONS' }))[1], '*');
});

test('an app mounted by Express sees where it is mounted', () => {
  const mounted = { baseUrl: '/flask', originalUrl: '/flask/page' };
  const all = fields(request('/page', [], mounted));
  assert.deepEqual([all[1], all[3], all[5]], ['/page', '/flask/page', '/flask']);
  refused(request('/page', [], { ...mounted, originalUrl: '/a\nb' }), 'ERR_WSGI_TARGET');
});

test('versions other than 1.0 and 1.1 are refused', () => {
  assert.equal(fields(request('/', [], { httpVersion: '1.0' }))[4], 'HTTP/1.0');
  for (const httpVersion of ['0.9', '1.2', '2.0', '9.9']) {
    refused(request('/', [], { httpVersion }), 'ERR_WSGI_HTTP_VERSION', 505);
  }
});

test('Host is needed in HTTP/1.1 alone, may be empty, and is there once', () => {
  refused(request('/', [], { rawHeaders: [] }), 'ERR_WSGI_HOST');
  assert.deepEqual(headers(request('/', [], { httpVersion: '1.0' })), {});
  assert.deepEqual(headers(request('/', ['Host', ''])), { Host: '' });
  refused(request('/', ['Host', 'a', 'host', 'a']), 'ERR_WSGI_HOST');
  for (const host of ['a@b', 'a b', 'a:x', 'a:65536', 'a/b', 'a,b c', '::1', 'a\u00e9', 'a\0']) {
    refused(request('/', ['Host', host]), 'ERR_WSGI_HOST');
    refused(request('/', ['Host', host], { httpVersion: '1.0' }), 'ERR_WSGI_HOST');
  }
});

test('the length of the body is known from the head, and a coding is not passed on', () => {
  assert.equal(heads.encode(request('/')).bodyLength, 0);
  assert.equal(heads.encode(request('/', ['content-LENGTH', '17'])).bodyLength, 17);
  const chunked = request('/', ['Transfer-Encoding', 'chunked', 'A', 'b']);
  assert.equal(heads.encode(chunked).bodyLength, -1);
  assert.deepEqual(headers(chunked), { Host: 'a.example', A: 'b' });
});

test('a body that could be read in two ways is refused', () => {
  const coded = ['Transfer-Encoding', 'chunked'];
  refused(request('/', [...coded, 'Content-Length', '3']), 'ERR_WSGI_FRAMING');
  refused(request('/', [...coded, ...coded]), 'ERR_WSGI_FRAMING');
  refused(request('/', coded, { httpVersion: '1.0' }), 'ERR_WSGI_FRAMING');
  refused(request('/', ['Transfer-Encoding', 'gzip']), 'ERR_WSGI_FRAMING');
  refused(request('/', ['Transfer-Encoding', 'gzip, chunked']), 'ERR_WSGI_TRANSFER_CODING', 501);
  const length = ['Content-Length', '3'];
  refused(request('/', [...length, ...length]), 'ERR_WSGI_CONTENT_LENGTH');
  refused(request('/', ['Content-Length', '+3']), 'ERR_WSGI_CONTENT_LENGTH');
});

test('a second Content-Type is refused', () => {
  const type = ['Content-Type', 'text/plain'];
  refused(request('/', [...type, ...type]), 'ERR_WSGI_CONTENT_TYPE');
  assert.equal(headers(request('/', type))['Content-Type'], 'text/plain');
});

test('the one expectation is 100-continue, and HTTP/1.0 has none', () => {
  for (const value of ['100-continue', '100-Continue']) {
    assert.equal(headers(request('/', ['Expect', value])).Expect, value);
  }
  refused(request('/', ['Expect', '200-ok']), 'ERR_WSGI_EXPECT', 417);
  refused(request('/', ['Expect', '']), 'ERR_WSGI_EXPECT', 417);
  heads.encode(request('/', ['Expect', '200-ok'], { httpVersion: '1.0' }));
});

test('WebSockets are refused', () => {
  refused(request('/', ['Upgrade', 'WebSocket']), 'ERR_WSGI_WEBSOCKET', 501);
});

test('control characters are refused wherever they are', () => {
  for (const code of [0, 1, 8, 11, 13, 27, 31, 127, 256, 266]) {
    const character = String.fromCharCode(code);
    refused(request(`/${character}`), 'ERR_WSGI_TARGET');
    refused(request('/', ['A', `x${character}y`]), 'ERR_WSGI_CONTROL_CHARACTER');
  }
  assert.equal(headers(request('/', ['A', '\t\u0080\u00ff'])).A, '\t\u0080\u00ff');
});

test('nobody can send a key of environ', () => {
  assert.deepEqual(headers(request('/', [':SSL_CLIENT_S_DN', 'CN=root', ':path', '/'])), {
    Host: 'a.example',
  });
  const declared = request('/', [], from('10.0.0.1', ['SSL_CLIENT_S_DN', 'CN=me', 'A', 'b']));
  assert.deepEqual(headers(declared), {
    Host: 'a.example',
    ':SSL_CLIENT_S_DN': 'CN=me',
    ':A': 'b',
  });
});

const proxied: Trust = {
  ...noTrust,
  forwardedAllowIps: ['10.0.0.0/8'],
  secureSchemeHeaders: { 'x-forwarded-proto': 'https', x_secure: 'on' },
  forwarderHeaders: ['SCRIPT_NAME', 'PATH_INFO'],
};

function behind(trust: Partial<Trust> = {}, onFirstDropped?: (name: string) => void) {
  return new RequestHeads({ ...proxied, ...trust }, onFirstDropped);
}

test('underscores are dropped, counted, and told once', () => {
  const told: string[] = [];
  const by = behind({}, (name) => told.push(name));
  const sent = request('/', ['X_Auth', 'a', 'X-Auth', 'b', 'x_other', 'c'], from('10.0.0.1'));
  assert.deepEqual(headers(sent, by), { Host: 'a.example', 'X-Auth': 'b' });
  headers(sent, by);
  assert.equal(by.dropped, 4);
  assert.deepEqual(told, ['X_Auth']);
});

test('underscores are refused, or kept, where the policy says so', () => {
  const sent = request('/', ['X_Auth', 'a', 'X-Auth', 'b'], from('10.0.0.1'));
  refused(sent, 'ERR_WSGI_HEADER_NAME', 400, behind({ headerMap: 'refuse' }));
  assert.deepEqual(headers(sent, behind({ headerMap: 'dangerous' })), {
    Host: 'a.example',
    X_Auth: 'a',
    'X-Auth': 'b',
  });
});

test('the scheme is what a trusted peer says, and nobody else', () => {
  const secure = ['X-Forwarded-Proto', 'https'];
  assert.equal(fields(request('/', secure, from('10.0.0.1')), behind())[10], 'https');
  assert.equal(fields(request('/', secure, from('11.0.0.1')), behind())[10], 'http');
  assert.equal(fields(request('/', ['x_secure', 'on'], from('10.0.0.1')), behind())[10], 'https');
  const both = [...secure, 'x_secure', 'off'];
  refused(request('/', both, from('10.0.0.1')), 'ERR_WSGI_FORWARDED_SCHEME', 400, behind());
  assert.equal(fields(request('/', both, from('11.0.0.1')), behind())[10], 'http');
});

test('SCRIPT_NAME is what a trusted peer says, and is taken off the path', () => {
  const mounted = (url: string, peer: string, trust: Partial<Trust> = {}): string[] =>
    fields(request(url, ['SCRIPT_NAME', '/app'], from(peer)), behind(trust));
  const pick = (all: string[]): unknown[] => [all[1], all[3], all[5], all.includes('SCRIPT_NAME')];
  assert.deepEqual(pick(mounted('/app/x', '10.0.0.1')), ['/x', '/app/x', '/app', true]);
  assert.deepEqual(pick(mounted('/app', '10.0.0.1')), ['', '/app', '/app', true]);
  assert.deepEqual(pick(mounted('/app/x', '11.0.0.1')), ['/app/x', '/app/x', '', false]);
  assert.deepEqual(pick(mounted('/app/x', '10.0.0.1', { scriptName: '/other' })), [
    '/x',
    '/app/x',
    '/app',
    true,
  ]);
  for (const url of ['/apple', '/', '/x/app']) {
    refused(
      request(url, ['SCRIPT_NAME', '/app'], from('10.0.0.1')),
      'ERR_WSGI_SCRIPT_NAME',
      400,
      behind(),
    );
  }
});

test('what is mounted at a path answers 404 outside of it', () => {
  const by = behind({ scriptName: '/app/' });
  const all = fields(request('/app/x?y'), by);
  assert.deepEqual([all[1], all[5]], ['/x', '/app']);
  refused(request('/apple'), 'ERR_WSGI_NOT_MOUNTED', 404, by);
  const server = fields(request('*', [], { method: 'OPTIONS' }), by);
  assert.deepEqual([server[1], server[5]], ['*', '']);
});

test('hops say who the client is, to the log too; from anybody else their fields are taken away', () => {
  const by = behind({ forwardedHops: 1 });
  const told = [
    ...['X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Host', 'real.example'],
    ...['X-Forwarded-Proto', 'https', 'X-Forwarded-Prefix', '/outer', 'Forwarded', 'for=192.0.2.2'],
  ];
  const head = by.encode(request('/x', told, from('10.0.0.1')));
  assert.equal(head.remoteAddress, '192.0.2.1');
  assert.deepEqual(head.text.split('\n').slice(5, 11), [
    '/outer',
    '192.0.2.1',
    '',
    'real.example',
    '443',
    'https',
  ]);
  assert.deepEqual(headers(request('/x', told, from('10.0.0.1')), by), {
    Host: 'real.example',
    'X-Forwarded-For': '192.0.2.1',
    'X-Forwarded-Host': 'real.example',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Prefix': '/outer',
  });
  const stranger = request('/x', told, from('11.0.0.1'));
  assert.equal(by.encode(stranger).remoteAddress, '11.0.0.1');
  assert.deepEqual(headers(stranger, by), { Host: 'a.example' });
});

test('without hops, forwarded fields pass as they came', () => {
  const told = ['X-Forwarded-For', 'x', 'Forwarded', 'y'];
  assert.deepEqual(headers(request('/', told, from('10.0.0.1')), behind()), {
    'X-Forwarded-For': 'x',
    Forwarded: 'y',
    Host: 'a.example',
  });
});

test('prefix, mount of Express and mount of the policy stand in the order of the path', () => {
  const by = behind({ forwardedHops: 1, scriptName: '/inner' });
  const all = fields(
    request('/inner/x', ['X-Forwarded-Prefix', '/outer'], {
      ...from('10.0.0.1'),
      ...{ baseUrl: '/express', originalUrl: '/express/inner/x' },
    }),
    by,
  );
  assert.deepEqual([all[1], all[5]], ['/x', '/outer/express/inner']);
});

test('whatever the head, it is refused as the client’s fault or has a value for each name', () => {
  const name = fc.constantFrom(
    ...['Host', 'Content-Length', 'Transfer-Encoding', 'Expect', 'SCRIPT_NAME', 'X_A', ':a'],
    ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Prefix', 'Forwarded', 'A', 'Cookie'],
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('chunked', '3', '100-continue', 'a.example', '/a', 'for=_x', '192.0.2.1'),
  );
  const by = behind({ forwardedHops: 1 });
  const connection = from('10.0.0.1');
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('/', '/a/b', '*', 'http://x/')),
      fc.array(fc.tuple(name, value), { maxLength: 6 }),
      (url, pairs) => {
        // A line feed in a value never comes through a parser of HTTP.
        const raw = pairs.flatMap(([one, other]) => [one, other.replaceAll('\n', ' ')]);
        try {
          const all = fields(request(url, [], { ...connection, rawHeaders: raw }), by);
          assert.equal(all.length % 2, 1);
        } catch (error) {
          assert.ok(error instanceof WsgiTsError && error.blame === 'client', String(error));
        }
      },
    ),
  );
});
