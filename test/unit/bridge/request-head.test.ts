import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { RequestHeads } from '../../../src/bridge/request-head.ts';
import { WsgiTsError } from '../../../src/errors.ts';
import { noTrust } from '../../../src/http/policy.ts';

const heads = new RequestHeads(noTrust);

function request(url: string, rawHeaders: string[] = [], extra: object = {}): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  return Object.assign(message, { method: 'GET', url, httpVersion: '1.1', rawHeaders, ...extra });
}

function fields(message: IncomingMessage): string[] {
  return heads.encode(message).text.split('\n');
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
  const all = fields(request('http://real.example/x?y', ['Host', 'other.example', 'A', 'b']));
  assert.deepEqual(all.slice(1, 4), ['/x', 'y', 'http://real.example/x?y']);
  assert.deepEqual(all.slice(-4), ['Host', 'real.example', 'A', 'b']);
  assert.equal(fields(request('http://real.example'))[1], '/');
});

test('a target that is neither a path, nor absolute, nor an asterisk is refused', () => {
  for (const target of ['example.org:443', 'relative', 'ftp://x/y', '']) {
    assert.throws(
      () => heads.encode(request(target)),
      (error) => error instanceof WsgiTsError && error.status === 400 && error.blame === 'client',
    );
  }
  assert.equal(fields(request('*'))[1], '*');
});

test('an app mounted by Express sees where it is mounted', () => {
  const mounted = request('/page', [], { baseUrl: '/flask', originalUrl: '/flask/page' });
  const all = fields(mounted);
  assert.deepEqual([all[1], all[3], all[5]], ['/page', '/flask/page', '/flask']);
});

test('the length of the body is known from the head, and a coding is not passed on', () => {
  assert.equal(heads.encode(request('/')).bodyLength, 0);
  assert.equal(heads.encode(request('/', ['content-LENGTH', '17'])).bodyLength, 17);
  const chunked = heads.encode(request('/', ['Transfer-Encoding', 'chunked', 'A', 'b']));
  assert.equal(chunked.bodyLength, -1);
  assert.equal(chunked.text.includes('chunked'), false);
});

test('WebSockets are refused', () => {
  const wish = request('/', ['Upgrade', 'WebSocket']);
  assert.throws(() => heads.encode(wish), { code: 'ERR_WSGI_WEBSOCKET', status: 501 });
});

test('control characters are refused wherever they are', () => {
  for (const code of [0, 1, 8, 11, 13, 27, 31, 127]) {
    const character = String.fromCharCode(code);
    for (const bad of [request(`/${character}`), request('/', ['A', `x${character}y`])]) {
      assert.throws(
        () => heads.encode(bad),
        (error) => error instanceof WsgiTsError && error.code === 'ERR_WSGI_CONTROL_CHARACTER',
      );
    }
  }
});

test('a second Host, or a coding that is not chunked alone, is refused', () => {
  const twice = request('/', ['Host', 'a', 'host', 'b']);
  assert.throws(() => heads.encode(twice), { code: 'ERR_WSGI_HOST', status: 400 });
  for (const coding of ['gzip, chunked', 'gzip', 'identity', 'chunked, chunked']) {
    const coded = request('/', ['Transfer-Encoding', coding]);
    assert.throws(() => heads.encode(coded), {
      code: 'ERR_WSGI_TRANSFER_CODING',
      status: 501,
    });
  }
});
