// One visit, to servers that answer in every way, and in none: real sockets.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { visit, type Visit, type VisitRequest } from '../../../src/smoke/visit.ts';

const get: VisitRequest = { method: 'GET', path: '/', headers: [], body: null };
const never = new AbortController().signal;

type Server = ReturnType<typeof createSocketServer>;

/** Visits a server of which this is all that it does; it is closed then. */
async function visited(
  server: Server,
  request: Partial<VisitRequest> = {},
  { seconds = 30, signal = never } = {},
): Promise<Visit> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  try {
    return await visit(`http://127.0.0.1:${port}`, { ...get, ...request }, seconds, signal);
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}

/** A server that answers these bytes, and ends. */
const saying = (bytes: string): Server =>
  createSocketServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(bytes, 'latin1'));
  });
const answering = (handle: (request: IncomingMessage, response: ServerResponse) => void): Server =>
  createServer(handle);

test('a field that is given twice is sent twice, under whatever spelling', async () => {
  const { answer } = await visited(
    answering(({ rawHeaders }, response) => response.end(rawHeaders.join('|'))),
    {
      headers: [
        ['X-A', '1'],
        ['Accept', '*/*'],
        ['x-a', '2'],
      ],
    },
  );
  assert.match(String(answer?.body), /^X-A\|1\|X-A\|2\|Accept\|\*\/\*\|/);
});

test('method, path and body are sent as they are, what no request line may hold percent-encoded', async () => {
  const server = answering((request, response) => {
    void request.toArray().then((pieces) => {
      const { method = '', url = '', headers } = request;
      response.end([method, url, headers['content-length'], ...(pieces as Buffer[])].join(' '));
    });
  });
  const request = { method: 'PUT', path: '/ä b?c=%20', body: Buffer.from('tea') };
  const { answer, failure } = await visited(server, request);
  assert.equal(failure, null);
  assert.equal(String(answer.body), 'PUT /%C3%A4%20b?c=%20 3 tea');
});

test('the answer is as it came', async () => {
  const { answer } = await visited(
    saying('HTTP/1.0 299 Very fine\r\nSet-Cookie: a=1\r\nset-cookie: \xe4\r\n\r\nbody'),
  );
  assert.deepEqual(answer, {
    ...{ httpVersion: '1.0', status: 299, reason: 'Very fine', body: Buffer.from('body') },
    fields: [
      ['Set-Cookie', 'a=1'],
      ['set-cookie', '\xe4'],
    ],
  });
});

test('what is no whole answer is a failure, with what there was of it', async () => {
  const cases: readonly [Server, RegExp, number | null][] = [
    [saying(''), /^the server closed the connection without an answer$/, null],
    [saying('nonsense\r\n\r\n'), /^no answer that could be read: /, null],
    [
      saying('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
      /^the answer was cut off$/,
      'half'.length,
    ],
  ];
  for (const [server, why, length] of cases) {
    const { answer, failure, timedOut } = await visited(server);
    assert.match(failure ?? '', why);
    assert.deepEqual([answer === null ? null : answer.body.length, timedOut], [length, false]);
  }
});

test('a server that is gone, and a request that can not be sent, are failures too', async () => {
  const server = saying('');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  const url = `http://127.0.0.1:${port}`;
  const gone = await visit(url, get, 30, never);
  assert.equal(gone.failure, 'the server takes no connections any more');
  const unsent = await visit(url, { ...get, headers: [['X-A', 'a\nb']] }, 30, never);
  assert.match(unsent.failure ?? '', /^the request can't be sent: /);
});

test('nothing takes longer than its limit, or than who waits for it', async () => {
  const late = await visited(
    answering((_, response) => response.write('the first piece')),
    {},
    { seconds: 0.1 },
  );
  assert.deepEqual([late.timedOut, late.answer?.status], [true, 200]);
  const interruption = new AbortController();
  const server = answering(() => {
    interruption.abort();
  });
  const { answer, failure } = await visited(server, {}, { signal: interruption.signal });
  assert.equal(answer, null);
  assert.notEqual(failure, null);
});
