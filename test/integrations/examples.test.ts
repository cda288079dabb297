// The examples of examples/, run as their readers would run them, with the packages from npm. What `wsgi-ts` is in there is
// this very package, by its `exports`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

function run(example: string, ...args: string[]): SpawnedProcess {
  const env = activatedEnvironment({ PORT: '0', PYTHONDONTWRITEBYTECODE: '1' });
  return new SpawnedProcess(process.execPath, args, {
    cwd: inRepository('examples', example),
    env,
  });
}

/** Starts a server of an example; its one port is the system's choice. */
async function start(example: string): Promise<{ server: SpawnedProcess; url: string }> {
  const server = run(example, 'server.js');
  const [, port = ''] = await server.waitForOutput(/http:\/\/[^:]+:(\d+)/);
  return { server, url: `http://127.0.0.1:${port}` };
}

interface Sent {
  readonly method: string;
  readonly body: string | URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
}

async function text(url: string, sent?: Sent): Promise<string> {
  // So that a server that is told to end has nobody to wait for.
  const headers = { Connection: 'close', ...sent?.headers };
  const answer = await fetch(url, { method: 'GET', ...sent, headers });
  return await answer.text();
}

const form = { method: 'POST', body: new URLSearchParams({ name: 'Ada' }) };
const echoed = '{"form":{"name":"Ada"},"json":null}\n';

describe('the example of', { concurrency: true }, () => {
  it('Express', async () => {
    const { server, url } = await start('express');
    assert.equal(await text(url), 'Hello from Express\n');
    assert.equal(await text(`${url}/python/hello/Ada`), 'Hello Ada, from Flask\n');
    assert.equal(await text(`${url}/python/`), '{"page":"/python/hello/Ada"}\n');
    assert.equal(await text(`${url}/python/echo`, form), echoed);
    const json = { 'Content-Type': 'application/json' };
    assert.equal(
      await text(`${url}/echo`, { method: 'POST', body: '{"a":1}', headers: json }),
      '{"a":1}',
    );
    assert.equal(await server.stop(), 0);
  });

  it('Connect', async () => {
    const { server, url } = await start('connect');
    assert.equal(await text(`${url}/python/hello/Ada`), 'Hello Ada, from Flask\n');
    assert.equal(await text(`${url}/python/`), '{"page":"/python/hello/Ada"}\n');
    assert.equal(await text(`${url}/python/nothing?a=1`), 'Connect has /python/nothing?a=1\n');
    assert.equal(await server.stop(), 0);
  });

  it('Fastify', async () => {
    const { server, url } = await start('fastify');
    assert.equal(await text(url), 'Hello from Fastify\n');
    assert.equal(await text(`${url}/python`), '{"page":"/python/hello/Ada"}\n');
    assert.equal(await text(`${url}/python/echo`, form), echoed);
    assert.equal(await server.stop(), 0);
  });

  for (const example of ['supertest', 'node-test']) {
    it(example, async () => {
      const tests = run(example, '--test');
      assert.equal(await tests.waitForEnd(), 0, tests.output());
      assert.match(tests.output(), /pass 3\n/);
    });
  }
});
