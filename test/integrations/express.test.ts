// A WSGI app among Express' own routes and middlewares, and Connect's. All in the process of this test.

import assert from 'node:assert/strict';
import { createServer, request as send } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import connect from 'connect';
import express, { type ErrorRequestHandler } from 'express';
import {
  createHandler,
  type AccessRecord,
  type AppHandler,
  type HandlerOptions,
} from '../../src/index.ts';
import { wsgi } from '../../src/integrations/express.ts';
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

function load(app: string, more: HandlerOptions = {}): AppHandler {
  const handler = wsgi(app, { ...options, ...more });
  handlers.push(handler);
  return handler;
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** Fields as they came, names as they were written. */
async function rawHeaders(url: string): Promise<string[]> {
  return await new Promise((resolve, reject) => {
    send(url, { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.rawHeaders);
    })
      .on('error', reject)
      .end();
  });
}

interface Mounted {
  readonly SCRIPT_NAME: string;
  readonly PATH_INFO: string;
  readonly REMOTE_ADDR: string;
  readonly uri: string;
}

async function mounted(url: string, headers: Record<string, string> = {}): Promise<Mounted> {
  return (await (await fetch(url, { headers })).json()) as Mounted;
}

describe('in Express', () => {
  test('what middlewares have set stays, and no field of the app is lost', async () => {
    const site = express();
    site.use((_request, response, next) => {
      response.cookie('host', '1').vary('Origin').set('X-Twice', 'host');
      next();
    });
    site.use(load('repeated_fields:app'));
    const fields = await rawHeaders(await listen(site));
    const all = (name: string): string[] =>
      fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name);
    assert.deepEqual(all('Set-Cookie'), ['host=1; Path=/', 'a=1; Path=/', 'b=2']);
    assert.deepEqual(all('Vary'), ['Origin', 'Cookie']);
    assert.deepEqual(all('X-Twice'), ['one', 'two']);
  });

  test('an app that could not be loaded goes to the error handling', async () => {
    const site = express().use(load('broken_import:app', { logger: silent }));
    site.use(((error: { code?: string }, _request, response, next) => {
      if (error.code === undefined) next(error);
      else response.status(500).send(error.code);
    }) as ErrorRequestHandler);
    const answer = await fetch(await listen(site));
    assert.equal(await answer.text(), 'ERR_WSGI_IMPORT_FAILED');
  });

  test('the client is who Express says, where it trusts a proxy', async () => {
    const said = {
      'X-Forwarded-For': '203.0.113.5',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'shop.example',
    };
    const site = express().set('trust proxy', 'loopback');
    site.use('/ours', load('mounted:app', { forwardedAllowIps: [] }));
    site.use(load('mounted:app'));
    const url = await listen(site);
    const shown = await mounted(`${url}/a`, said);
    assert.equal(shown.REMOTE_ADDR, '203.0.113.5');
    assert.equal(shown.uri, 'https://shop.example/a');
    const ours = await mounted(`${url}/ours`, said);
    assert.equal(ours.REMOTE_ADDR, '127.0.0.1');
    assert.equal(ours.uri, `${url}/ours`);
    const nonsense = { 'X-Forwarded-For': 'nonsense', 'X-Forwarded-Host': 'a b' };
    assert.equal((await mounted(`${url}/a`, nonsense)).REMOTE_ADDR, '127.0.0.1');
  });

  test('without such trust the settings count', async () => {
    const url = await listen(express().use(load('mounted:app')));
    const shown = await mounted(url, {
      'X-Forwarded-For': '203.0.113.5',
      'X-Forwarded-Proto': 'https',
    });
    assert.equal(shown.REMOTE_ADDR, '127.0.0.1');
    assert.match(shown.uri, /^https:/);
  });
});

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined };

describe('in Connect', () => {
  test('the mount path is SCRIPT_NAME', async () => {
    const handler = createHandler('mounted:app', options);
    handlers.push(handler);
    const inner = connect().use('/inner', handler);
    const url = await listen(connect().use('/a%20b', handler).use('/outer', inner).use(handler));
    const paths: readonly [string, string, string][] = [
      ['/a%20b/c?d', '/a b', '/c'],
      ['/a%20b', '/a b', ''],
      ['/a%20b?c', '/a b', ''],
      ['/a%20b/', '/a b', '/'],
      ['/outer/inner', '/outer/inner', ''],
      ['/outer/inner/?c', '/outer/inner', '/'],
      ['/outer/inner/x', '/outer/inner', '/x'],
      ['/other/c', '', '/other/c'],
    ];
    for (const [path, script, info] of paths) {
      const shown = await mounted(`${url}${path}`);
      assert.deepEqual([shown.SCRIPT_NAME, shown.PATH_INFO], [script, info], path);
    }
  });
});

describe('with fallthrough', () => {
  async function site(): Promise<{ url: string; entries: AccessRecord[] }> {
    const entries: AccessRecord[] = [];
    const handler = load('not_found:app', {
      fallthrough: true,
      accessLog: {
        write: (record) => {
          entries.push(record);
        },
      },
    });
    const app = express();
    app.use(handler);
    app.use((_request, response) => {
      response.status(404).send('nobody has it');
    });
    return { url: await listen(app), entries };
  }

  test('a 404 of the app goes on to what comes next, whole, streamed or a file', async () => {
    const { url, entries } = await site();
    for (const path of ['whole', 'streamed', 'file']) {
      const answer = await fetch(`${url}/${path}`);
      assert.equal(await answer.text(), 'nobody has it', path);
      assert.equal(answer.headers.get('x-of-the-app'), null, path);
    }
    assert.equal(entries.length, 0);
    const closed = await fetch(`${url}/closed`);
    assert.equal(await closed.text(), '3');
    assert.equal(entries.length, 1);
  });

  test('without anybody next it is answered', async () => {
    const handler = load('not_found:app', { fallthrough: true });
    const answer = await fetch(`${await listen(handler)}/whole`);
    assert.deepEqual([answer.status, await answer.text()], [404, 'not here']);
  });
});
