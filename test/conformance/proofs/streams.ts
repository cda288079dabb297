// Proofs of the clauses on wsgi.input and wsgi.errors, and of how a body reaches the app.

import assert from 'node:assert/strict';
import { ask, fixture, json, open, requestBytes } from '../../helpers/fixture-server.ts';
import type { ClauseId, Proof } from '../clauses.ts';
import type { RequestParts } from '../../helpers/fixture-server.ts';
import { openGate } from '../../helpers/gate.ts';
import type { RawClient } from '../../helpers/raw-client.ts';
import { show } from './environ.ts';

/** What fixtures/apps/request_body.py answers. */
interface Reading {
  readonly pieces: readonly string[];
  readonly types: readonly string[];
  readonly contentLength: string | null;
  readonly transferEncoding: string | null;
  readonly terminated: boolean;
}

const lines = 'first line\nsecond\n\nlast, unended';

async function read(way: string, parts: RequestParts = {}): Promise<Reading> {
  return json(await ask('request_body', way, { method: 'POST', body: lines, ...parts })) as Reading;
}

async function pieces(way: string, body?: string): Promise<readonly string[]> {
  return (await read(way, body === undefined ? {} : { body })).pieces;
}

/** Has the app write to wsgi.errors, and waits until the log holds `pattern`. */
async function logged(path: string, pattern: RegExp): Promise<void> {
  const server = await fixture('error_stream');
  assert.equal((await ask('error_stream', path)).status, 200);
  await server.waitForOutput(pattern, { stream: 'stderr' });
}

/** Larger than any buffer on the way, with lines of every length. */
const large = Array.from({ length: 2000 }, (_, index) => `${'x'.repeat(index)}\n`).join('');

