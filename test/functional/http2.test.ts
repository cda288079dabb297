// Requests over HTTP/2, by TLS and with prior knowledge: what the app sees of them, many at once, large ones, and
// how connections end. What an app answers is in responses-over-http2.test.ts, abuse in http2-abuse.test.ts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  connect as connectSession,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { makeCertificate } from '../helpers/certificates.ts';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer, type ServerProcess } from '../helpers/server-process.ts';

const { cert, key } = makeCertificate();
const transports = {
  'with prior knowledge': [],
  'over TLS': ['--certfile', cert, '--keyfile', key],
} as const;

const logged = ['--access-logfile', '-', '--access-logformat', '%(s)s %(outcome)s %(r)s'];
const sessions: ClientHttp2Session[] = [];

function openSession(server: ServerProcess): ClientHttp2Session {
  const session = connectSession(server.url, { rejectUnauthorized: false });
  session.on('error', () => undefined);
  sessions.push(session);
  return session;
}

after(async () => {
  for (const session of sessions) session.destroy();
  await stopFixtures();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function ask(
  session: ClientHttp2Session,
  fields: OutgoingHttpHeaders | string,
  ...body: (string | Buffer)[]
): Promise<Answer> {
  const head = typeof fields === 'string' ? { ':path': fields } : fields;
  const stream = session.request(head, { endStream: body.length === 0 });
  for (const piece of body) stream.write(piece);
  stream.end();
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return { status: Number(headers[':status']), headers, body: await buffer(stream) };
}

async function seen(...args: Parameters<typeof ask>): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await ask(...args)).body.toString()) as Record<string, unknown>;
}

for (const [how, args] of Object.entries(transports)) {
  describe(`a request over HTTP/2, ${how}`, () => {
    test('is to the app what one of HTTP/1 is', async () => {
      const server = await fixture('environ_shown', ...args);
      const { environ } = (await seen(openSession(server), {
        ':path': '/a%20b?c=d',
        ':authority': 'host.example:8443',
        cookie: ['a=1', 'b=2'],
        'x-thing': 'one',
      })) as { environ: Record<string, unknown> };
      const expected: Record<string, unknown> = {
        REQUEST_METHOD: 'GET',
        PATH_INFO: '/a b',
        QUERY_STRING: 'c=d',
        RAW_URI: '/a%20b?c=d',
        SERVER_PROTOCOL: 'HTTP/2.0',
        HTTP_HOST: 'host.example:8443',
        HTTP_COOKIE: 'a=1; b=2',
        HTTP_X_THING: 'one',
        REMOTE_ADDR: '127.0.0.1',
        SERVER_PORT: String(server.port),
        'wsgi.url_scheme': args.length === 0 ? 'http' : 'https',
        CONTENT_LENGTH: undefined,
      };
      for (const [key, value] of Object.entries(expected)) assert.equal(environ[key], value, key);
      assert.deepEqual(
        Object.keys(environ).filter(
          (key) => key.includes(':') || /AUTHORITY|HTTP_SCHEME/.test(key),
        ),
        [],
      );
    });

    test('has a body, announced or not, that the app gets whole', async () => {
      const session = openSession(await fixture('uploads', ...args));
      const megabytes = Array.from({ length: 10 }, (_, at) => Buffer.alloc(1024 * 1024, at));
      const sha256 = createHash('sha256').update(Buffer.concat(megabytes)).digest('hex');
      const length = 10 * 1024 * 1024;
      for (const announced of [{}, { 'content-length': length }]) {
        const answer = await seen(session, { ':method': 'POST', ...announced }, ...megabytes);
        assert.deepEqual(answer, { length, sha256, contentLength: String(length) });
      }
    });

    test('may end with trailers, which the app doesn’t see', async () => {
      const session = openSession(await fixture('request_seen', ...args));
      const stream = session.request({ ':method': 'POST' }, { waitForTrailers: true } as never);
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'x-trailer': 'late', host: 'evil' });
      });
      stream.end('body');
      const answer = JSON.parse((await buffer(stream)).toString()) as Record<string, unknown>;
      assert.equal(answer['body'], 'body');
      assert.equal(answer['HTTP_X_TRAILER'], undefined);
      assert.notEqual(answer['host'], 'evil');
    });

    test('is answered while another one’s view sleeps', async () => {
      const server = await fixture('sleeping', '--threads', '2', ...args);
      const session = openSession(server);
      await using gate = await openGate();
      const slow = ask(session, `/sleep?${gate.query}`);
      assert.equal(await gate.said(), 'asleep');
      const others = await Promise.all(Array.from({ length: 50 }, () => ask(session, '/')));
      assert.deepEqual(new Set(others.map(({ body }) => body.toString())), new Set(['awake\n']));
      gate.letGo();
      assert.equal((await slow).body.toString(), 'slept\n');
    });

    test('gets large answers of every kind whole, a hundred at a time', async () => {
      const session = openSession(await fixture('downloads', '--threads', '4', ...args));
      const length = 300_000;
      const paths = ['/file', '/generator', '/generator-with-length', '/write'];
      const all = Array.from({ length: 100 }, (_, at) => `${paths[at % 4] ?? ''}?${length}`);
      const answers = await Promise.all(all.map((path) => ask(session, path)));
      const hashes = answers.map(({ body }) => createHash('sha256').update(body).digest('hex'));
      assert.deepEqual(new Set(answers.map(({ body }) => body.length)), new Set([length]));
      assert.equal(new Set(hashes).size, 1);
    });

    test('by HEAD gets the head alone, with Date and Server', async () => {
      const { status, headers, body } = await ask(openSession(await fixture('sleeping', ...args)), {
        ':method': 'HEAD',
      });
      assert.deepEqual([status, headers['content-length'], body.length], [200, '6', 0]);
      assert.equal(headers['server'], 'wsgi-ts');
      assert.match(String(headers['date']), / GMT$/);
      assert.equal(headers['connection'], undefined);
    });

    test('that expects 100 is told to go on when its body is wanted', async () => {
      const session = openSession(await fixture('request_seen', ...args));
      const stream = session.request({ ':method': 'POST', expect: '100-continue' });
      await once(stream, 'continue');
      stream.end('now');
      const answer = JSON.parse((await buffer(stream)).toString()) as Record<string, unknown>;
      assert.equal(answer['body'], 'now');
    });

    test('that goes beyond a limit, or is for a proxy, is refused with a line', async () => {
      const limits = ['--limit-request-line', '100', '--limit-request-fields', '5'];
      const more = ['--limit-request-field-size', '50', '--limit-request-body', '10'];
      const server = await fixture('request_seen', ...args, ...limits, ...more, ...logged);
      const session = openSession(server);
      const many = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`x-${at}`, '1']));
      const rows: [number, OutgoingHttpHeaders][] = [
        [414, { ':path': `/${'x'.repeat(100)}` }],
        [431, { ':path': '/', ...many }],
        [431, { ':path': '/', 'x-large': 'x'.repeat(50) }],
        [413, { ':path': '/', ':method': 'POST', 'content-length': 11 }],
        [417, { ':path': '/', expect: 'the unexpected' }],
        [501, { ':method': 'CONNECT', ':authority': 'elsewhere:443' }],
      ];
      for (const [status, fields] of rows) {
        const stream = session.request(fields, { endStream: false });
        stream.on('error', () => undefined);
        const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
        assert.equal(headers[':status'], status);
        await server.waitForOutput(new RegExp(`^${status} rejected \\S+ \\S* ?HTTP/2\\.0$`, 'm'));
        stream.close();
      }
      assert.equal((await ask(session, '/calls')).status, 200);
    });
  });
}

