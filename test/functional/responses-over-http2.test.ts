// Answers over HTTP/2: what an app says and does wrong, early hints, clients that leave. The worker outlives it all.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  connect as connectSession,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer, type ServerProcess } from '../helpers/server-process.ts';

const logged = ['--access-logfile', '-', '--access-logformat', '%(s)s %(outcome)s %(r)s'];

const sessions: ClientHttp2Session[] = [];

function openSession(server: ServerProcess): ClientHttp2Session {
  const session = connectSession(server.url);
  sessions.push(session);
  return session;
}

async function closeAll(): Promise<void> {
  for (const session of sessions.splice(0)) session.destroy();
  await stopFixtures();
}

interface Answer {
  readonly hints: readonly IncomingHttpHeaders[];
  readonly headers: IncomingHttpHeaders;
  readonly status: number | undefined;
  /** null: the stream was reset. */
  readonly text: string | null;
}

async function read(stream: ClientHttp2Stream): Promise<Answer> {
  const hints: IncomingHttpHeaders[] = [];
  stream.on('headers', (fields) => hints.push(fields));
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  const text = await buffer(stream).then(String, () => null);
  return { hints, headers, status: Number(headers[':status']), text };
}

async function ask(session: ClientHttp2Session, path: string, method = 'GET'): Promise<Answer> {
  const stream = session.request({ ':path': path, ':method': method });
  stream.end();
  return await read(stream);
}

/** Shows that the server has got what was sent before: frames are taken in order (RFC 9113 §6.7). */
async function turned(session: ClientHttp2Session): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function post(session: ClientHttp2Session, path: string, body: string): ClientHttp2Stream {
  const length = String(body.length);
  const stream = session.request({ ':path': path, ':method': 'POST', 'content-length': length });
  stream.end(body);
  return stream;
}

