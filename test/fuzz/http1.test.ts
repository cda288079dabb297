// Mutated requests, sent to a real worker and read by a second parser, h11 (RFC 9112 §11.2: two readings of one
// stream are how requests are smuggled). Where both accept, they agree on method, target and body of each
// request; where h11 refuses, no later request of the stream reaches the app; where we refuse, the connection ends.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { ask, fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { fuzz } from '../helpers/fuzzing.ts';
import { PythonOpinion, u32 } from '../helpers/python-opinion.ts';
import { streams } from './http1-streams.ts';
import type { Stream } from './http1-streams.ts';

const app = 'requests_taken';

/** How h11 reads a stream. */
interface SecondReading {
  readonly requests: readonly {
    /** JSON: method, target, length of the body, its SHA-256. */
    readonly request: string;
    /** The client wants no other answer on this connection. */
    readonly last: boolean;
    /** The same, or it speaks HTTP/1.0, where that depends. */
    readonly mayBeLast: boolean;
  }[];
  readonly refused: string | null;
}

/** What became of a stream that was sent. */
interface Outcome {
  readonly port: number;
  readonly answer: string;
  readonly error: string | null;
}

after(stopFixtures);

/** Milliseconds after which a connection that does not end counts as one that never will; no deadline of ours is shorter. */
const hang = 15_000;

/**
 * Sends a stream, and ends our side once `complete` requests are answered (who ends it before may count as gone) or
 * the server has ended its.
 *
 * @returns when the connection has closed
 */
async function send(port: number, { bytes, pieces }: Stream, complete: number): Promise<Outcome> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  let answer = '';
  let error: string | null = null;
  let own = 0;
  let sent = false;
  const endOurs = (): void => {
    if (sent && (answer.split('\r\nX-Request: ').length > complete || socket.readableEnded))
      socket.end();
  };
  const over = new Promise<void>((resolve) => {
    const net = setTimeout(() => {
      error = `the connection did not end within ${hang} ms`;
      socket.destroy();
    }, hang);
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      endOurs();
    });
    socket.on('end', endOurs);
    socket.on('error', (cause) => (error = cause.message));
    socket.on('close', () => {
      clearTimeout(net);
      resolve();
    });
  });
  socket.once('connect', () => (own = socket.localPort ?? 0));
  let at = 0;
  for (const length of pieces) {
    socket.write(bytes.slice(at, at + length), 'latin1');
    at += length;
    await turn();
  }
  socket.write(bytes.slice(at), 'latin1');
  sent = true;
  endOurs();
  await over;
  return { port: own, answer, error };
}

/** The answers: the requests that those of the app name, in order, and whether one of the server's own ends them. */
function readAnswers(answer: string): { requests: string[]; refused: boolean; last: boolean } {
  const requests: string[] = [];
  let last = false;
  let rest = answer;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    const head = rest.slice(0, end + 2);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    assert.ok(end > 0 && status >= 100, `no answer: ${JSON.stringify(rest.slice(0, 200))}`);
    rest = rest.slice(end + 4);
    if (status < 200) continue;
    const request = /\r\nX-Request: (.*)\r\n/.exec(head)?.[1];
    if (request !== undefined) {
      // The app's answers have no body.
      assert.ok(!last, 'nothing comes behind an answer that closes');
      requests.push(request);
      last = /\r\nConnection: close\r\n/i.test(head);
      continue;
    }
    assert.match(head, /\r\nConnection: close\r\n/i, 'a refusal closes the connection');
    assert.ok(!last, 'nothing comes behind an answer that closes');
    const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1]);
    assert.ok(rest.length === length || rest === '', 'nothing comes behind a refusal');
    return { requests, refused: true, last };
  }
  return { requests, refused: false, last };
}

/** Holds what the worker did against how h11 reads the stream; `taken` is what the app was asked, in any order. */
function compare(outcome: Outcome, taken: readonly string[], second: SecondReading): void {
  const { requests: answered, refused, last } = readAnswers(outcome.answer);
  const requests = second.requests.map(({ request }) => request);
  const ended = taken.length > 0 && second.requests[taken.length - 1]?.mayBeLast === true;
  // RFC 9112 §9.6: who sends more behind a request that closes may find the connection closed, and its answer lost.
  if (!ended || outcome.error === null) {
    assert.equal(outcome.error, null);
    assert.equal(answered.length, taken.length, 'each request that the app got is answered');
    assert.ok(ended || !last, 'an answer closes where its request does');
  }
  assert.deepEqual(answered, requests.slice(0, answered.length), 'both read the same requests');
  const first = requests.slice(0, taken.length);
  assert.deepEqual(taken.toSorted(), first.toSorted(), 'the app gets what both read');
  const closing = second.requests.findIndex(({ last }) => last);
  assert.ok(closing < 0 || taken.length <= closing + 1, 'none behind one that closes is served');
  assert.ok(taken.length === requests.length || refused || ended, 'none is lost in silence');
}

test('no stream of bytes is read in two ways, crashes the worker or hangs a connection', async () => {
  const { port } = await fixture(app);
  const second = new PythonOpinion<SecondReading>('h11_reading.py');
  await fuzz(
    0.7,
    fc.asyncProperty(
      fc.array(streams, { minLength: 1, maxLength: 24, size: 'max' }),
      async (batch) => {
        const readings = await Promise.all(
          batch.map(({ bytes }) =>
            second.ask(Buffer.concat([u32(bytes.length), Buffer.from(bytes, 'latin1')])),
          ),
        );
        const outcomes = await Promise.all(
          batch.map((stream, index) => send(port, stream, readings[index]?.requests.length ?? 0)),
        );
        // One thread serves the requests in order: whatever the app was asked before, it has been asked.
        const taken = JSON.parse((await ask(app, '/-/taken')).text) as Record<string, string[]>;
        outcomes.forEach((outcome, index) => {
          const seen = taken[outcome.port] ?? [];
          const reading = readings[index];
          assert.ok(reading);
          try {
            compare(outcome, seen, reading);
          } catch (error) {
            const story = { sent: batch[index], taken: seen, h11: reading, answer: outcome.answer };
            throw new Error(`${(error as Error).message}\n${JSON.stringify(story, null, 1)}`, {
              cause: error,
            });
          }
        });
      },
    ),
  );
  const server = await fixture(app);
  assert.equal(server.workerPids().length, 1);
  assert.equal(server.stderr().match(/Booting worker/g)?.length, 1, 'the worker lived through it');
  assert.doesNotMatch(server.stderr(), /\[(?:ERROR|CRITICAL)\]|Traceback/);
});
