// `wsgi.early_hints` on the wire: 103s (RFC 8297) before the answer, in the order of pipelined requests, and
// never where a client could take them for something else.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import {
  ask,
  askOldClient,
  fixture,
  open,
  requestBytes,
  stopFixtures,
} from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import type { RawClient, RawResponse } from '../helpers/raw-client.ts';

type Fields = readonly (readonly [string, string])[];

/** A request whose app gives these hints. */
function request(target: string, ...calls: Fields[]): Buffer {
  const text = calls.map(
    (fields) =>
      `[${fields.map(([name, value]) => `(${quote(name)}, ${quote(value)})`).join(', ')}]`,
  );
  return requestBytes(target, { method: 'POST', body: `[${text.join(', ')}]` });
}

/** A Python literal; JSON's escapes are Python's. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/[^ -~]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Reads what comes up to and including the final answer. */
async function readAll(client: RawClient): Promise<{ hints: Fields[]; answer: RawResponse }> {
  const hints: Fields[] = [];
  for (;;) {
    const answer = await client.readResponse();
    if (answer.status !== 103) return { hints, answer };
    assert.equal(answer.reason, 'Early Hints');
    hints.push(answer.headers);
  }
}

const style = ['Link', '</style.css>; rel=preload; as=style'] as const;

describe('early hints', () => {
  after(stopFixtures);

  test('are sent for each call, before the answer, with any fields', async () => {
    using client = await open('early_hints');
    const several = [
      style,
      ['Link', '</a.js>; rel=preload; as=script'],
      ['X-Caf\u0065', 'caf\xe9'],
    ] as const;
    const noLink = [['Server-Timing', 'db;dur=3']] as const;
    await client.send(request('/', [style], several, noLink));
    const { hints, answer } = await readAll(client);
    assert.deepEqual(hints, [[style], several, noLink]);
    assert.equal(answer.text, 'raised:');
    await client.send(request('/again'));
    const next = await readAll(client);
    assert.deepEqual([next.hints, next.answer.header('X-Path')], [[], '/again']);
  });

  test('may have every link that is a header value, however odd', async () => {
    using client = await open('early_hints');
    const links = [
      '</a>; rel=preload, </b>; rel="preload stylesheet"',
      '</a>; title="a \\"quoted\\"; one, with a blank"',
      '<https://example.org/?a=b&c=<d>>',
      'no link at all',
      '',
      '<'.repeat(5000),
      `</a>${'; '.repeat(2000)}`,
      '\xff\x80',
    ];
    await client.send(request('/', ...links.map((link) => [['Link', link]] as const)));
    const { hints, answer } = await readAll(client);
    assert.deepEqual(
      hints,
      links.map((link) => [['Link', link.trim()]]),
    );
    assert.equal(answer.text, 'raised:');
  });

  test('that would end their field or the connection are raised to the app, and the answer comes', async () => {
    using client = await open('early_hints');
    const bad: Fields[] = [
      [['Link', '</a>\r\nHTTP/1.1 200 OK\r\n\r\n']],
      [['Link\r\nX', '1']],
      [['Link', '\0']],
      [['Transfer-Encoding', 'chunked']],
      [['Content-Length', '5']],
      [['Link', '\u2603']],
    ];
    await client.send(request('/', ...bad));
    const { hints, answer } = await readAll(client);
    assert.deepEqual(hints, []);
    assert.equal(answer.text, `raised:${bad.map(() => 'ValueError').join(',')}`);
  });

  test('come in order where requests are pipelined, whatever the answers are', async () => {
    using client = await open('early_hints');
    const paths = ['/large', '/', '/large', '/stream', '/stream', '/large', '/'];
    const hintOf = (index: number): Fields => [['Link', `</${String(index)}>`], style];
    const requests = paths.map((path, index) => request(path, hintOf(index), hintOf(index)));
    await client.send(Buffer.concat(requests));
    for (const [index, path] of paths.entries()) {
      const { hints, answer } = await readAll(client);
      assert.deepEqual(hints, [hintOf(index), hintOf(index)], `${path}, the ${String(index)}.`);
      assert.deepEqual([answer.status, answer.header('X-Path')], [200, path]);
      const text = path === '/stream' ? 'raised: streamed' : 'raised:';
      assert.equal(answer.text, path === '/large' ? 'x'.repeat(100_000) : text);
    }
  });

  test('wait for their turn, where an earlier request on the connection is not answered yet', async () => {
    await using gate = await openGate();
    const { port } = await fixture('early_hints', '--threads', '2');
    using other = await connect(port);
    using client = await connect(port);
    for (const each of [other, client]) {
      await each.send(requestBytes('/'));
      await each.readResponse();
    }
    await client.send(requestBytes(`/held?${gate.query}`));
    assert.equal(await gate.said(), 'held');
    const before = client.socket.bytesRead;
    const paths = ['/large', '/stream', '/'];
    await client.send(Buffer.concat(paths.map((path) => request(path, [style], [style]))));
    await other.send(requestBytes('/'));
    // The one thread that is free has answered those before.
    assert.equal((await other.readResponse()).status, 200);
    assert.equal(client.socket.bytesRead, before);
    gate.letGo();
    assert.equal((await readAll(client)).answer.header('X-Path'), '/held');
    for (const path of paths) {
      const { hints, answer } = await readAll(client);
      assert.deepEqual([hints, answer.header('X-Path')], [[[style], [style]], path]);
    }
  });

  test('are not sent behind the head, nor to HTTP/1.0', async () => {
    const streamed = await ask('early_hints', '/stream', { method: 'POST', body: '[]' });
    assert.equal(streamed.text, 'raised: streamed');
    using client = await open('early_hints');
    await client.send(
      requestBytes('/', {
        method: 'POST',
        version: 'HTTP/1.0',
        body: `[[('Link', '</a>')]]`,
      }),
    );
    const old = await client.readResponse();
    assert.deepEqual([old.status, old.text], [200, 'raised:']);
    assert.equal((await askOldClient('early_hints', '/')).status, 200);
  });

  test('come behind the 100 that lets the body come', async () => {
    using client = await open('early_hints');
    const body = `[[('Link', '</a>')]]`;
    const headers = [
      ['Host', 'fixture.example'],
      ['Expect', '100-continue'],
      ['Content-Length', String(body.length)],
    ] as const;
    await client.send(requestBytes('/large', { method: 'POST', headers }));
    assert.equal((await client.readResponse()).status, 100);
    await client.send(body);
    const { hints, answer } = await readAll(client);
    assert.deepEqual(hints, [[['Link', '</a>']]]);
    assert.equal(answer.body.length, 100_000);
  });
});
