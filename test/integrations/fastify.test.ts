// A WSGI app as a plugin of Fastify: its prefix, its bodies, its log, its end. All in the process of this test.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { wsgi, type FastifyWsgiOptions } from '../../src/integrations/fastify.ts';
import { openGate } from '../helpers/gate.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const apps: FastifyInstance[] = [];
after(async () => {
  await Promise.all(apps.map((app) => app.close()));
});

function options(app: string, more: Partial<FastifyWsgiOptions> = {}): FastifyWsgiOptions {
  const { python } = testPythonEnvironment();
  return { target: app, chdir: inRepository('fixtures', 'apps'), python, ...more };
}

function site(given: FastifyServerOptions = {}): FastifyInstance {
  const app = Fastify(given) as unknown as FastifyInstance;
  apps.push(app);
  return app;
}

const listen = (app: FastifyInstance): Promise<string> =>
  app.listen({ port: 0, host: '127.0.0.1' });

interface Mounted {
  readonly REQUEST_METHOD: string;
  readonly SCRIPT_NAME: string;
  readonly PATH_INFO: string;
  readonly REMOTE_ADDR: string;
  readonly uri: string;
  readonly body: string;
}

async function mounted(url: string, init?: RequestInit): Promise<Mounted> {
  return (await (await fetch(url, init)).json()) as Mounted;
}

describe('in Fastify', () => {
  test('the prefix is SCRIPT_NAME, also of nested plugins and with parameters', async () => {
    const app = site();
    app.register(wsgi, options('mounted:app', { prefix: '/python' }));
    app.register(
      async (inner) => {
        await inner.register(wsgi, options('mounted:app', { prefix: '/b' }));
      },
      { prefix: '/:tenant' },
    );
    app.get('/own', () => 'from Fastify');
    const url = await listen(app);
    const paths: readonly [string, string, string][] = [
      ['/python/a%20b?c', '/python', '/a b'],
      ['/python', '/python', '/'],
      ['/python/', '/python', '/'],
      ['/ada/b/c', '/ada/b', '/c'],
    ];
    for (const [path, script, info] of paths) {
      const shown = await mounted(`${url}${path}`);
      assert.deepEqual([shown.SCRIPT_NAME, shown.PATH_INFO], [script, info], path);
    }
    assert.equal(await (await fetch(`${url}/own`)).text(), 'from Fastify');
  });

  test('a target in absolute form is one of the prefix, too', async () => {
    const app = site();
    app.register(wsgi, options('mounted:app', { prefix: '/python' }));
    const url = new URL(await listen(app));
    const socket = connect(Number(url.port), url.hostname);
    socket.write('GET http://a.example/python/x HTTP/1.0\r\n\r\n');
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    await once(socket, 'close');
    const [, body = ''] = Buffer.concat(pieces).toString().split('\r\n\r\n');
    const shown = JSON.parse(body) as Mounted;
    assert.deepEqual([shown.SCRIPT_NAME, shown.PATH_INFO], ['/python', '/x']);
    assert.equal(shown.uri, 'http://a.example/python/x');
  });

  test('every method comes through, and every body as it is', async () => {
    const app = site({ bodyLimit: 10 });
    app.register(wsgi, options('mounted:app'));
    app.post('/own', (request) => request.body);
    const url = await listen(app);
    const json = { 'Content-Type': 'application/json' };
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT']) {
      const body = '{ not even JSON, and longer than Fastify would take';
      const shown = await mounted(url, { method, body, headers: json });
      assert.deepEqual([shown.REQUEST_METHOD, shown.body], [method, body]);
    }
    assert.equal((await mounted(url, { method: 'POST', body: new Uint8Array([65]) })).body, 'A');
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 200);
    const own = await fetch(`${url}/own`, { method: 'POST', body: '{"a":1}', headers: json });
    assert.equal(await own.text(), '{"a":1}');
  });

  test('errors are in the log of their request, and hooks run', async () => {
    const lines: string[] = [];
    const stream = {
      write: (line: string): void => {
        lines.push(line);
      },
    };
    const app = site({ logger: { level: 'info', stream } });
    const hooks: string[] = [];
    app.addHook('onRequest', (_request, _reply, done) => {
      hooks.push('onRequest');
      done();
    });
    app.addHook('onResponse', (_request, _reply, done) => {
      hooks.push('onResponse');
      done();
    });
    app.register(wsgi, options('views_gone_wrong:app'));
    const url = await listen(app);
    await (await fetch(`${url}/raise-exception`)).text();
    await app.close();
    const entries = lines.map((line) => JSON.parse(line) as { msg: string; reqId?: string });
    const error = entries.find(({ msg }) => msg.includes('Traceback'));
    assert.match(error?.msg ?? '', /^GET \/raise-exception from 127\.0\.0\.1/);
    const incoming = entries.find(({ msg }) => msg === 'incoming request');
    assert.equal(error?.reqId, incoming?.reqId);
    assert.notEqual(error?.reqId, undefined);
    assert.deepEqual(hooks, ['onRequest', 'onResponse']);
    assert.ok(entries.some(({ msg }) => msg === 'request completed'));
  });

  test('listen() rejects with the error of an app that can not be loaded', async () => {
    const app = site();
    app.register(wsgi, options('broken_import:app', { logger: silent }));
    await assert.rejects(listen(app), { code: 'ERR_WSGI_IMPORT_FAILED' });
  });

  test('close() waits for requests that are under way', async () => {
    await using gate = await openGate();
    const app = site();
    app.register(wsgi, options('sleeping:app'));
    const url = new URL(await listen(app));
    const socket = connect(Number(url.port), url.hostname);
    socket.write(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await gate.said();
    const closing = app.close();
    gate.letGo();
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    await once(socket, 'close');
    assert.match(Buffer.concat(pieces).toString(), /^HTTP\/1\.1 200 OK[^]*slept\n$/);
    await closing;
  });

  test("with fallthrough, Fastify's own 404 takes the place of the app's", async () => {
    const app = site();
    app.setNotFoundHandler((request, reply) => reply.code(404).send(`nobody has ${request.url}`));
    app.register(wsgi, options('not_found:app', { fallthrough: true }));
    const url = await listen(app);
    for (const path of ['/whole', '/streamed', '/file']) {
      const answer = await fetch(`${url}${path}`);
      assert.deepEqual([answer.status, await answer.text()], [404, `nobody has ${path}`]);
    }
    assert.equal(await (await fetch(`${url}/closed`)).text(), '3');
  });

  test('the client is who Fastify says, where it trusts a proxy', async () => {
    const app = site({ trustProxy: '127.0.0.1' });
    app.register(wsgi, options('mounted:app'));
    const headers = {
      'X-Forwarded-For': '203.0.113.5',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'shop.example',
    };
    const shown = await mounted(`${await listen(app)}/a`, { headers });
    assert.equal(shown.REMOTE_ADDR, '203.0.113.5');
    assert.equal(shown.uri, 'https://shop.example/a');
  });

  test('app.inject() reaches it', async () => {
    const app = site();
    app.register(wsgi, options('mounted:app', { prefix: '/p' }));
    const answer = await app.inject({ method: 'POST', url: '/p/a', payload: 'its body' });
    const shown = answer.json<Mounted>();
    assert.deepEqual([shown.SCRIPT_NAME, shown.PATH_INFO, shown.body], ['/p', '/a', 'its body']);
  });
});

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined };
