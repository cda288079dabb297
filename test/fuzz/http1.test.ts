// Streams that are nearly HTTP/1, sent to a real worker, and read by h11 as well: never a crash, never a hang, and
// never two readings of one stream. Where both accept a request they agree on what it is; where h11 refuses, we
// have closed the connection. WSGI_TS_FUZZ_SECONDS says for how long (`make fuzz`); a failure prints its seed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';

after(stopFixtures);

const seconds = Number(process.env['WSGI_TS_FUZZ_SECONDS'] ?? 8);

/** A request as one of the readers saw it. */
interface Reading {
  readonly method: string;
  readonly target: string;
  /** SHA-256 of the body, in hexadecimal. */
  readonly body: string;
}

/** What h11 made of a stream. */
interface SecondReading {
  readonly requests: readonly Reading[];
  readonly refused: string | null;
}

const reader = spawn(
  testPythonEnvironment().python,
  [inRepository('test', 'fuzz', 'h11_reader.py')],
  {
    stdio: ['pipe', 'pipe', 'inherit'],
  },
);
after(() => {
  reader.stdin.end();
});
const waiting: ((reading: SecondReading) => void)[] = [];
createInterface({ input: reader.stdout }).on('line', (line) => {
  waiting.shift()?.(JSON.parse(line) as SecondReading);
});

function readBySecond(stream: string): Promise<SecondReading> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    const data = Buffer.from(stream, 'latin1').toString('hex');
    reader.stdin.write(`${JSON.stringify({ data })}\n`);
  });
}

/** What we made of it: the requests that the app saw, and the status of the refusal that ended it, if any. */
interface FirstReading {
  readonly requests: readonly Reading[];
  readonly refused: number | null;
}

async function readByUs(port: number, pieces: readonly string[]): Promise<FirstReading> {
  using client = await connect(port);
  for (const piece of pieces) await client.send(piece).catch(() => undefined);
  client.socket.end();
  const all = (await client.readUntilClosed().catch(() => Buffer.alloc(0))).toString('latin1');
  const requests: Reading[] = [];
  let refused: number | null = null;
  for (const [, status, body = ''] of all.matchAll(
    /HTTP\/1\.1 (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*\r\n((?:\{.*\})?)/g,
  )) {
    if (status === '100') continue;
    if (status !== '200') {
      refused = Number(status);
      break;
    }
    if (body === '') continue; // an answer to HEAD
    const seen = JSON.parse(body) as { method: string; target: string; body: string };
    const hash = createHash('sha256').update(Buffer.from(seen.body, 'latin1')).digest('hex');
    requests.push({ method: seen.method, target: seen.target, body: hash });
  }
  return { requests, refused };
}

const heads = [
  'GET /a HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /b?c=d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'GET /o HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
  'POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n',
  'PUT /s HTTP/1.1\r\nHost: x\r\nContent-Length: 28\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n\r\n\r\n',
  'POST /w HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi',
];
const tokens = [
  ...[
    '\r\n',
    '\n',
    '\r',
    ' ',
    '\t',
    '\0',
    '\x7f',
    '\xff',
    ':',
    ';',
    ',',
    '=',
    '"',
    '\\',
    '0',
    '5',
    'f',
    '+',
    '-',
    '#',
  ],
  ...[
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: y\r\n',
    ' x\r\n',
  ],
  ...[
    'Transfer-Encoding: identity\r\n',
    'transfer-encoding : chunked\r\n',
    'Transfer-Encoding:\x0bchunked\r\n',
  ],
  ...[
    'chunked',
    'gzip, ',
    'HTTP/1.1',
    'HTTP/1.0',
    '\r\n\r\n',
    '0\r\n\r\n',
    '5\r\n',
    'Content-Length: 5, 5\r\n',
    'X_Y: z\r\n',
  ],
];

/** A change of a text at a place from 0 to 1. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(12)),
  insert: fc.oneof(fc.constantFrom(...tokens), fc.constant('')),
  repeat: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(40)),
});

const stream = fc
  .record({
    parts: fc.array(fc.constantFrom(...heads), { minLength: 1, maxLength: 3 }),
    mutations: fc.array(mutation, { maxLength: 3 }),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  })
  .map(({ parts, mutations, cuts }) => {
    let text = parts.join('');
    for (const { at, remove, insert, repeat } of mutations) {
      const place = Math.floor(at * text.length);
      const again = text.slice(place, place + repeat);
      text = text.slice(0, place) + insert + again + text.slice(place + remove);
    }
    const places = cuts.map((cut) => Math.floor(cut * text.length)).sort((a, b) => a - b);
    return { text, pieces: [0, ...places].map((from, index) => text.slice(from, places[index])) };
  });

function assertOneReading(text: string, ours: FirstReading, second: SecondReading): void {
  // h11 refuses an empty line in front of a request, which RFC 9112 §2.2 wants ignored: it tells nothing then.
  // Nor does it where it has closed by its own choice: it never keeps a connection of HTTP/1.0.
  const blind = second.refused === null || /no request line received/.test(second.refused);
  const shown = JSON.stringify({ text, ours, second }, null, 2);
  const common = Math.min(ours.requests.length, second.requests.length);
  assert.deepEqual(ours.requests.slice(0, common), second.requests.slice(0, common), shown);
  if (blind) return;
  assert.ok(
    ours.requests.length <= second.requests.length,
    `we went on where h11 did not: ${shown}`,
  );
  if (ours.requests.length < second.requests.length) {
    assert.ok(ours.refused !== null, `a request was lost without a word: ${shown}`);
  }
}

test('a worker and h11 read every stream alike, or the connection is closed', async () => {
  const { port } = await fixture('request_seen');
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(stream, { minLength: 24, maxLength: 24 }), async (streams) => {
      await Promise.all(
        streams.map(async ({ text, pieces }) => {
          const [ours, second] = await Promise.all([readByUs(port, pieces), readBySecond(text)]);
          assertOneReading(text, ours, second);
          count++;
        }),
      );
    }),
    {
      numRuns: 1_000_000,
      interruptAfterTimeLimit: seconds * 1000,
      endOnFailure: true,
      includeErrorInReport: true,
    },
  );
  assert.ok(count > 100, `${count} streams were read`);
  const server = await fixture('request_seen');
  assert.equal(server.workerPids().length, 1, 'the worker that started is the one that ends');
  assert.doesNotMatch(server.stderr(), /CRITICAL|a fault in wsgi-ts/);
});
