// createHandler in a program whose own code throws, or calls it with what is none: requests, the app and the files of the log
// don't suffer from that.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createHandler } from '../../src/index.ts';
import type { AppHandler, HandlerOptions } from '../../src/index.ts';
import { openGate } from '../helpers/gate.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const options: HandlerOptions = {
  chdir: inRepository('fixtures', 'apps'),
  python: testPythonEnvironment().python,
};
const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-hosts-'));
const handlers: AppHandler[] = [];
const servers: Server[] = [];
after(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await Promise.all(handlers.map((handler) => handler.close()));
  rmSync(folder, { recursive: true });
});

function make(app: string, more: HandlerOptions = {}): AppHandler {
  const handler = createHandler(app, { ...options, ...more });
  handlers.push(handler);
  return handler;
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const throwing = (): never => {
  throw new Error('full up');
};

/** Descriptors of this process that are a file's. */
function openedTimes(file: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // that of the listing itself
    }
  });
  return targets.filter((target) => target === file).length;
}

describe('a host that throws', () => {
  test('in its logger: requests of an app that failed are answered', async () => {
    const warned = once(process, 'warning');
    const logger = { error: throwing, warn: throwing, info: throwing };
    const handler = make('broken_import:app', { logger });
    const early = fetch(await listen(handler));
    assert.equal((await early).status, 503);
    await assert.rejects(handler.ready, { code: 'ERR_WSGI_IMPORT_FAILED' });
    const [{ message }] = (await warned) as [Error];
    assert.match(message, /logger threw Error: full up[^]*division by zero/);
  });

  test('in its logger: a view that raises is answered 500', async () => {
    const logger = { error: throwing, warn: throwing, info: throwing };
    const handler = make('views_gone_wrong:app', { logger });
    await handler.ready;
    const warned = once(process, 'warning');
    assert.equal((await handler.inject('/raise-exception')).statusCode, 500);
    await warned;
  });

  test('in its access log: the file has the line', async () => {
    const file = join(folder, 'access.log');
    const handler = make('sleeping:app', { accessLog: { write: throwing }, accessLogFile: file });
    await handler.ready;
    const warned = once(process, 'warning');
    assert.equal((await handler.inject('/a')).statusCode, 200);
    const [{ message }] = (await warned) as [Error];
    assert.match(message, /accessLog threw Error: full up[^]*GET \/a/);
    await handler.close();
    assert.match(readFileSync(file, 'utf8'), /"GET \/a HTTP\/1\.1" 200/);
  });

  test('in `next`: each request gets the error of the app, and what was thrown is its own', () => {
    const { href } = new URL('../../src/index.js', import.meta.url);
    const program = `
      const { createHandler } = await import(${JSON.stringify(href)});
      const seen = [];
      process.on('uncaughtException', ({ message }) => seen.push(message));
      const logger = { error() {}, warn() {}, info() {} };
      const handler = createHandler('broken_import:app', { ...${JSON.stringify(options)}, logger });
      for (const name of ['one', 'two']) {
        handler({}, {}, (error) => { seen.push(error.code); throw new Error(name); });
      }
      await handler.ready.catch(({ code }) => seen.push('ready: ' + code));
      setImmediate(() => console.log(JSON.stringify(seen.sort())));
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program]);
    const code = 'ERR_WSGI_IMPORT_FAILED';
    assert.deepEqual(JSON.parse(output.toString()), [code, code, 'one', `ready: ${code}`, 'two']);
  });
});

test('a log file is closed where another one could not be opened', async () => {
  const file = join(folder, 'left.log');
  const wrong = { errorLogFile: file, accessLogFile: join(folder, 'missing', 'access.log') };
  assert.throws(() => make('sleeping:app', wrong), { code: 'ERR_WSGI_LOG_FILE' });
  while (openedTimes(file) > 0) await setImmediate();
});

test('close(), called with what is no number, waits as long as it does by default', async (context) => {
  await using gate = await openGate();
  const handler = make('sleeping:app', { gracefulTimeout: 17 });
  const under = fetch(`${await listen(handler)}/sleep?${gate.query}`);
  await gate.said();
  const timer = context.mock.method(globalThis, 'setTimeout');
  const closing = handler.close('SIGTERM' as unknown as number);
  while (timer.mock.callCount() === 0) await setImmediate();
  const [, milliseconds = 0] = timer.mock.calls[0]?.arguments ?? [];
  assert.ok(milliseconds > 16_000 && milliseconds <= 17_000, String(milliseconds));
  gate.letGo();
  assert.equal((await under).status, 200);
  await closing;
});
