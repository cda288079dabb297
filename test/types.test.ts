// The types of the public API: what the compiler refuses here is refused at run time as well, for programs in JavaScript.
// That the rest compiles is half of this test.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import connect from 'connect';
import express from 'express';
import Fastify from 'fastify';
import { createHandler, WsgiTsError } from '../src/index.ts';
import type {
  AppHandler,
  AppTarget,
  HandlerOptions,
  HandlerStats,
  InjectResponse,
} from '../src/index.ts';
import { wsgi as forExpress } from '../src/integrations/express.ts';
import { wsgi as forFastify } from '../src/integrations/fastify.ts';

const refused = { name: 'WsgiTsError', blame: 'operator' };

describe('the compiler and createHandler both refuse', () => {
  it('what is no app', () => {
    // @ts-expect-error -- an app is needed
    assert.throws(() => createHandler(), refused);
    // @ts-expect-error -- nor is it a number
    assert.throws(() => createHandler(8000), refused);
    // @ts-expect-error -- it has a module
    assert.throws(() => createHandler({ callable: 'app' }), refused);
    // @ts-expect-error -- and no such part
    assert.throws(() => createHandler({ module: 'app', name: 'app' }), refused);
  });

  it('no variables of an environment', () => {
    // What is there in any case, is enough here: that it compiles.
    const whole: HandlerOptions = { env: process.env };
    assert.ok(whole.env);
    // @ts-expect-error -- a variable is a text
    assert.throws(() => createHandler('app:app', { env: { A: 5 } }), refused);
  });

  it('values of another type', () => {
    // @ts-expect-error -- a number, or what would be typed
    assert.throws(() => createHandler('app:app', { threads: true }), refused);
    // @ts-expect-error -- nor is that one
    assert.throws(() => createHandler('app:app', { threads: 'four' }), refused);
    // @ts-expect-error -- a boolean, no word
    assert.throws(() => createHandler('app:app', { sendfile: 'yes' }), refused);
    // @ts-expect-error -- one of a few words
    assert.throws(() => createHandler('app:app', { headerMap: 'keep' }), refused);
    // @ts-expect-error -- one of a few words
    assert.throws(() => createHandler('app:app', { logLevel: 'verbose' }), refused);
    // @ts-expect-error -- texts, no numbers
    assert.throws(() => createHandler('app:app', { pythonpath: [1] }), refused);
    // @ts-expect-error -- texts, no numbers
    assert.throws(() => createHandler('app:app', { env: { A: 1 } }), refused);
    // @ts-expect-error -- an object with functions
    assert.throws(() => createHandler('app:app', { logger: 'console' }), refused);
    // @ts-expect-error -- a path, no switch
    assert.throws(() => createHandler('app:app', { accessLogFile: true }), refused);
  });

  it('settings that there are not, or not here', () => {
    // @ts-expect-error -- a typing error
    assert.throws(() => createHandler('app:app', { thread: 4 }), refused);
    // @ts-expect-error -- a setting of processes
    assert.throws(() => createHandler('app:app', { workers: 2 }), refused);
    // @ts-expect-error -- gunicorn's name
    assert.throws(() => createHandler('app:app', { limit_request_body: 2 }), refused);
  });
});

/** Compiled, never called: what people write. */
export async function everyday(): Promise<unknown[]> {
  const target: AppTarget = {
    module: 'shop.wsgi',
    callable: 'app',
    chdir: '/srv',
    python: '.venv',
  };
  const options: HandlerOptions = {
    ...{ threads: 4, timeout: 60, gracefulTimeout: 5, noServerHeader: true, sendfile: false },
    ...{ pythonpath: ['lib', 'vendor'], env: { A: 'b' }, tmpUploadDir: null },
    ...{ forwardedAllowIps: ['10.0.0.0/8'], forwardedHops: 1, forwardedFields: ['for', 'proto'] },
    ...{ secureSchemeHeaders: { 'x-forwarded-proto': 'https' } },
    ...{ logger: console, accessLog: { write: (record) => record.status }, fallthrough: true },
    limitRequestBody: undefined,
  };
  const handler: AppHandler = createHandler(target, options);
  createServer(handler);
  express()
    .use('/a', handler)
    .use(forExpress('app:app', { logLevel: 'warning' }));
  connect().use('/a', handler).use(handler);
  const fastify = Fastify({ logger: true });
  fastify.register(forFastify, { target: 'app:app', prefix: '/a', threads: 2, logLevel: 'silent' });
  createHandler('app:app', { logger: fastify.log });
  await handler.ready;
  const answer: InjectResponse = await handler.inject({ url: '/', payload: { a: 1 } });
  const shape = answer.json<{ a: number }>().a;
  // @ts-expect-error -- it may be a list
  const type: string = answer.headers['content-type'];
  const stats: HandlerStats = handler.stats();
  // @ts-expect-error -- nobody sets it
  stats.served = 0;
  // @ts-expect-error -- a target is needed
  fastify.register(forFastify, { prefix: '/a' });
  const { python } = new WsgiTsError('ERR', 'server', '');
  // @ts-expect-error -- only where Python raised
  const traceback: string = python.traceback;
  return [shape, type, traceback, handler.close(1)];
}
