// Heads of HTTP/2 as node:http2 itself makes them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { json } from 'node:stream/consumers';
import { RequestHeads } from '../../../src/bridge/request-head.ts';
import { WsgiTsError } from '../../../src/errors.ts';
import { noTrust } from '../../../src/http/policy.ts';

const heads = new RequestHeads(noTrust);
function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
  let seen: Seen;
  try {
    const { text, bodyLength } = heads.encode(request);
    seen = { fields: text.split('\n'), bodyLength };
  } catch (error) {
    if (!(error instanceof WsgiTsError)) throw error;
    seen = { code: error.code, status: error.status ?? 0 };
  }
  response.end(JSON.stringify(seen));
}

// Without a listener of its own, node:http2 answers an expectation itself.
const server = createServer(answer).on('checkExpectation', answer);
let session: ClientHttp2Session;

interface Seen {
  fields?: string[];
  bodyLength?: number;
  code?: string;
  status?: number;
}

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

after(() => {
  session.destroy();
  server.close();
});

async function ask(headers: OutgoingHttpHeaders, body?: string): Promise<Seen> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return (await json(stream)) as Seen;
}

test('pseudo fields are no fields, and the authority is the host', async () => {
  const { fields } = await ask({ ':path': '/a?b', ':authority': 'a.example:81', accept: 'x' });
  assert.deepEqual(fields?.slice(0, 6), ['GET', '/a', 'b', '/a?b', 'HTTP/2.0', '']);
  assert.deepEqual(fields.slice(11), ['accept', 'x', 'Host', 'a.example:81']);
});

test('an authority and a Host field must agree, in any case', async () => {
  const { fields } = await ask({ ':path': '/', ':authority': 'a.example', host: 'A.example' });
  assert.deepEqual(fields?.slice(11), ['Host', 'a.example']);
  const { code, status } = await ask({
    ':path': '/',
    ':authority': 'a.example',
    host: 'b.example',
  });
  assert.deepEqual([code, status], ['ERR_WSGI_HOST', 400]);
});

test('an authority with a user in it is refused', async () => {
  const { code } = await ask({ ':path': '/', ':authority': 'user@a.example' });
  assert.equal(code, 'ERR_WSGI_HOST');
});

test('a body may have a length or none, and may not be there', async () => {
  assert.equal((await ask({ ':path': '/' })).bodyLength, 0);
  assert.equal((await ask({ ':path': '/', ':method': 'POST' }, 'abc')).bodyLength, -1);
  const sized = { ':path': '/', ':method': 'POST', 'content-length': '3' };
  const { bodyLength, fields } = await ask(sized, 'abc');
  assert.equal(bodyLength, 3);
  assert.equal(fields?.includes('content-length'), true);
});

test('TE may say that trailers are welcome', async () => {
  const { fields } = await ask({ ':path': '/', te: 'trailers' });
  assert.equal(fields?.[fields.indexOf('te') + 1], 'trailers');
});

test('expectations are those of HTTP/1.1', async () => {
  const { status } = await ask({ ':path': '/', expect: 'miracles' });
  assert.equal(status, 417);
});
