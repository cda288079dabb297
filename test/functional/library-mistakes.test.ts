// What createHandler says where it can't do what it is asked: at once for a call that is wrong, and by `ready` for an app
// or a Python that can't be used. All in the process of this test.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import express, { type ErrorRequestHandler } from 'express';
import { createHandler, WsgiTsError } from '../../src/index.ts';
import type { AppHandler, AppTarget, HandlerOptions, HostLogger } from '../../src/index.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const options: HandlerOptions = {
  chdir: inRepository('fixtures', 'apps'),
  python: testPythonEnvironment().python,
};
const handlers: AppHandler[] = [];
const servers: Server[] = [];
after(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await Promise.all(handlers.map((handler) => handler.close()));
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

describe('createHandler throws', () => {
  const cases: readonly [string, () => unknown, string, RegExp][] = [
    ['for an app with no name', () => createHandler(' '), 'ERR_WSGI_NO_APP', /No app/],
    [
      'for a part that an app does not have',
      () => createHandler({ module: 'app', callabel: 'app' } as AppTarget),
      'ERR_WSGI_TARGET_FORM',
      /callabel/,
    ],
    [
      'for a value that its setting does not take',
      () => createHandler('app:app', { threads: 0 }),
      'ERR_WSGI_SETTINGS',
      /^threads: '0' is not a whole number from 1 to/,
    ],
    [
      'for a typing error, with the option that is near',
      () => createHandler('app:app', { thread: 4 } as HandlerOptions),
      'ERR_WSGI_OPTION',
      /thread: did you mean threads\?/,
    ],
    [
      'for a setting of processes',
      () => createHandler('app:app', { workers: 4 } as HandlerOptions),
      'ERR_WSGI_OPTION',
      /workers: .*serve\(\)/,
    ],
    [
      'for a logger that is none',
      () => createHandler('app:app', { logger: {} as HostLogger }),
      'ERR_WSGI_OPTION',
      /logger/,
    ],
    [
      'for a folder that is not there',
      () => createHandler({ module: 'app', chdir: '/nowhere' }),
      'ERR_WSGI_SETTINGS',
      /^chdir: '\/nowhere'/,
    ],
  ];
  for (const [title, call, code, message] of cases) {
    test(title, () => {
      assert.throws(call, { name: 'WsgiTsError', blame: 'operator', code, message });
    });
  }

  test('in a worker thread', async () => {
    const program = `
      const { createHandler } = await import(${JSON.stringify(new URL('../../src/index.js', import.meta.url).href)});
      const { parentPort } = await import('node:worker_threads');
      try { createHandler('app:app'); } catch ({ code, remedy }) { parentPort.postMessage({ code, remedy }); }
    `;
    const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
    const worker = new Worker(url);
    const [message] = (await once(worker, 'message')) as [{ code: string; remedy: string }];
    assert.equal(message.code, 'ERR_WSGI_WORKER_THREAD');
    assert.match(message.remedy, /main thread/);
    await worker.terminate();
  });
});

describe('ready rejects', () => {
  async function failure(app: string): Promise<WsgiTsError> {
    const handler = createHandler(app, options);
    const error: unknown = await handler.ready.catch((reason: unknown) => reason);
    assert.ok(error instanceof WsgiTsError, String(error));
    assert.equal(error.blame, 'application');
    return error;
  }

  test('for a module that does not exist, with its name', async () => {
    const error = await failure('no_such_module:app');
    assert.match(error.code, /^ERR_WSGI_/);
    assert.equal(error.exitCode, 3);
    assert.match(error.message, /no_such_module/);
  });

  test('for a variable that does not exist, with its name', async () => {
    const error = await failure('sleeping:application');
    assert.equal(error.exitCode, 4);
    assert.match(`${error.message} ${error.remedy ?? ''}`, /application[^]*\bapp\b/);
  });

  test('with what Python raised', async () => {
    const { python } = await failure('broken_import:app');
    assert.equal(python?.type, 'ZeroDivisionError');
    assert.equal(python.message, 'division by zero');
    assert.match(python.traceback, /broken_import\.py", line 3/);
    assert.equal((await failure('no_such_module:app')).python?.type, 'ModuleNotFoundError');
  });

  test('and where nobody looks at it, requests get the error, or 503', async () => {
    const handler = createHandler('broken_import:app', options);
    handlers.push(handler);
    const alone = await listen(handler);
    assert.equal((await fetch(alone)).status, 503);
    const site = express().use(handler);
    const seen: unknown[] = [];
    site.use(((error: unknown, _request, response, next) => {
      seen.push(error);
      if (error === undefined) next();
      else response.status(500).send('from Express');
    }) as ErrorRequestHandler);
    assert.equal(await (await fetch(await listen(site))).text(), 'from Express');
    assert.ok(seen[0] instanceof WsgiTsError);
    assert.equal(seen[0].status, 503);
    assert.equal(handler.stats().state, 'failed');
  });

  test('for an environment that is not there', async () => {
    const handler = createHandler({ module: 'app', python: '/nowhere/venv' });
    await assert.rejects(handler.ready, { code: /^ERR_WSGI_PYTHON_/, blame: 'operator' });
  });

  test('and serves other apps after that', async () => {
    await failure('no_such_module:app');
    const handler = createHandler('sleeping:app', options);
    handlers.push(handler);
    const url = await listen(handler);
    assert.equal(await (await fetch(url)).text(), 'awake\n');
  });
});
