// The guard: the same bytes give the same messages and the same refusal, however they are cut. What each
// kind of bad input is answered by is in fixtures/http.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { RequestLimits } from '../../../src/http/policy.ts';
import { RequestGuard } from '../../../src/http/request-guard.ts';

const defaults: RequestLimits = { line: 4094, fields: 100, fieldSize: 8190, body: 0 };

/** What a guard made of some bytes. */
interface Reading {
  readonly passed: string;
  readonly status: number | null;
  readonly requestLine: string | null;
  readonly idle: boolean;
  readonly heads: number;
}

/** Feeds `pieces` to a fresh guard. */
function read(
  pieces: readonly string[],
  limits: Partial<RequestLimits> = {},
  end = false,
): Reading {
  let passed = '';
  let status: number | null = null;
  let requestLine: string | null = null;
  const guard = new RequestGuard(
    { ...defaults, ...limits },
    {
      pass: (bytes) => {
        assert.equal(status, null, 'nothing is passed behind a refusal');
        passed += bytes.toString('latin1');
      },
      refuse: (error, line) => {
        assert.equal(status, null, 'a refusal is the last word');
        status = error.status ?? null;
        requestLine = line;
      },
    },
  );
  for (const piece of pieces) guard.push(Buffer.from(piece, 'latin1'));
  if (end) guard.end();
  return { passed, status, requestLine, idle: guard.idle, heads: guard.heads };
}

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const post = (fields: string, body: string): string =>
  `POST /p HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked', body);

describe('whole messages are passed on as they came', () => {
  for (const [what, bytes, heads] of [
    ['a request without a body', get, 1],
    ['requests in a row', get + get + get, 3],
    ['empty lines in front', `\r\n\r\n${get}`, 1],
    ['a body with a length', post('Content-Length: 5', 'hello') + get, 2],
    ['a body that looks like a request', post(`Content-Length: ${get.length}`, get), 1],
    [
      'a chunked body',
      chunked('5\r\nhello\r\n00a;x=y;z="q;\\""\r\n0123456789\r\n0\r\n\r\n') + get,
      2,
    ],
    ['trailers', chunked('0\r\nX-Sum: 1\r\nY:\r\n\r\n') + get, 2],
    ['a value of every allowed byte', get.replace('x', `\t ${allowedBytes()}`), 1],
  ] as const) {
    test(what, () => {
      assert.deepEqual(read([bytes]), {
        ...{ passed: bytes, status: null, requestLine: null, idle: true, heads },
      });
    });
  }

  test('a request that asks for another protocol by itself, since Node drops what is in one piece with it', () => {
    const passed: string[] = [];
    const guard = new RequestGuard(defaults, {
      pass: (bytes) => passed.push(bytes.toString('latin1')),
      refuse: (error) => {
        throw error;
      },
    });
    const asks = post('Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5', 'hello');
    guard.push(Buffer.from(get + asks + asks + get + get));
    assert.deepEqual(passed, [get + asks, asks, get + get]);
  });

  test('a head is held back until it is whole, a body is not', () => {
    assert.equal(read([get.slice(0, -1)]).passed, '');
    const bytes = post('Content-Length: 5', 'he');
    assert.equal(read([bytes]).passed, bytes);
  });
});

function allowedBytes(): string {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  return String.fromCharCode(...codes.filter((code) => code >= 0x20 && code !== 0x7f));
}

describe('what is refused', () => {
  for (const [what, bytes, status] of [
    ['a second space', 'GET  / HTTP/1.1\r\n', 400],
    ['a line feed alone', 'GET / HTTP/1.1\n', 400],
    ['a carriage return alone', 'GET / HTTP/1.1\r\nA: b\rc\r\n\r\n', 400],
    ['a version with another major number', 'GET / HTTP/2.0\r\n', 505],
    ['a method that nobody knows', 'BREW / HTTP/1.1\r\n', 501],
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\n', 501],
    ['five empty lines', '\r\n\r\n\r\n\r\n\r\n', 400],
    ['a TLS hello', '\x16', 400],
    ['a continued field', 'GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n', 400],
    ['both lengths', post('Content-Length: 5\r\nTransfer-Encoding: chunked', ''), 400],
    ['a chunk size with a space', chunked('5 \r\n'), 400],
    ['a chunk extension behind a space', chunked('5 ;a\r\n'), 400],
    ['a chunk extension with a space', chunked('5; a\r\n'), 400],
    ['a chunk extension with a space before its value', chunked('5;a= b\r\n'), 400],
    ['a chunk that is too long', chunked('5\r\nhello!\r\n'), 400],
    ['a chunk size beyond 2⁵³', chunked('20000000000000\r\n'), 400],
    ['a trailer that changes the framing', chunked('0\r\nContent-Length: 5\r\n\r\n'), 400],
  ] as const) {
    test(what, () => {
      const good = bytes.startsWith('POST') ? '' : get;
      const reading = read([good + bytes]);
      assert.equal(reading.status, status);
      assert.ok(reading.passed.startsWith(good), 'what is in front of it is passed on');
    });
  }

  test('what comes of its request line is told, and null in a body', () => {
    assert.equal(
      read([`${get}GET /bad HTTP/1.1\r\nno colon\r\n`]).requestLine,
      'GET /bad HTTP/1.1',
    );
    assert.equal(read([chunked('x')]).status, null);
    assert.equal(read([chunked('x\r\n')]).requestLine, null);
  });

  test('an end within a head or a body, and not between requests', () => {
    assert.equal(read([get], {}, true).status, null);
    assert.equal(read([get.slice(0, 20)], {}, true).status, 400);
    assert.equal(read([post('Content-Length: 5', 'hell')], {}, true).status, 400);
    assert.equal(read([chunked('0\r\n')], {}, true).status, 400);
  });
});

describe('limits hold to the byte, whole or not', () => {
  const line = (length: number): string => `GET /${'x'.repeat(length - 14)} HTTP/1.1`;
  const field = (length: number): string => `A:${'x'.repeat(length - 2)}`;

  test('the request line: 414', () => {
    assert.equal(read([`${line(4094)}\r\n`]).status, null);
    assert.equal(read([`${line(4094)}\r`]).status, null);
    assert.equal(read([`${line(4095)}\r\n`]).status, 414);
    assert.equal(read([line(4095)]).status, 414);
  });

  test('a field: 431', () => {
    assert.equal(read([`GET / HTTP/1.1\r\n${field(8190)}\r\n\r\n`]).status, null);
    assert.equal(read([`GET / HTTP/1.1\r\n${field(8191)}\r\n`]).status, 431);
    assert.equal(read([`GET / HTTP/1.1\r\n${field(8191)}`]).status, 431);
  });

  test('their number: 431, in trailers too', () => {
    const many = (count: number): string => 'A: b\r\n'.repeat(count);
    assert.equal(read([`GET / HTTP/1.1\r\n${many(100)}\r\n`]).status, null);
    assert.equal(read([`GET / HTTP/1.1\r\n${many(101)}`]).status, 431);
    assert.equal(read([chunked(`0\r\n${many(101)}`)]).status, 431);
  });

  test('the whole head: 431', () => {
    const large = `${field(8000)}\r\n`.repeat(9);
    assert.equal(read([`GET / HTTP/1.1\r\n${large}`]).status, 431);
    assert.equal(read([`GET / HTTP/1.1\r\n${large}\r\n`], { fieldSize: 100_000 }).status, null);
  });
});

/** Streams that are nearly right. */
const streams = fc
  .array(
    fc.constantFrom(
      ...[get, 'GET ', '/ ', 'HTTP/1.1', '\r\n', '\r', '\n', 'Host: x\r\n', ': ', 'A: b\r\n', ' '],
      ...[
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        'hello',
        '5\r\n',
        '0\r\n',
        '\r\n\r\n',
      ],
      ...[
        '5\r\nhello\r\n',
        ';a=b',
        '"',
        '\0',
        '\xff',
        '\t',
        'POST / HTTP/1.1\r\nHost: x\r\n',
        '\x16',
      ],
      ...[post('Content-Length: 5', 'hello'), chunked('5\r\nhello\r\n0\r\n\r\n'), 'x'.repeat(40)],
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

test('the same bytes give the same reading, however they are cut', () => {
  const limits = { line: 60, fieldSize: 50, fields: 4 };
  fc.assert(
    fc.property(streams, fc.array(fc.nat(), { maxLength: 8 }), (bytes, places) => {
      const whole = read([bytes], limits);
      const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort(
        (a, b) => a - b,
      );
      const pieces = [0, ...cuts].map((from, index) =>
        bytes.slice(from, cuts[index] ?? bytes.length),
      );
      assert.deepEqual(read(pieces, limits), whole);
      assert.deepEqual(read(bytes.match(/[^]/g) ?? [], limits), whole);
    }),
    { numRuns: 3000 },
  );
});
