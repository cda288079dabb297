// Sends the rows of fixtures/http that HTTP/2 has as well to a real worker, by node:http2, without TLS and with it:
// the answers, what the app saw, and the lines in both logs have to be those of the row. What can't be said in a
// request of HTTP/1 has tests of its own below.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { after, describe, test } from 'node:test';
import { makeCertificate } from '../helpers/certificates.ts';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { bytesOf, readHttpTable, type TableRow } from '../helpers/http-table.ts';
import { connect as connectRaw } from '../helpers/raw-client.ts';
import type { ServerProcess } from '../helpers/server-process.ts';
import { safetyNet } from '../helpers/spawned-process.ts';

const certificate = makeCertificate();
const sessions = new Set<ClientHttp2Session>();
after(() => {
  for (const session of sessions) session.destroy();
});
after(stopFixtures);

const format = ['--access-logfile=-', '--access-logformat=%(s)s %(outcome)s %(r)s'];
const tls = ['--certfile', certificate.cert, '--keyfile', certificate.key];
const transports = {
  'without TLS': { args: [], scheme: 'http' },
  'over TLS': { args: tls, scheme: 'https' },
} as const;

/** Fields that belong to a connection of HTTP/1 (RFC 9113 §8.2.2). */
const ofTheConnection = new Set(['connection', 'transfer-encoding', 'upgrade', 'keep-alive']);

/** What came of a request. */
interface Outcome {
  /** 1xx ones first; empty where the stream was reset. */
  readonly answers: readonly number[];
  readonly text: string;
  /** Error code of the stream (RFC 9113 §7); 0: it was closed in peace. */
  readonly code: number;
}

/** Opens a connection. */
function open(scheme: string, server: ServerProcess): ClientHttp2Session {
  const session = connect(`${scheme}://127.0.0.1:${server.port}`, { rejectUnauthorized: false });
  // What becomes of a stream is told by the stream.
  session.on('error', () => undefined);
  sessions.add(session);
  session.on('close', () => sessions.delete(session));
  return session;
}

/** The row's request as HTTP/2 has it. */
function translate(row: TableRow): { headers: OutgoingHttpHeaders; body: Buffer } {
  const bytes = bytesOf(row).replace(/^(\r\n)+/, '');
  const end = bytes.indexOf('\r\n\r\n');
  const [line = '', ...fields] = bytes.slice(0, end).split('\r\n');
  const [method = '', path = ''] = line.split(' ');
  const headers: OutgoingHttpHeaders = { ':method': method, ':path': path };
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    if (ofTheConnection.has(name)) continue;
    const key = name === 'host' ? ':authority' : name;
    const before = headers[key];
    headers[key] = before === undefined ? value : [before, value].flat().map(String);
  }
  return { headers, body: Buffer.from(bytes.slice(end + 4), 'latin1') };
}

/** Sends a request, and waits until its stream is closed. A body that is shorter than announced stays open. */
async function send(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: Buffer,
): Promise<Outcome> {
  const whole = body.length >= Number(headers['content-length'] ?? 0);
  const stream = session.request(headers, { endStream: whole && body.length === 0 });
  const answers: number[] = [];
  const pieces: Buffer[] = [];
  const note = (fields: IncomingHttpHeaders): void => {
    answers.push(Number(fields[':status']));
  };
  stream.on('headers', note).on('response', note);
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  // It is told by what has come, and by the code.
  stream.on('error', () => undefined);
  if (whole && body.length > 0) stream.end(body);
  else if (!whole) stream.write(body);
  await new Promise<void>((resolve) => {
    const net = setTimeout(() => {
      stream.close();
    }, safetyNet);
    stream.on('end', () => {
      // Half a stream is open as long as the request isn't whole.
      if (!whole) stream.close();
    });
    stream.on('close', () => {
      clearTimeout(net);
      resolve();
    });
  });
  return { answers, text: Buffer.concat(pieces).toString('utf8'), code: stream.rstCode };
}

const linesOf = (output: string): string[] =>
  output.split('\n').filter((line) => /^\d{3} /.test(line));

/** How much both logs have said. */
interface Said {
  readonly lines: number;
  readonly warnings: number;
}

const warning = /\[WARNING\] (Invalid request from ip=127\.0\.0\.1: |\S+ \S+ from 127\.0\.0\.1: )/g;

function saidBy(server: ServerProcess): Said {
  const warnings = [...server.stderr().matchAll(warning)].length;
  return { lines: linesOf(server.stdout()).length, warnings };
}

/** One access line, `<status> <outcome>`, and one warning where it was refused. */
async function assertLogged(server: ServerProcess, before: Said, line: string): Promise<void> {
  const refused = line.startsWith('4') || line.startsWith('5') ? 1 : 0;
  await server.waitForOutput(/^\d{3} .*$/gm, { stream: 'stdout', count: before.lines + 1 });
  if (refused > 0)
    await server.waitForOutput(warning, { stream: 'stderr', count: before.warnings + 1 });
  const lines = linesOf(server.stdout()).slice(before.lines);
  assert.match(lines.join('\n'), new RegExp(`^${line} \\S+ \\S+ HTTP/2(\\.0)?$`));
  assert.equal(saidBy(server).warnings, before.warnings + refused);
}

