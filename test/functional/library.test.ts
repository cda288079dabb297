// createHandler as a Node program uses it: in node:http, mounted in Express, two apps in one process, its end. All in the
// process of this test: one interpreter serves all.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import express from 'express';
import { createHandler } from '../../src/index.ts';
import type { AccessRecord, AppHandler, HandlerOptions } from '../../src/index.ts';
import { openGate } from '../helpers/gate.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const options: HandlerOptions = {
  chdir: inRepository('fixtures', 'apps'),
  python: testPythonEnvironment().python,
};

/** What fixtures/apps/mounted.py answers. */
interface Mounted {
  readonly REQUEST_METHOD: string;
  readonly SCRIPT_NAME: string;
  readonly PATH_INFO: string;
  readonly QUERY_STRING: string;
  readonly REMOTE_ADDR: string;
  readonly uri: string;
  readonly body: string;
}

const nothing = (): void => undefined;
const quiet = { error: nothing, warn: nothing, info: nothing };
const handlers: AppHandler[] = [];
const servers: Server[] = [];
after(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await Promise.all(handlers.map((handler) => handler.close()));
});

async function load(app: string, more: HandlerOptions = {}): Promise<AppHandler> {
  const handler = createHandler(app, { ...options, ...more });
  handlers.push(handler);
  await handler.ready;
  return handler;
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

async function mounted(url: string, init?: RequestInit): Promise<Mounted> {
  return (await (await fetch(url, init)).json()) as Mounted;
}

describe('createHandler', () => {
  test('serves an app in node:http', async () => {
    const url = await listen(await load('mounted:app'));
    const shown = await mounted(`${url}/a%20path?query`, { method: 'POST', body: 'its body' });
    assert.deepEqual(shown, {
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: '',
      PATH_INFO: '/a path',
      QUERY_STRING: 'query',
      REMOTE_ADDR: '127.0.0.1',
      uri: `${url}/a%20path?query`,
      body: 'its body',
    });
  });

  test('serves Flask, streams, files and large bodies there', async () => {
    const flask = await listen(await load('flask_gone_wrong:app'));
    assert.equal(await (await fetch(`${flask}/`)).text(), 'fine\n');
    const downloads = await listen(await load('downloads:app'));
    for (const path of ['file', 'generator', 'write']) {
      const body = await (await fetch(`${downloads}/${path}?1000000`)).arrayBuffer();
      assert.equal(body.byteLength, 1_000_000, path);
    }
    const uploads = await listen(await load('uploads:app'));
    const sent = await fetch(uploads, { method: 'POST', body: new Uint8Array(1_000_000) });
    assert.equal(((await sent.json()) as { length: number }).length, 1_000_000);
  });

  test('mounted in Express takes the mount path as SCRIPT_NAME', async () => {
    const site = express();
    site.get('/own', (_request, response) => {
      response.send('from Express');
    });
    site.use('/python', await load('mounted:app'));
    const url = await listen(site);
    assert.equal(await (await fetch(`${url}/own`)).text(), 'from Express');
    const shown = await mounted(`${url}/python/deep/path?a=1`);
    assert.equal(shown.SCRIPT_NAME, '/python');
    assert.equal(shown.PATH_INFO, '/deep/path');
    assert.equal(shown.QUERY_STRING, 'a=1');
    assert.equal(shown.uri, `${url}/python/deep/path?a=1`);
    assert.equal((await mounted(`${url}/python`)).SCRIPT_NAME, '/python');
  });

  test('mounted below two routers takes both paths', async () => {
    const inner = express.Router();
    inner.use('/b', await load('mounted:app'));
    const url = await listen(express().use('/a', inner));
    const shown = await mounted(`${url}/a/b/c`);
    assert.deepEqual([shown.SCRIPT_NAME, shown.PATH_INFO], ['/a/b', '/c']);
    assert.equal(shown.uri, `${url}/a/b/c`);
  });

  test('serves two apps in one process, each its own', async () => {
    const site = express();
    site.use('/one', await load('sleeping:app'));
    site.use('/two', await load('callable_kinds:function'));
    const url = await listen(site);
    const [one, two] = await Promise.all([fetch(`${url}/one`), fetch(`${url}/two`)]);
    assert.deepEqual([await one.text(), await two.text()], ['awake\n', 'function']);
  });

  test('keeps large bodies of each app where its own options say', async () => {
    const gone = mkdtempSync(join(tmpdir(), 'wsgi-ts-gone-'));
    const one = await load('uploads:app');
    const two = await load('uploads:app', { tmpUploadDir: gone, logger: quiet });
    rmSync(gone, { recursive: true });
    const large = { method: 'POST', url: '/', payload: Buffer.alloc(1_000_000) };
    assert.equal((await one.inject(large)).statusCode, 200);
    assert.equal((await two.inject(large)).statusCode, 500);
  });

  test('leaves directory and arguments of the process alone', async () => {
    const before = process.cwd();
    await load('sleeping:app');
    assert.equal(process.cwd(), before);
  });

  test('counts what it served and what is on its way', async () => {
    const handler = await load('sleeping:app');
    const url = await listen(handler);
    for (let count = 0; count < 3; count++) await (await fetch(url)).text();
    const { state, threads, outstanding, waiting, served } = handler.stats();
    assert.deepEqual([state, threads, outstanding, waiting, served], ['ready', 1, 0, 0, 3]);
  });

  test('lets requests wait that come before the app is loaded', async () => {
    const states: string[] = [];
    const url = await listen((request, response) => {
      const handler = createHandler('mounted:app', options);
      handlers.push(handler);
      handler(request, response);
      states.push(handler.stats().state, String(handler.stats().waiting));
    });
    const shown = await mounted(url, { method: 'POST', body: 'early' });
    assert.equal(shown.body, 'early');
    assert.deepEqual(states, ['loading', '1']);
  });

  test('answers 503 once it is closed, and before it was loaded, too', async () => {
    const handler = await load('sleeping:app');
    const url = await listen(handler);
    assert.equal((await fetch(url)).status, 200);
    await handler.close();
    const page = await fetch(url);
    assert.equal(page.status, 503);
    assert.equal(page.headers.get('connection'), 'close');
    assert.equal(handler.stats().state, 'closed');
    const early = createHandler('sleeping:app', options);
    await early.close();
    await assert.rejects(early.ready, { code: 'ERR_WSGI_CLOSED' });
    assert.equal((await fetch(await listen(early))).status, 503);
  });

  test('close() waits for the requests that are there, and takes no more', async () => {
    await using gate = await openGate();
    const handler = await load('sleeping:app');
    const url = await listen(handler);
    const under = fetch(`${url}/sleep?${gate.query}`);
    await gate.said();
    const closing = handler.close();
    assert.equal((await fetch(url)).status, 503);
    gate.letGo();
    assert.equal((await under).status, 200);
    await closing;
    await handler.close();
  });

  test('tells its own logger and access log', async () => {
    const lines: string[] = [];
    const log = (line: string): void => {
      lines.push(line);
    };
    const entries: AccessRecord[] = [];
    const handler = await load('views_gone_wrong:app', {
      logger: { error: log, warn: log, info: log },
      accessLog: {
        write: (record) => {
          entries.push(record);
        },
      },
    });
    const answer = await fetch(`${await listen(handler)}/raise-exception`);
    await answer.text();
    assert.match(lines.join('\n'), /GET \/raise-exception from 127\.0\.0\.1[^]*Traceback/);
    assert.deepEqual(
      entries.map(({ method, target, status }) => [method, target, status]),
      [['GET', '/raise-exception', 500]],
    );
  });
});
