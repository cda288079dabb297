// wsgiref.validate.validator around the fixture apps, over every path of the bridge: a whole response, a
// streamed one, write(), wsgi.file_wrapper, small and large bodies, HEAD, and errors. It must find nothing.
// What it finds is an AssertionError in the log and a 500; a body that was never closed it writes to stderr.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import type { RequestParts } from '../helpers/fixture-server.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import type { RawResponse } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

const data = mkdtempSync(join(tmpdir(), 'validated-'));

/** Where the larger projects keep their data; passed to the app by `--env`. */
const variables = { SHOP_INSTANCE_PATH: join(data, 'shop'), POLLS_DATA_DIR: join(data, 'polls') };

for (const directory of Object.values(variables)) mkdirSync(directory);

function prepare(folder: string, ...command: string[]): void {
  const env = activatedEnvironment(variables);
  execFileSync(join(env['VIRTUAL_ENV'] ?? '', 'bin', command[0] ?? ''), command.slice(1), {
    cwd: inRepository('fixtures', folder),
    env,
    stdio: 'pipe',
  });
}

async function server(): Promise<ServerProcess> {
  const env = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return fixture('validated', ...env);
}

async function send(target: string, parts: RequestParts = {}): Promise<RawResponse> {
  using client = await connect((await server()).port);
  await client.send(requestBytes(target, parts));
  return await client.readResponse(parts.method);
}

/** Shows that the log holds no finding so far. */
async function assertNothingFound(): Promise<void> {
  const log = (await server()).output();
  for (const finding of ['AssertionError', 'WSGIWarning', 'without being closed']) {
    assert.ok(!log.includes(finding), log.slice(Math.max(0, log.indexOf(finding) - 3000)));
  }
}

const small = 'first line\nsecond\nlast';
const large = Array.from({ length: 4000 }, (_, index) => `${'x'.repeat(index)}\n`).join('');

/** Each path of the bridge, and requests that take it. */
const paths: Readonly<Record<string, readonly (readonly [string, RequestParts?])[]>> = {
  'a whole response': [
    ['/response_blocks/list'],
    ['/response_blocks/single'],
    ['/response_blocks/empty-list'],
    ['/content_length/exact'],
  ],
  'a streamed response': [
    ['/response_blocks/generator'],
    ['/response_blocks/large-blocks'],
    ['/response_blocks/with-empty-blocks'],
    ['/content_length/exact-streamed'],
    ['/content_length/unknown-generator'],
    ['/start_response_calls/late'],
  ],
  'write()': [
    ['/write_callable/only'],
    ['/write_callable/before-iterable'],
    ['/write_callable/large'],
  ],
  'wsgi.file_wrapper': [
    ['/file_wrapper/file'],
    ['/file_wrapper/file-and-length'],
    ['/file_wrapper/bytesio'],
    ['/file_wrapper/only-read'],
    ['/file_wrapper/empty-file'],
  ],
  'a small body': [
    ['/request_body/read-sized', { method: 'POST', body: small }],
    ['/request_body/readline', { method: 'POST', body: small }],
    ['/request_body/readlines', { method: 'POST', body: small }],
    ['/request_body/iterate', { method: 'POST', body: small }],
    ['/uploads/', { method: 'POST', body: small }],
    ['/uploads/', { method: 'POST', body: '' }],
  ],
  'a large body': [
    ['/request_body/iterate', { method: 'POST', body: large }],
    ['/uploads/', { method: 'POST', body: large }],
    ['/uploads/half', { method: 'POST', body: large }],
  ],
  'an app that changes its mind': [
    ['/start_response_calls/first-with-exc-info'],
    ['/start_response_calls/exc-info-none'],
  ],
  'wsgi.errors': [['/error_stream/write'], ['/error_stream/writelines'], ['/error_stream/flush']],
  'no content': [['/content_length/unknown-empty']],
};

describe('wsgiref.validate finds nothing', () => {
  after(stopFixtures);
  after(() => {
    rmSync(data, { recursive: true, force: true });
  });

  for (const [name, requests] of Object.entries(paths)) {
    test(`in ${name}, to GET or POST and to HEAD`, async () => {
      for (const how of ['/all', '/head']) {
        for (const [target, parts] of requests) {
          for (const method of [parts?.method ?? 'GET', 'HEAD']) {
            const { status } = await send(how + target, { ...parts, method });
            const wanted = target.endsWith('first-with-exc-info') ? 500 : 200;
            assert.equal(status, wanted, `${method} ${how}${target}`);
          }
        }
      }
      await assertNothingFound();
    });
  }

  test('in an app that fails before its head or in the middle', async () => {
    for (const how of ['/all', '/head']) {
      assert.equal((await send(`${how}/close_called/fails-first`)).status, 500);
      await assert.rejects(send(`${how}/close_called/fails-later`), /closed before/);
      assert.equal((await send(`${how}/views_gone_wrong/raise-exception`)).status, 500);
    }
    await assertNothingFound();
  });

  test('in a client that leaves', async () => {
    for (const how of ['/all', '/head']) {
      const client = await connect((await server()).port);
      await client.send(requestBytes(`${how}/downloads/generator?10000000`));
      await client.readBytes(100_000);
      client.close();
      assert.equal((await send(`${how}/response_blocks/list`)).status, 200);
    }
    await assertNothingFound();
  });

  test("in the tutorial's Flask app", async () => {
    for (const how of ['/all', '/head']) {
      assert.equal((await send(`${how}/tutorial/`)).text, 'Hello from Flask App\n');
      assert.equal((await send(`${how}/tutorial/missing`)).status, 404);
      assert.equal((await send(`${how}/tutorial/`, { method: 'OPTIONS' })).status, 200);
    }
    await assertNothingFound();
  });

  test('in the shop, a Flask app of some size', async () => {
    prepare('shop', 'flask', '--app', 'wsgi', 'init-db');
    for (const how of ['/all', '/head']) {
      assert.equal((await send(`${how}/shop/`)).status, 200);
      assert.equal((await send(`${how}/shop/missing`)).status, 404);
    }
    await assertNothingFound();
  });

  test('in the polls, a Django app', async () => {
    prepare('polls', 'python', 'manage.py', 'migrate');
    prepare('polls', 'python', 'manage.py', 'loaddata', 'questions');
    for (const how of ['/all', '/head']) {
      const headers = [['Host', 'localhost']] as const;
      assert.equal((await send(`${how}/polls/`, { headers })).status, 200);
      assert.equal((await send(`${how}/polls/missing`, { headers })).status, 404);
    }
    await assertNothingFound();
  });
});