for (const [name, { args, scheme }] of Object.entries(transports)) {
  describe(`HTTP/2 ${name}`, () => {
    for (const row of readHttpTable().flatMap(({ rows }) => rows)) {
      if (row.http2 === undefined) continue;
      const wanted = [row.http2].flat();
      test(`${row.input}: ${wanted.join(', ')}`, async () => {
        const server = await fixture('request_seen', ...format, ...args, ...(row.args ?? []));
        const before = saidBy(server);
        const { headers, body } = translate(row);
        const { answers, text } = await send(open(scheme, server), headers, body);
        assert.deepEqual(answers, wanted);
        const status = wanted.at(-1) ?? 0;
        if (row.saw !== undefined && status === 200) {
          const seen = JSON.parse(text) as Record<string, unknown>;
          for (const [key, value] of Object.entries(row.saw))
            assert.equal(seen[key] ?? null, value, key);
        }
        const outcome = status < 400 ? 'ok' : (row.access_outcome ?? 'rejected');
        await assertLogged(server, before, `${status} ${outcome}`);
      });
    }
  });
}

describe('HTTP/2 alone', () => {
  const ask = async (
    headers: OutgoingHttpHeaders,
    body = '',
  ): Promise<[Outcome, ServerProcess]> => {
    const server = await fixture('request_seen', ...format);
    return [await send(open('http', server), headers, Buffer.from(body)), server];
  };

  test('more than 100 fields are 431', async () => {
    const names = Array.from({ length: 101 }, (_, at) => [`x-${at}`, 'y']);
    const server = await fixture('request_seen', ...format);
    const before = saidBy(server);
    const [{ answers }] = await ask(Object.fromEntries(names) as OutgoingHttpHeaders);
    assert.deepEqual(answers, [431]);
    await assertLogged(server, before, '431 rejected');
  });

  test('CONNECT is 501, as in HTTP/1', async () => {
    const server = await fixture('request_seen', ...format);
    const before = saidBy(server);
    const session = open('http', server);
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'x:1' });
    const [fields] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    assert.equal(fields[':status'], 501);
    await assertLogged(server, before, '501 rejected');
  });

  test('HEAD has the head alone', async () => {
    const [{ answers, text }] = await ask({ ':method': 'HEAD', ':path': '/' });
    assert.deepEqual(answers, [200]);
    assert.equal(text, '');
  });

  test('a body that is not as long as its Content-Length ends its stream, and the app is not called', async () => {
    const [before] = await ask({ ':path': '/calls' });
    const headers = { ':method': 'POST', ':path': '/', 'content-length': '3' };
    const [{ answers, code }] = await ask(headers, 'hello');
    assert.deepEqual(answers, []);
    assert.equal(code, constants.NGHTTP2_PROTOCOL_ERROR);
    const [after] = await ask({ ':path': '/calls' });
    assert.equal(callsOf(after.text), callsOf(before.text));
  });

  // RFC 9113 §5.4.2; node:http2's own client would end the request in good order before it resets the stream.
  for (const [what, head, body] of [
    ['a request that is taken back at once', 'endsStream', ''],
    ['an upload that is taken back', 'hasBody', 'abc'],
  ] as const) {
    for (const how of ['in one segment', 'in two']) {
      test(`${what}, ${how}, has one access line, and the app does not get it as if it were whole`, async () => {
        const server = await fixture('request_seen', ...format);
        const [counted] = await ask({ ':path': '/calls' });
        const path = `/${head}-${how.replaceAll(' ', '-')}`;
        using client = await connectRaw(server.port);
        const begun = Buffer.concat([
          PREFACE,
          frame(SETTINGS, 0, 0, Buffer.alloc(0)),
          frame(
            HEADERS,
            head === 'endsStream' ? END_HEADERS | END_STREAM : END_HEADERS,
            1,
            headOf(path),
          ),
          ...(body === '' ? [] : [frame(DATA, 0, 1, Buffer.from(body))]),
        ]);
        const reset = frame(RST_STREAM, 0, 1, Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]));
        await client.send(how === 'in one segment' ? Buffer.concat([begun, reset]) : begun);
        if (how === 'in two') await client.send(reset);
        const seen = new RegExp(`^(\\d{3} \\S+) POST ${path} HTTP/2\\.0$`, 'gm');
        const [, line = ''] = await server.waitForOutput(seen, { stream: 'stdout' });
        const [after] = await ask({ ':path': '/calls' });
        const calls = callsOf(after.text) - callsOf(counted.text);
        // What was whole for a moment may have been answered.
        if (head === 'endsStream' && how === 'in two')
          assert.match(line, /^(200 ok|\d{3} client_gone)$/);
        else {
          assert.equal(line, '499 client_gone');
          assert.equal(calls, 0);
        }
      });
    }
  }

  test('a field with a control character is not seen by the app', async () => {
    const [{ answers, text }] = await ask({ ':path': '/', x: 'a\x01b' });
    assert.deepEqual(answers, [200]);
    assert.ok(!('HTTP_X' in (JSON.parse(text) as object)));
  });
});

function callsOf(text: string): number {
  return (JSON.parse(text) as { calls: number }).calls;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** RFC 9113 §6 */
const [DATA, HEADERS, RST_STREAM, SETTINGS] = [0, 1, 3, 4];
const [END_STREAM, END_HEADERS] = [1, 4];
/** Literal fields without indexing (RFC 7541 §6.2.2). */
function headOf(path: string): Buffer {
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'x'],
  ];
  return Buffer.concat(
    fields.flatMap(([name = '', value = '']) => [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
}

/** A frame (RFC 9113 §4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