describe('a plain port', () => {
  test('speaks HTTP/2 to a preface that comes byte by byte, and HTTP/1 to all else', async () => {
    const { port } = await fixture('sleeping');
    using client = await connect(port);
    for (const byte of 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') await client.send(byte);
    await client.send(Buffer.from('000000040000000000', 'hex')); // SETTINGS
    const settings = await client.readBytes(9);
    assert.equal(settings[3], 4);
    using other = await connect(port);
    await other.send('PRI * HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.notEqual((await other.readResponse()).status, 200);
  });

  test('takes the preface for a malformed request where HTTP/2 is off', async () => {
    for (const off of [
      ['--http2-cleartext', 'off'],
      ['--http-protocols', 'h1'],
    ]) {
      using client = await connect((await fixture('sleeping', ...off)).port);
      await client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      const { status } = await client.readResponse();
      assert.ok(status >= 400, String(status));
    }
  });
});

describe('a connection of HTTP/2', () => {
  const apps = ['--chdir', inRepository('fixtures', 'apps'), ...logged];

  test('that is idle is closed after --keep-alive seconds, with GOAWAY', async () => {
    const server = await fixture('sleeping', '--keep-alive', '1');
    const session = openSession(server);
    assert.equal((await ask(session, '/')).status, 200);
    const [code] = (await once(session, 'goaway')) as [number];
    assert.equal(code, 0);
    if (!session.closed) await once(session, 'close');
  });

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    test(`finishes what is under way after ${signal}`, async () => {
      await using server = await startServer(['--threads', '2', ...apps, 'sleeping:app']);
      const session = openSession(server);
      await using gate = await openGate();
      const slow = ask(session, `/sleep?${gate.query}`);
      assert.equal(await gate.said(), 'asleep');
      const gone = signal === 'SIGTERM' ? once(session, 'goaway') : null;
      server.signal(signal);
      if (gone !== null) assert.equal(((await gone) as [number])[0], 0);
      gate.letGo();
      assert.equal((await slow).body.toString(), 'slept\n');
      if (gone === null) return;
      assert.equal(await server.waitForEnd(), 0);
      assert.doesNotMatch(server.stderr(), /Cut off/);
    });
  }
});
