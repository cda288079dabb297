// Requests that something in front of the app has answered, or read, before the app got them. All in the process of this test.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import express, { type ErrorRequestHandler } from 'express';
import {
  createHandler,
  type AccessRecord,
  type AppHandler,
  type WsgiTsError,
} from '../../src/index.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const lines: string[] = [];
const entries: AccessRecord[] = [];
const log = (line: string): void => {
  lines.push(line);
};
const servers: Server[] = [];
const handler: AppHandler = createHandler('mounted:app', {
  chdir: inRepository('fixtures', 'apps'),
  python: testPythonEnvironment().python,
  logger: { error: log, warn: log, info: log },
  accessLog: { write: (record) => entries.push(record) },
});
after(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await handler.close();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** What was logged meanwhile. */
async function logged(during: () => Promise<void>): Promise<string> {
  const before = lines.length;
  await during();
  return lines.slice(before).join('\n');
}

/** Error handling that says which error it got. */
const showCode: ErrorRequestHandler = (error: WsgiTsError, _request, response, next) => {
  if (response.headersSent) response.end(error.code);
  else if (error.code === '') next(error);
  else response.status(error.status ?? 500).send(error.code);
};

describe('a response that somebody else has begun', () => {
  test('is cut off, and the log says why', async () => {
    const url = await listen((request, response) => {
      response.writeHead(200).write('theirs');
      handler(request, response);
    });
    const text = await logged(async () => {
      await assert.rejects(fetch(`${url}/a`).then((answer) => answer.text()));
    });
    assert.match(text, /^GET \/a: The response was begun before/);
    assert.deepEqual(entries, []);
  });

  test('goes back to who has begun it, where there is a next', async () => {
    const site = express();
    site.use((_request, response, next) => {
      response.write('theirs ');
      next();
    });
    site.use(handler, showCode);
    const answer = await fetch(await listen(site));
    assert.equal(await answer.text(), 'theirs ERR_WSGI_RESPONSE_BEGUN');
  });

  test('is left alone where it is complete', async () => {
    const url = await listen((request, response) => {
      response.end('theirs');
      handler(request, response);
    });
    const text = await logged(async () => {
      assert.equal(await (await fetch(url)).text(), 'theirs');
    });
    assert.match(text, /The response was begun before/);
    assert.equal(handler.stats().served, 0);
  });
});

describe('a body that somebody else has read', () => {
  const json = { method: 'POST', headers: { 'content-type': 'application/json' } };

  test('goes to the error handling, and the log says what to do', async () => {
    const site = express().use(express.json());
    const url = await listen(site.use('/app', handler).use(showCode));
    const text = await logged(async () => {
      const answer = await fetch(`${url}/app/x`, { ...json, body: '{"a":1}' });
      assert.deepEqual([answer.status, await answer.text()], [500, 'ERR_WSGI_BODY_READ']);
    });
    assert.match(text, /^POST \/app\/x: The body of the request was read[^]*Mount the app before/);
  });

  test('is answered 500 where there is no next', async () => {
    const url = await listen((request, response) => {
      request.resume().once('end', () => {
        handler(request, response);
      });
    });
    assert.equal((await fetch(url, { method: 'POST', body: 'text' })).status, 500);
    const body = new Blob(['in chunks']).stream();
    assert.equal((await fetch(url, { method: 'POST', body, duplex: 'half' })).status, 500);
    assert.equal((await fetch(url)).status, 200);
    assert.equal((await fetch(url, { method: 'POST' })).status, 200);
  });

  test('is left to the app where the parser has no use for it', async () => {
    const url = await listen(express().use(express.json(), handler));
    const answer = await fetch(url, { method: 'POST', body: 'text' });
    assert.equal(((await answer.json()) as { body: string }).body, 'text');
    assert.equal((await fetch(url, { ...json, body: '' })).status, 200);
  });
});