export const streamProofs = {
  'input-methods': async () => {
    const { methods } = await show();
    const has = new Set(methods['wsgi.input']);
    for (const name of ['read', 'readline', 'readlines', '__iter__'])
      assert.ok(has.has(name), name);
  },

  'input-read': async () => {
    assert.deepEqual(await pieces('/read-sized'), ['firs', '', 't l', lines.slice(7)]);
  },

  'input-read-without-size': async () => {
    assert.deepEqual(await pieces('/read'), [lines]);
    assert.deepEqual(await pieces('/read-minus-one'), [lines]);
    assert.deepEqual(await pieces('/read', large), [large]);
  },

  'input-readline': async () => {
    assert.deepEqual(await pieces('/readline'), ['first line\n', 'second\n', '\n']);
    assert.deepEqual(await pieces('/readline', 'unended'), ['unended', '', '']);
  },

  'input-readline-with-size': async () => {
    assert.deepEqual(await pieces('/readline-sized'), ['fi', 'rst line\n', 'second\n']);
  },

  'input-readlines': async () => {
    const all = ['first line\n', 'second\n', '\n', 'last, unended'];
    assert.deepEqual(await pieces('/readlines'), all);
    // The hint may be ignored: then all lines come before the bar.
    const hinted = await pieces('/readlines-hint');
    assert.deepEqual(
      hinted.filter((piece) => piece !== '|'),
      all,
    );
    assert.equal((await pieces('/readlines', large)).join(''), large);
  },

  'input-iter': async () => {
    assert.deepEqual(await pieces('/iterate'), ['first line\n', 'second\n', '\n', 'last, unended']);
    assert.equal((await pieces('/iterate', large)).length, 2000);
  },

  'input-mixed': async () => {
    assert.deepEqual(await pieces('/mixed'), ['fi', 'rst line\n', 'second\n', '\nlast, unended']);
  },

  'input-end-of-file': async () => {
    assert.deepEqual(await pieces('/past-end'), [lines, '', '', '']);
    assert.deepEqual(await pieces('/iterate-past-end'), []);
    assert.deepEqual(await pieces('/past-end', large), [large, '', '', '']);
  },

  'input-of-no-body': async () => {
    for (const method of ['GET', 'POST']) {
      using client = await open('request_body');
      await client.send(requestBytes('/past-end', { method }));
      const reading = json(await client.readResponse()) as Reading;
      assert.deepEqual(reading.pieces, ['', '', '', ''], method);
    }
    assert.deepEqual(await pieces('/past-end', ''), ['', '', '', '']);
  },

  'input-gives-bytes': async () => {
    for (const way of [
      '/read',
      '/read-sized',
      '/readline',
      '/readlines',
      '/iterate',
      '/past-end',
    ]) {
      assert.deepEqual((await read(way)).types, ['bytes'], way);
      assert.deepEqual((await read(way, { body: large })).types, ['bytes'], `${way}, large`);
    }
    const every = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
    const body = Buffer.from(every, 'latin1');
    assert.deepEqual((await read('/read', { body })).pieces, [every]);
  },

  'errors-methods': async () => {
    const { methods } = await show();
    assert.deepEqual(methods['wsgi.errors']?.slice(-3), ['write', 'writelines', 'flush']);
  },

  'errors-write': async () => {
    await logged('/write', /written to wsgi\.errors\n/);
    await logged('/pieces', /one line in pieces\n/);
    await logged('/print', /printed to wsgi\.errors\n/);
  },

  'errors-writelines': async () => {
    await logged('/writelines', /first of writelines\n(.*\] )?second of writelines\n/);
  },

  'errors-flush': async () => {
    await logged('/flush', /flushed without a line break/);
  },

  'errors-unicode': async () => {
    await logged('/unicode', /snowman (\u2603|\?|\\u2603), lone surrogate .+, done\n/);
  },

  'expect-continue': async () => {
    using client = await open('request_body');
    const headers = [
      ['Host', 'fixture.example'],
      ['Expect', '100-continue'],
      ['Content-Length', '4'],
    ] as const;
    await client.send(requestBytes('/read', { method: 'POST', headers }));
    assert.equal((await client.readResponse()).status, 100);
    await client.send('body');
    assert.deepEqual((json(await client.readResponse()) as Reading).pieces, ['body']);
  },

  'expect-continue-old-client': async () => {
    const headers = [['Expect', '100-continue']] as const;
    const parts = { method: 'POST', version: 'HTTP/1.0', headers, body: 'body' };
    const answer = await ask('request_body', '/read', parts);
    assert.equal(answer.status, 200);
    assert.deepEqual((json(answer) as Reading).pieces, ['body']);
  },

  'inbound-transfer-coding': async () => {
    using client = await open('request_body');
    const headers = [['Transfer-Encoding', 'chunked']] as const;
    await client.send(requestBytes('/past-end', { method: 'POST', headers }));
    await client.send('6\r\nfirst \r\n');
    await client.send('b;extension=1\r\nand the end');
    await client.send('\r\n0\r\nX-Trailer: yes\r\n\r\n');
    const reading = json(await client.readResponse()) as Reading;
    assert.deepEqual(reading.pieces, ['first and the end', '', '', '']);
    assert.equal(reading.terminated, true);
    // The connection is in step: what follows the last chunk is the next request.
    await client.send(requestBytes('/read', { method: 'POST', body: 'next' }));
    assert.deepEqual((json(await client.readResponse()) as Reading).pieces, ['next']);
  },

  'single-thread-option': async () => {
    await using gate = await openGate();
    const target = `/gated?${gate.query}`;
    using first = await open('response_blocks');
    using second = await openUsed('response_blocks');
    using loop = await watchLoop('response_blocks');
    await first.send(requestBytes(target));
    assert.equal(await gate.said(), 'asked for the second');
    await second.send(requestBytes(target));
    await loop.turned();
    assert.deepEqual(gate.unread, []);
    for (const said of ['asked for the third', 'asked for the second', 'asked for the third']) {
      gate.letGo();
      assert.equal(await gate.said(), said);
    }
    gate.letGo();
    assert.equal((await first.readResponse()).text, 'first\nsecond\nthird\n');
    assert.equal((await second.readResponse()).text, 'first\nsecond\nthird\n');
  },
} satisfies Partial<Record<ClauseId, Proof>>;

/**
 * Opens a connection that tells later whether the server's event loop has gone round: `turned()` sends what is
 * no request, which Node answers by itself although Python is busy. What the server received before has been
 * handled by then, and what it sent has arrived. It is opened before Python is busy, since a worker that can
 * take no requests accepts no connections either.
 */
export async function watchLoop(
  app: string,
): Promise<{ turned: () => Promise<void> } & Disposable> {
  const client = await openUsed(app);
  return {
    turned: async () => {
      await client.send('not a request\r\n\r\n');
      assert.equal((await client.readResponse()).status, 400);
    },
    [Symbol.dispose]: () => {
      client.close();
    },
  };
}

/** A connection that has been used: the server has accepted it for certain. */
async function openUsed(app: string): Promise<RawClient> {
  const client = await open(app);
  await client.send(requestBytes('/no-such-path'));
  await client.readResponse();
  return client;
}
