import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { after, test } from 'node:test';
import { httpPolicy } from '../../../src/master/configuration.ts';
import { HttpServer, type HttpServerOptions } from '../../../src/worker/http-server.ts';
import { connect } from '../../helpers/raw-client.ts';
import { Refusals } from '../../../src/worker/refusals.ts';
import { defaultSettings } from '../../helpers/default-settings.ts';
import { recordingLogger } from './recording-logger.ts';

const policy = httpPolicy(defaultSettings(process.cwd()), '');
const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const answer: RequestListener = (_request, response) => response.end('ok');

/** An HTTP server behind a listener on a free port, and what it logged. */
async function serve(handler: RequestListener, options: Partial<HttpServerOptions> = {}) {
  const logger = recordingLogger();
  const server = new HttpServer({
    ...{ handler, logger, keepAlive: 2, limits: policy.limits, deadlines: policy.deadlines },
    refusals: new Refusals(logger, null, null),
    onRequest: () => undefined,
    onCutOff: () => undefined,
    onClientEnd: () => undefined,
    ...options,
  });
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    server.accept(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  after(() => {
    listener.close();
    server.cutOff();
  });
  return { server, logger, port: (listener.address() as AddressInfo).port };
}

/** A handler whose requests are answered by the test, and a promise for the next of them. */
function held() {
  const responses: ServerResponse[] = [];
  let wake: (() => void) | undefined;
  return {
    handler: ((_request, response) => {
      responses.push(response);
      wake?.();
    }) satisfies RequestListener,
    next: async (): Promise<ServerResponse> => {
      while (responses.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return responses.shift() as ServerResponse;
    },
  };
}

void test('requests on one connection are answered, and the connection is kept', async () => {
  const { port } = await serve(answer);
  using client = await connect(port);
  for (let i = 0; i < 3; i += 1) {
    await client.send(get);
    const response = await client.readResponse();
    assert.equal(response.text, 'ok');
    assert.equal(response.header('connection'), 'keep-alive');
  }
});

void test('with keep-alive 0 each answer closes its connection', async () => {
  const { port } = await serve(answer, { keepAlive: 0 });
  using client = await connect(port);
  await client.send(get);
  assert.equal((await client.readResponse()).header('connection'), 'close');
  assert.equal((await client.readUntilClosed()).length, 0);
});

void test('an idle connection is closed after the keep-alive time', async () => {
  const { port } = await serve(answer, { keepAlive: 0.05 });
  using client = await connect(port);
  await client.send(get);
  await client.readResponse();
  assert.equal((await client.readUntilClosed()).length, 0);
});

void test('a client that ended its side gets its answer', async () => {
  const { handler, next } = held();
  const { port } = await serve(handler);
  using client = await connect(port);
  client.socket.end(get);
  const response = await next();
  await new Promise((resolve) => response.req.once('end', resolve).resume());
  setImmediate(() => response.end('late'));
  assert.equal((await client.readResponse()).text, 'late');
});

for (const [what, bytes, status, reason] of [
  ['no HTTP', 'hello\r\n\r\n', 400, 'Bad Request'],
  ['no colon', 'GET / HTTP/1.1\r\nHost x\r\n\r\n', 400, 'Bad Request'],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'Bad Request'],
  ['half a head and an end', 'GET / HTTP/1.1\r\nHo', 400, 'Bad Request'],
  [
    'a head of more than 64 KiB',
    `GET / HTTP/1.1\r\nX: ${'x'.repeat(66_000)}`,
    431,
    'Request Header Fields Too Large',
  ],
  [
    'more than 100 fields',
    `GET / HTTP/1.1\r\nHost: x\r\n${'X: 1\r\n'.repeat(100)}\r\n`,
    431,
    'Request Header Fields Too Large',
  ],
  ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 501, 'Not Implemented'],
] as const) {
  void test(`${what} is answered by ${status}, one line and the end of the connection`, async () => {
    const { port, logger } = await serve(answer);
    using client = await connect(port);
    if (what.endsWith('end')) client.socket.end(bytes);
    else await client.send(bytes);
    const response = await client.readResponse();
    assert.equal(response.status, status);
    assert.equal(response.reason, reason);
    assert.equal(response.header('connection'), 'close');
    assert.match(response.text, new RegExp(`^${status} ${reason}\n`));
    assert.equal((await client.readUntilClosed()).length, 0);
    assert.equal(logger.entries.length, 1);
    assert.match(
      logger.entries[0] ?? '',
      /^WARNING Invalid request from ip=127\.0\.0\.1: [\x20-\x7e]+$/,
    );
  });
}

void test('100 fields are accepted, and heads that Node would refuse by default', async () => {
  const { port } = await serve(answer);
  using client = await connect(port);
  await client.send(`GET / HTTP/1.1\r\nHost: x\r\n${`X: ${'x'.repeat(600)}\r\n`.repeat(99)}\r\n`);
  assert.equal((await client.readResponse()).status, 200);
});

void test('a head that takes too long is answered by 408', async () => {
  const { port } = await serve(answer, { deadlines: { ...policy.deadlines, head: 0.05 } });
  using client = await connect(port);
  await client.send('GET / HT');
  assert.equal((await client.readResponse()).status, 408);
  assert.equal((await client.readUntilClosed()).length, 0);
});

void test('a connection that never says a word is closed without an answer and without a line', async () => {
  const { port, logger } = await serve(answer, {
    keepAlive: 0.05,
    deadlines: { ...policy.deadlines, head: 0.05 },
  });
  using client = await connect(port);
  assert.equal((await client.readUntilClosed()).length, 0);
  assert.deepEqual(logger.entries, []);
});

