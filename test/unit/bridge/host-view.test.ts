// Where an app is mounted, by what each kind of host leaves of a request, and who its framework says the client is.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { mountOf, seenBy, type HostView } from '../../../src/bridge/host-view.ts';
import type { Seen } from '../../../src/http/forwarded.ts';

interface Given {
  readonly url: string;
  readonly originalUrl?: string;
  readonly baseUrl?: string;
}

function mount(given: Given, view: HostView | null = null): readonly [string, string, string] {
  const { target, rawTarget, baseUrl } = mountOf(given as unknown as IncomingMessage, view);
  return [baseUrl, target, rawTarget];
}

describe('the mount of a request', () => {
  test('is nothing where there is no host', () => {
    assert.deepEqual(mount({ url: '/a?b' }), ['', '/a?b', '/a?b']);
  });

  test('is what Express says, in absolute form, too', () => {
    const whole = '/shop/a?b';
    assert.deepEqual(mount({ url: '/a?b', originalUrl: whole, baseUrl: '/shop' }), [
      ...['/shop', '/a?b', whole],
    ]);
    const absolute = 'http://h/shop/a?b';
    assert.deepEqual(mount({ url: 'http://h/a?b', originalUrl: absolute, baseUrl: '/shop' }), [
      ...['/shop', 'http://h/a?b', absolute],
    ]);
  });

  test('is what Connect has taken off', () => {
    const cases: readonly [string, string, string, left?: string][] = [
      ['/shop/a?b', '/a?b', '/shop'],
      ['/shop?b', '/?b', '/shop', '?b'],
      ['/shop', '/', '/shop', ''],
      ['/a', '/rewritten', ''],
      ['http://h/shop/a', 'http://h/a', '/shop'],
      ['http://h/shop', 'http://h/', '/shop'],
    ];
    for (const [originalUrl, url, expected, left = url] of cases) {
      assert.deepEqual(mount({ url, originalUrl }), [expected, left, originalUrl], originalUrl);
    }
  });

  test('is so many segments as a plugin of Fastify has', () => {
    const cases: readonly [string, number, string, string][] = [
      ['/shop/a?b', 1, '/shop', '/a?b'],
      ['/shop', 1, '/shop', ''],
      ['/shop/', 1, '/shop', '/'],
      ['/shop?b/c', 1, '/shop', '?b/c'],
      ['//shop/a', 1, '//shop', '/a'],
      ['/ada/shop/a', 2, '/ada/shop', '/a'],
      ['/a', 0, '', '/a'],
      ['http://h/shop/a?b', 1, '/shop', 'http://h/a?b'],
      ['HTTPS://h:1/shop', 1, '/shop', 'HTTPS://h:1'],
      ['http://h', 0, '', 'http://h'],
      ['*', 1, '', '*'],
    ];
    for (const [url, segments, base, rest] of cases) {
      assert.deepEqual(mount({ url }, { segments }), [base, rest, url], url);
    }
  });
});

describe('the client that a framework sees', () => {
  const seen: Seen = {
    ...{
      remoteAddress: '10.0.0.1',
      remotePort: '4000',
      scheme: 'http' as const,
      host: 'own.example',
    },
    ...{
      serverName: 'own.example',
      serverPort: '',
      prefix: '',
      scriptName: '',
      scriptNameTold: false,
    },
  };

  test('takes the place of the connection', () => {
    const client = {
      remoteAddress: '203.0.113.5',
      scheme: 'https',
      host: 'a.example:8443',
    } as const;
    assert.deepEqual(seenBy(seen, client), {
      ...seen,
      ...{ remoteAddress: '203.0.113.5', remotePort: '', scheme: 'https', host: 'a.example:8443' },
      ...{ serverName: 'a.example', serverPort: '8443' },
    });
  });

  test('counts for nothing where it is no address, and no host', () => {
    const client = { remoteAddress: 'unknown', scheme: 'https', host: 'a b' } as const;
    assert.deepEqual(seenBy(seen, client), { ...seen, scheme: 'https' });
    assert.deepEqual(seenBy(seen, { ...client, host: null }), { ...seen, scheme: 'https' });
  });
});