describe('an answer over HTTP/2', () => {
  after(closeAll);

  test('has fields of one name as one list, but for cookies', async () => {
    const session = openSession(await fixture('odd_fields', ...logged));
    for (const way of ['', '?stream']) {
      const doubled = await ask(session, `/doubled${way}`);
      assert.deepEqual([doubled.status, doubled.text], [200, 'some body']);
      assert.equal(doubled.headers['content-type'], 'a/b, c/d');
      assert.equal(doubled.headers.etag, '"1", "2"');
      const cookies = await ask(session, `/cookies${way}`);
      assert.deepEqual(cookies.headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(cookies.headers.vary, 'A, B');
      const keys = await ask(session, `/keys${way}`);
      assert.deepEqual([keys.headers['constructor'], keys.headers['tostring']], ['y', 'z']);
    }
  });

  test('with a field that may not be there is a 500 and a line that names the request', async () => {
    const server = await fixture('odd_fields', ...logged);
    const session = openSession(server);
    for (const way of ['', '?stream', '?file']) {
      const answer = await ask(session, `/upgrade${way}`);
      assert.equal(answer.status, 500);
      assert.equal(answer.headers['http2-settings'], undefined);
      const target = `/upgrade${way}`.replace('?', '\\?');
      await server.waitForOutput(new RegExp(`\\[ERROR\\] GET ${target} from .*http2-settings`));
      await server.waitForOutput(new RegExp(`^500 app_error GET ${target} HTTP/2\\.0$`, 'm'));
      assert.equal((await ask(session, '/plain')).text, 'some body');
    }
    assert.equal(server.workerPids().length, 1);
    assert.doesNotMatch(server.stderr(), /CRITICAL/);
  });

  test('ends where it should, whatever the app says of its length', async () => {
    const session = openSession(await fixture('lengths'));
    for (const way of ['list', 'blocks', 'generator', 'write', 'file', 'bytesio']) {
      for (const sent of [10, 200_000]) {
        const whole = await ask(session, `/${way}/none/${String(sent)}`);
        assert.equal(whole.text, 'x'.repeat(sent), way);
        const long = await ask(session, `/${way}/4/${String(sent)}`);
        assert.equal(long.text, 'xxxx', way);
        const short = await ask(session, `/${way}/${String(sent + 1)}/${String(sent)}`);
        assert.ok(short.status === 500 || short.text === null, way);
        for (const [method, status] of [
          ['HEAD', 200],
          ['GET', 204],
          ['GET', 304],
        ] as const) {
          const path = `/${way}/${String(sent)}/${String(sent)}?${String(status)}+Status`;
          const bodiless = await ask(session, path, method);
          assert.deepEqual([bodiless.status, bodiless.text], [status, ''], `${method} ${path}`);
        }
      }
    }
  });
});

describe('early hints over HTTP/2', () => {
  after(closeAll);

  test('come before the answer', async () => {
    const session = openSession(await fixture('early_hints', ...logged));
    const calls = `[[('Link', '</a>, </b>'), ('Link', '</c>; title="a b"')], [('Date', 'no link')]]`;
    const stream = post(session, '/large', calls);
    const { hints, status, text } = await read(stream);
    assert.deepEqual([status, text?.length], [200, 100_000]);
    assert.deepEqual(
      hints.map((fields) => [fields[':status'], fields.link, fields.date]),
      [
        [103, '</a>, </b>, </c>; title="a b"', undefined],
        [103, undefined, 'no link'],
      ],
    );
  });

  test('that may not be there are left out, and the answer comes', async () => {
    const server = await fixture('early_hints', ...logged);
    const calls = `[[('HTTP2-Settings', 'x')], [('Link', '</a>')]]`;
    const stream = post(openSession(server), '/', calls);
    const { hints, text } = await read(stream);
    assert.deepEqual([hints.map(({ link }) => link), text], [['</a>'], 'raised:']);
    await server.waitForOutput(/\[WARNING\] POST \/ from .*: early hints left out/);
  });
});

describe('a client that cancels its request over HTTP/2', () => {
  after(closeAll);

  test('while it waits: the app is never called; while it runs: it is told', async () => {
    const server = await fixture('disconnected', ...logged);
    await using gate = await openGate();
    await using never = await openGate();
    const session = openSession(server);
    assert.equal((await ask(session, '/')).text, 'gone: False\n');
    const runs = session.request({ ':path': `/wait?${gate.query}` });
    assert.equal(await gate.said(), 'called, gone: False');
    const waits = session.request({ ':path': `/wait?${never.query}` });
    await turned(session);
    waits.close(constants.NGHTTP2_CANCEL);
    const escaped = never.query.replaceAll('?', '\\?');
    await server.waitForOutput(new RegExp(`^499 client_gone GET /wait\\?${escaped} `, 'm'));
    runs.close(constants.NGHTTP2_CANCEL);
    assert.equal(await gate.said(), 'gone');
    assert.equal((await ask(session, '/')).text, 'gone: False\n');
    await server.waitForOutput(new RegExp(`^499 client_gone GET /wait\\?${gate.query} `, 'm'));
    assert.deepEqual(never.unread, []);
  });

  test('while its answer is streamed: the iterable is closed, with one line', async () => {
    const server = await fixture('disconnected', ...logged);
    await using gate = await openGate();
    const session = openSession(server);
    const stream = session.request({ ':path': `/stream?${gate.query}` });
    await once(stream, 'data');
    assert.equal(await gate.said(), 'called, gone: False');
    stream.close(constants.NGHTTP2_CANCEL);
    assert.equal(await gate.said(), 'gone');
    assert.equal(await gate.said(), 'closed');
    assert.equal((await ask(session, '/')).text, 'gone: False\n');
    await server.waitForOutput(new RegExp(`^200 client_gone GET /stream\\?${gate.query} `, 'm'));
  });

  for (const how of ['cancel', 'leave'] as const) {
    test(`by ${how} with an answer that it has not taken has one line that says so`, async () => {
      const server = await fixture('early_hints', ...logged);
      const session = openSession(server);
      const target = `/large?${how}`; // more than a stream's window
      const stream = session.request({ ':path': target });
      await once(stream, 'response');
      if (how === 'cancel') stream.close(constants.NGHTTP2_CANCEL);
      else session.destroy();
      await server.waitForOutput(
        new RegExp(`^200 client_gone GET /large\\?${how} HTTP/2\\.0$`, 'm'),
      );
    });
  }
});

test('what the graceful timeout cuts off over HTTP/2 is killed', async () => {
  const apps = ['--chdir', inRepository('fixtures', 'apps')];
  const args = [...logged, '--graceful-timeout', '1', '--threads', '2', ...apps];
  await using gate = await openGate();
  await using server = await startServer([...args, 'early_hints:app']);
  const session = openSession(server);
  session.on('error', () => undefined);
  const unread = session.request({ ':path': '/large' });
  const unanswered = session.request({ ':path': `/held?${gate.query}` });
  for (const stream of [unread, unanswered]) stream.on('error', () => undefined);
  await once(unread, 'response');
  assert.equal(await gate.said(), 'held');
  server.signal('SIGTERM');
  assert.equal(await server.waitForEnd(), 0);
  assert.deepEqual(server.stdout().trimEnd().split('\n').sort(), [
    '200 killed GET /large HTTP/2.0',
    `502 killed GET /held?${gate.query} HTTP/2.0`,
  ]);
});