void test('the answers to good requests come before that to a bad one behind them', async () => {
  const { handler, next } = held();
  const { port } = await serve(handler);
  using client = await connect(port);
  await client.send(`${get}${get}nonsense\r\n\r\n`);
  const [first, second] = [await next(), await next()];
  second.end('two');
  setImmediate(() => first.end('one'));
  assert.equal((await client.readResponse()).text, 'one');
  assert.equal((await client.readResponse()).text, 'two');
  assert.equal((await client.readResponse()).status, 400);
  assert.equal((await client.readUntilClosed()).length, 0);
});

void test('a malformed body is answered by 400 although its request is under way', async () => {
  const { handler, next } = held();
  const { port } = await serve(handler);
  using client = await connect(port);
  await client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const response = await next();
  const closed = once(response, 'close');
  await client.send('nonsense\r\n');
  assert.equal((await client.readResponse()).status, 400);
  client.close();
  await closed;
});

void test('after the head of an answer a malformed body cuts the connection', async () => {
  const { handler, next } = held();
  const { port } = await serve(handler);
  using client = await connect(port);
  await client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const response = await next();
  response.write('begun');
  await client.readUntil('begun');
  await client.send('nonsense\r\n');
  assert.doesNotMatch((await client.readUntilClosed()).toString(), /HTTP/);
});

void test('pipelined requests whose client leaves are no longer under way', async () => {
  const { handler, next } = held();
  const { port, server } = await serve(handler);
  const client = await connect(port);
  await client.send(get.repeat(3));
  const first = await next();
  const second = await next();
  await next();
  assert.equal(server.active, 3);
  first.end('one');
  assert.equal((await client.readResponse()).text, 'one');
  assert.equal(server.active, 2);
  const closed = once(second, 'close');
  client.reset();
  await closed;
  await new Promise(setImmediate);
  assert.equal(server.active, 0);
});

void test('pipelined requests that wait are handed over when their client leaves, for the access log', async () => {
  const { handler, next } = held();
  const { port, server } = await serve(handler);
  const client = await connect(port);
  await client.send(get.replace('GET', 'DELETE').repeat(2));
  const first = await next();
  assert.equal(server.active, 2);
  client.reset();
  await once(first, 'close');
  const second = await next();
  assert.equal(second.req.socket.destroyed, true);
  assert.equal(server.active, 0);
});

void test('pipelined requests behind an answer that closes the connection are not begun', async () => {
  const begun: ServerResponse[] = [];
  const { port, server } = await serve((_request, response) => {
    begun.push(response);
    // The second one waits by then.
    setImmediate(() => {
      assert.equal(server.active, 2);
      response.shouldKeepAlive = false;
      response.end('one');
    });
  });
  using client = await connect(port);
  await client.send(get.replace('GET', 'DELETE').repeat(2));
  assert.match((await client.readUntilClosed()).toString('latin1'), /\r\n\r\none$/);
  client.socket.destroy();
  while (server.active > 0) await new Promise(setImmediate);
  assert.equal(begun.length, 1);
});

void test('a client whose pipelined requests wait is not read without end', async () => {
  const { handler, next } = held();
  const { port, server } = await serve(handler);
  using greedy = await connect(port);
  void greedy.send(get.replace('GET', 'DELETE').repeat(100_000)).catch(() => undefined);
  const first = await next();
  // Many turns of the loop, in each of which 64 KiB could be read.
  for (let turn = 0; turn < 200; turn++) {
    using other = await connect(port);
    await other.send(get);
    (await next()).end('ok');
    await other.readResponse();
  }
  assert.ok(server.active < 10_000, `${server.active} requests taken in`);
  first.end('one');
  assert.equal((await greedy.readResponse()).text, 'one');
  assert.equal((await next()).req.method, 'DELETE');
});

void test('a stop closes idle connections, and the others after their answers, which say so', async () => {
  const { handler, next } = held();
  const { server, port } = await serve(handler);
  using idle = await connect(port);
  await idle.send(get);
  (await next()).end('ok');
  await idle.readResponse();
  using busy = await connect(port);
  await busy.send(get);
  const late = await next();
  using begun = await connect(port);
  await begun.send(get);
  const early = await next();
  early.writeHead(200, { 'Content-Length': 2 }).flushHeaders();
  assert.equal(server.active, 2);

  const stopped = server.stop(30_000);
  assert.equal((await idle.readUntilClosed()).length, 0);
  late.end('ok');
  early.end('ok');
  assert.equal((await busy.readResponse()).header('connection'), 'close');
  assert.equal((await begun.readResponse()).header('connection'), 'keep-alive');
  await busy.readUntilClosed();
  await begun.readUntilClosed();
  busy.close();
  begun.close();
  await stopped;
  assert.equal(server.active, 0);
});

void test('a connection whose request is under way when the stop comes is still answered', async () => {
  const { server, port } = await serve(answer);
  using client = await connect(port);
  await client.send('GET / HTTP/1.1\r\n');
  const stopped = server.stop(30_000);
  await client.send('Host: x\r\n\r\n');
  assert.equal((await client.readResponse()).header('connection'), 'close');
  client.close();
  await stopped;
});

void test('what is not answered in time is cut off, with a line', async () => {
  const { handler, next } = held();
  const { server, logger, port } = await serve(handler);
  using client = await connect(port);
  await client.send('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await next();
  await server.stop(10);
  await assert.rejects(client.readResponse());
  assert.deepEqual(logger.entries, ['WARNING Cut off by the stop: GET /slow from ip=127.0.0.1']);
});
