// Requests without a socket: every way in which an app can answer, and what there is to send. All in this process.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { createHandler, type AppHandler, type HandlerOptions } from '../../src/index.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const options: HandlerOptions = {
  chdir: inRepository('fixtures', 'apps'),
  python: testPythonEnvironment().python,
};
const silent = { error: () => undefined, warn: () => undefined, info: () => undefined };
const handlers = new Map<string, AppHandler>();
after(async () => {
  await Promise.all([...handlers.values()].map((handler) => handler.close()));
});

/** One handler for each app. */
function app(name: string, more: HandlerOptions = {}): AppHandler {
  const known = handlers.get(name);
  if (known !== undefined) return known;
  const handler = createHandler(name, { ...options, logger: silent, ...more });
  handlers.set(name, handler);
  return handler;
}

interface Mounted {
  readonly REQUEST_METHOD: string;
  readonly PATH_INFO: string;
  readonly QUERY_STRING: string;
  readonly REMOTE_ADDR: string;
  readonly uri: string;
  readonly body: string;
}

describe('inject', () => {
  test('takes a path alone, before the app is loaded', async () => {
    const answer = await app('mounted:app').inject('/a%20path?b=1');
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.statusMessage, 'OK');
    assert.equal(answer.headers['content-type'], 'application/json');
    const shown = answer.json<Mounted>();
    assert.equal(shown.REQUEST_METHOD, 'GET');
    assert.equal(shown.PATH_INFO, '/a path');
    assert.equal(shown.REMOTE_ADDR, '127.0.0.1');
    assert.equal(shown.uri, 'http://localhost/a%20path?b=1');
  });

  test('takes method, query, authority and address', async () => {
    const { body } = await app('mounted:app').inject({
      ...{ method: 'DELETE', url: '/x?a=1', query: { b: ['2', '3'] } },
      ...{ authority: 'shop.example:8000', remoteAddress: '192.0.2.7' },
    });
    const shown = JSON.parse(body) as Mounted;
    assert.equal(shown.REQUEST_METHOD, 'DELETE');
    assert.equal(shown.QUERY_STRING, 'a=1&b=2&b=3');
    assert.equal(shown.REMOTE_ADDR, '192.0.2.7');
    assert.equal(shown.uri, 'http://shop.example:8000/x?a=1&b=2&b=3');
    const secure = await app('mounted:app').inject('https://shop.example/y');
    assert.equal(secure.json<Mounted>().uri, 'https://shop.example/y');
  });

  test('sends a body as text, bytes, JSON or a stream', async () => {
    const bodies: readonly [unknown, string][] = [
      ['a text', 'a text'],
      [Buffer.from('bytes'), 'bytes'],
      [new Uint8Array([97, 98]), 'ab'],
      [{ a: [1] }, '{"a":[1]}'],
      [new Uint8Array([97, 98]).buffer, 'ab'],
      [Readable.from(['in ', 'pieces']), 'in pieces'],
      [new Blob(['of ', 'the web']).stream(), 'of the web'],
      [new Blob(['a blob']), 'a blob'],
      [new URLSearchParams({ a: 'b c' }), 'a=b+c'],
    ];
    for (const [payload, expected] of bodies) {
      const request = { method: 'POST', url: '/', payload: payload as object };
      const answer = await app('mounted:app').inject(request);
      assert.equal(answer.json<Mounted>().body, expected);
    }
    const form = new FormData();
    form.append('field', 'its value');
    const multipart = await app('mounted:app').inject({ method: 'POST', url: '/', payload: form });
    assert.match(multipart.json<Mounted>().body, /name="field"\r\n\r\nits value\r\n/);
    const large = Buffer.alloc(3_000_000, 'a large body ');
    const answer = await app('uploads:app').inject({ method: 'POST', url: '/', payload: large });
    const { length, sha256 } = answer.json<{ length: number; sha256: string }>();
    assert.equal(length, large.length);
    assert.equal(sha256, createHash('sha256').update(large).digest('hex'));
  });

  test('reads streams and files whole, however long', async () => {
    for (const path of ['file', 'generator', 'write']) {
      const { rawPayload } = await app('downloads:app').inject(`/${path}?5000000`);
      assert.equal(rawPayload.length, 5_000_000, path);
    }
  });

  test('gets the length and no body for HEAD', async () => {
    const answer = await app('downloads:app').inject({ method: 'HEAD', url: '/file?1000' });
    assert.equal(answer.headers['content-length'], '1000');
    assert.equal(answer.rawPayload.length, 0);
  });

  test('keeps fields that come more than once, and cookies', async () => {
    const answer = await app('repeated_fields:app').inject('/');
    assert.deepEqual(answer.headers['x-twice'], ['one', 'two']);
    assert.deepEqual(answer.headers['set-cookie'], ['a=1; Path=/', 'b=2']);
    assert.deepEqual(
      answer.cookies.map(({ name, value }) => [name, value]),
      [
        ['a', '1'],
        ['b', '2'],
      ],
    );
  });

  test('gets the page of an app that fails, and of a limit', async () => {
    const failed = await app('views_gone_wrong:app').inject({
      url: '/raise-exception',
      headers: { accept: 'application/json' },
    });
    assert.equal(failed.statusCode, 500);
    assert.equal(failed.json<{ error: string }>().error, 'Internal Server Error');
    const limited = app('request_seen:app', { limitRequestBody: 4 });
    const refused = await limited.inject({ method: 'POST', url: '/', payload: 'too long' });
    assert.equal(refused.statusCode, 413);
  });

  test('rejects where the answer breaks off', async () => {
    const broken = app('flask_gone_wrong:app').inject('/stream');
    await assert.rejects(broken, { code: 'ERR_WSGI_CUT_OFF', blame: 'application' });
  });

  test('takes many at a time', async () => {
    const requests = Array.from({ length: 50 }, (_, index) =>
      app('mounted:app').inject(`/${String(index)}`),
    );
    const paths = (await Promise.all(requests)).map((answer) => answer.json<Mounted>().PATH_INFO);
    assert.deepEqual(
      paths,
      Array.from({ length: 50 }, (_, index) => `/${String(index)}`),
    );
  });

  test('refuses what is no request', async () => {
    const refused = { code: 'ERR_WSGI_INJECTION', blame: 'operator' };
    await assert.rejects(app('mounted:app').inject('ftp://a/b'), refused);
    await assert.rejects(app('mounted:app').inject({} as never), refused);
    for (const [request, message] of [
      [null, /^a path, or an object with a url, is expected, not null$/],
      ['', /^url: "" is neither a path nor a URL/],
      [{ url: '/', payloadd: 'x' }, /^a request has no "payloadd"; did you mean payload\?$/],
      [{ url: '/', method: 'FETCH' }, /^method: "FETCH" is none of ACL, /],
      [{ url: '/', method: 'CONNECT' }, /^method: "CONNECT" is none of /],
      [{ url: '/', headers: { 'a b': '1' } }, /^headers: Header name must be a valid HTTP token/],
      [{ url: '/', headers: { a: 'x\ny' } }, /^headers: Invalid character in header content/],
    ] as const) {
      await assert.rejects(app('mounted:app').inject(request as never), { ...refused, message });
    }
    const broken = new Readable({
      read() {
        this.destroy(new Error('a disk is gone'));
      },
    });
    await assert.rejects(app('mounted:app').inject({ method: 'POST', url: '/', payload: broken }), {
      ...refused,
      message: 'a disk is gone',
    });
  });

  test('rejects with the error of an app that could not be loaded, and after close', async () => {
    const broken = createHandler('broken_import:app', { ...options, logger: silent });
    await assert.rejects(broken.inject('/'), { code: 'ERR_WSGI_IMPORT_FAILED' });
    const handler = createHandler('mounted:app', options);
    const under = handler.inject('/');
    const closing = handler.close();
    await assert.rejects(under, { code: 'ERR_WSGI_CLOSED' });
    await closing;
    await assert.rejects(handler.inject('/'), { code: 'ERR_WSGI_CLOSED', blame: 'operator' });
  });
});
