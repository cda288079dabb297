// Cases in their order, against a real HTTP server of a few lines: what each is told to have failed for, and what it is shown.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { readCases } from '../../../src/smoke/case-file.ts';
import { runCases, type CaseResult } from '../../../src/smoke/run.ts';

const never = new AbortController().signal;
const server = createServer();
after(() => {
  server.close();
  server.closeAllConnections();
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

interface Run {
  readonly results: readonly CaseResult[];
  /** What was asked of the server besides requests, in order. */
  readonly done: readonly string[];
}

async function run(
  cases: unknown,
  listener: RequestListener,
  signal = never,
  end: () => string | null = () => null,
): Promise<Run> {
  const done: string[] = [];
  let written = '';
  const results: CaseResult[] = [];
  server.removeAllListeners('request').on('request', (request, response) => {
    written += `${request.method ?? ''} ${request.url ?? ''}\n`;
    listener(request, response);
  });
  const under = {
    ...{ url, end },
    drainLogs: () => Promise.resolve(),
    renew: () => {
      done.push('renew');
      written += 'of the old worker\n';
      return Promise.resolve();
    },
    takeOutput: () => {
      const output = written;
      written = '';
      return output;
    },
  };
  const all = readCases('cases', JSON.stringify(cases), { timeLimit: 30 });
  const onResult = (result: CaseResult): void => {
    done.push(result.path);
    results.push(result);
  };
  assert.deepEqual(await runCases(all, under, onResult, signal), results);
  return { results, done };
}

test('each case has its own failures and output, and hands on cookies and values', async () => {
  const { results } = await run(
    [
      { path: '/login', save: { id: { header: 'x-id' } } },
      { path: '/of/{{id}}', expect: { body: 'sid=1' } },
      { path: '/of/{{id}}', headers: { cookie: 'own=2' }, expect: { body: 'sid' } },
    ],
    ({ headers }, response) => {
      response.setHeader('Set-Cookie', 'sid=1');
      response.setHeader('X-Id', '7');
      response.end(`${String(headers['user-agent'])} ${String(headers.cookie)}`);
    },
  );
  assert.deepEqual(
    results.map(({ failures, output }) => [failures, output]),
    [
      [[], 'GET /login\n'],
      [[], 'GET /of/7\n'],
      [['the body does not contain "sid"'], 'GET /of/7\n'],
    ],
  );
  assert.equal(String(results[2]?.answer?.body), 'wsgi-ts smoke own=2');
});

test('the body of an answer is kept only of a case that failed, and of a long one the start', async () => {
  const { results } = await run(
    [{ path: '/' }, { path: '/', expect: { body: 'y' } }],
    (_, response) => response.end('x'.repeat(100_000)),
  );
  assert.deepEqual(
    results.map(({ answer }) => [answer?.body.length, answer?.leftOut]),
    [
      [0, undefined],
      [65_536, 34_464],
    ],
  );
});

test('a case that needs what was not saved is not sent, and the others are', async () => {
  const { results } = await run(
    [
      { path: '/', save: { id: { header: 'x-id' } } },
      { path: '/{{id}}' },
      { method: 'POST', path: '/last', json: [1] },
    ],
    (_, response) => response.end(),
  );
  const [first, unsent, last] = results;
  assert.deepEqual(first?.failures, ['nothing to save as id: there is no field x-id']);
  assert.match(unsent?.failures.join() ?? '', /^\{\{id\}\} has no value/);
  assert.deepEqual([unsent?.output, unsent?.answer], ['', null]);
  assert.deepEqual([last?.failures, last?.output], [[], 'POST /last\n']);
});

test('of half an answer the head is judged, not the body', async () => {
  const { results } = await run(
    [{ path: '/', expect: { status: 200, body: 'never there', json: 1 } }],
    (_, response) => {
      response.writeHead(404, { 'Content-Length': 9 });
      response.write('half', () => response.destroy());
    },
  );
  assert.deepEqual(results[0]?.failures, ['the answer was cut off', 'status 404 instead of 200']);
});

test('after a case that took too long the next one has a new worker, and its own output', async () => {
  const { results, done } = await run(
    [{ path: '/hangs', timeLimit: 0.1 }, { path: '/next' }],
    ({ url: path }, response) => {
      if (path === '/next') response.end();
    },
  );
  assert.deepEqual(results[0]?.failures, ['no whole answer within 0.1 s']);
  assert.deepEqual([results[1]?.failures, results[1]?.output], [[], 'GET /next\n']);
  assert.deepEqual(done, ['/hangs', 'renew', '/next']);
});

test('of a server that has ended during the cases each is told so', async () => {
  let end: string | null = null;
  const { results } = await run(
    [{ path: '/ends' }, { path: '/{{x}}', save: { x: { cookie: 'x' } } }],
    (_, response) => {
      end = 'by SIGKILL';
      response.destroy();
    },
    never,
    () => end,
  );
  assert.deepEqual(results[0]?.failures, [
    'the server closed the connection without an answer; the server itself has ended by SIGKILL',
  ]);
  assert.match(results[1]?.failures.join() ?? '', /^\{\{x\}\} has no value[^;]*$/);
});

test('an interruption ends it with its reason', async () => {
  const interruption = new AbortController();
  const reason = new Error('Ctrl-C');
  const running = run(
    [{ path: '/' }, { path: '/never' }],
    () => {
      interruption.abort(reason);
    },
    interruption.signal,
  );
  await assert.rejects(running, reason);
});
