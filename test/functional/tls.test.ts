// TLS as clients and operators meet it: which HTTP is spoken, who is let in, what the app is told.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSession, type ClientHttp2Session } from 'node:http2';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { makeCertificate, type Certificate } from '../helpers/certificates.ts';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { connect, RawClient } from '../helpers/raw-client.ts';

const server = makeCertificate();
const authority = makeCertificate('/CN=Some Authority');
const named = '/C=DE/O=Foo, Inc./OU=one+CN=Zo\u00eb/CN=second/emailAddress=zoe@example.org';
const client = makeCertificate(named, authority);
const stranger = makeCertificate('/CN=stranger');

function options({ cert, key }: Certificate): string[] {
  return ['--certfile', cert, '--keyfile', key];
}

/** Connects; the handshake is over, for the client. */
async function secure(port: number, more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...more });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

function shows({ cert, key }: Certificate): ConnectionOptions {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

/** Asks by HTTP/1.1 for what environ_shown.py shows. */
async function environOf(socket: TLSSocket): Promise<Readonly<Record<string, unknown>>> {
  using raw = new RawClient(socket);
  await raw.send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n');
  const { text } = await raw.readResponse();
  return (JSON.parse(text) as { environ: Record<string, unknown> }).environ;
}

async function isClosed(socket: TLSSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    if (socket.closed) resolve();
    else socket.resume().once('close', resolve); // be it by an alert
  });
}

async function answer(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ':path': path });
  stream.end();
  return (await buffer(stream)).toString();
}

after(stopFixtures);

describe('over TLS, client and server agree on', () => {
  const cases = [
    { protocols: 'h2,h1', offers: ['http/1.1', 'h2'], agreed: 'h2' },
    { protocols: 'h1,h2', offers: ['h2', 'http/1.1'], agreed: 'http/1.1' },
    { protocols: 'h2,h1', offers: ['http/1.1'], agreed: 'http/1.1' },
    { protocols: 'h1', offers: ['h2', 'http/1.1'], agreed: 'http/1.1' },
    { protocols: 'h2,h1', offers: undefined, agreed: false },
  ];
  for (const { protocols, offers, agreed } of cases) {
    const what = agreed === false ? 'HTTP/1.1, unsaid,' : agreed;
    test(`${what} where ${protocols} meets ${String(offers)}`, async () => {
      const args = [...options(server), '--http-protocols', protocols];
      const { port } = await fixture('environ_shown', ...args);
      const socket = await secure(port, offers === undefined ? {} : { ALPNProtocols: offers });
      assert.equal(socket.alpnProtocol, agreed);
      if (agreed === 'h2') {
        socket.destroy();
        const session = connectSession(`https://localhost:${port}`, { rejectUnauthorized: false });
        const { environ } = JSON.parse(await answer(session, '/')) as {
          environ: Record<string, unknown>;
        };
        assert.equal(environ['SERVER_PROTOCOL'], 'HTTP/2.0');
        assert.equal(environ['wsgi.url_scheme'], 'https');
        session.destroy();
      } else {
        const environ = await environOf(socket);
        assert.equal(environ['SERVER_PROTOCOL'], 'HTTP/1.1');
        assert.equal(environ['wsgi.url_scheme'], 'https');
        assert.equal(environ['HTTPS'], 'on');
        assert.equal(environ['SSL_PROTOCOL'], 'TLSv1.3');
        assert.match(String(environ['SSL_CIPHER']), /^TLS_/);
        assert.equal(environ['SSL_CLIENT_VERIFY'], 'NONE');
      }
    });
  }

  test('nothing where HTTP/2 alone is spoken and the client offers nothing, or something else', async () => {
    const only = await fixture('environ_shown', ...options(server), '--http-protocols', 'h2');
    const socket = await secure(only.port);
    await isClosed(socket);
    await only.waitForOutput(/ip=127\.0\.0\.1: the client does not speak HTTP\/2/);
    await assert.rejects(secure(only.port, { ALPNProtocols: ['http/1.1'] }), {
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    });
  });
});

describe('a port that speaks TLS', () => {
  test('says https where it says where it listens', async () => {
    const { url } = await fixture('environ_shown', ...options(server));
    assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/);
  });

  test('answers plain HTTP with a plain 400 and a line', async () => {
    const one = await fixture('environ_shown', ...options(server));
    using plain = await connect(one.port);
    await plain.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const response = await plain.readResponse();
    assert.equal(response.status, 400);
    assert.match(response.text, /this port speaks TLS/);
    await plain.readUntilClosed();
    await one.waitForOutput(/\[WARNING\] Invalid request from ip=127\.0\.0\.1: plain HTTP, but/);
  });

  test('outlives what is no handshake, and gives it a line', async () => {
    const one = await fixture('environ_shown', ...options(server));
    using garbage = await connect(one.port);
    await garbage.send('\x16\x03\x01\x00\x05\x1b[2J\r\n\r\n');
    await garbage.readUntilClosed();
    await one.waitForOutput(/Invalid request from ip=127\.0\.0\.1: TLS handshake failed: /);
    using half = await connect(one.port);
    await half.send('\x16\x03\x01\x02\x00\x01');
    half.socket.resetAndDestroy();
    assert.equal((await environOf(await secure(one.port)))['REQUEST_METHOD'], 'GET');
  });

  test('gives a handshake no more time than a head', async () => {
    const args = [...options(server), '--head-timeout', '1'];
    const slow = await fixture('environ_shown', ...args);
    using silent = await connect(slow.port);
    await silent.readUntilClosed();
    await slow.waitForOutput(/ip=127\.0\.0\.1: TLS handshake failed: ERR_TLS_HANDSHAKE_TIMEOUT/);
  });

  test('speaks no older TLS than it was told, nor other ciphers', async () => {
    const args = [...options(server), '--tls-minimum-version', '1.3'];
    const { port } = await fixture('environ_shown', ...args);
    await assert.rejects(secure(port, { maxVersion: 'TLSv1.2' }), {
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    const other = await fixture('environ_shown', ...options(server), '--ciphers', cipher);
    const environ = await environOf(await secure(other.port, { maxVersion: 'TLSv1.2' }));
    assert.deepEqual(
      [environ['SSL_PROTOCOL'], environ['SSL_CIPHER']],
      ['TLSv1.2', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'],
    );
  });

  test('takes who the client is from the PROXY protocol before the handshake', async () => {
    const args = [...options(server), '--proxy-protocol', '--proxy-allow-from', '127.0.0.1'];
    const { port } = await fixture('environ_shown', ...args);
    const plain = await connect(port);
    await plain.send('PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n');
    const socket = connectTls({ socket: plain.socket, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const environ = await environOf(socket);
    assert.deepEqual(
      [environ['REMOTE_ADDR'], environ['REMOTE_PORT'], environ['wsgi.url_scheme']],
      ['192.0.2.7', '4711', 'https'],
    );
  });
});

describe('a client certificate', () => {
  const asked = (how: string): string[] => [
    ...options(server),
    ...['--ca-certs', authority.cert, '--cert-reqs', how],
  ];

  test('that is good is told to the app, by the names that Apache has', async () => {
    for (const how of ['1', '2']) {
      const { port } = await fixture('environ_shown', ...asked(how));
      const environ = await environOf(await secure(port, shows(client)));
      const zoe = Buffer.from('Zo\u00eb').toString('latin1');
      const expected: Record<string, unknown> = {
        SSL_CLIENT_VERIFY: 'SUCCESS',
        SSL_CLIENT_S_DN: `emailAddress=zoe@example.org,CN=second,OU=one+CN=${zoe},O=Foo\\, Inc.,C=DE`,
        SSL_CLIENT_S_DN_CN: zoe,
        SSL_CLIENT_S_DN_OU: 'one',
        SSL_CLIENT_S_DN_O: 'Foo, Inc.',
        SSL_CLIENT_S_DN_C: 'DE',
        SSL_CLIENT_S_DN_Email: 'zoe@example.org',
        SSL_CLIENT_I_DN: 'CN=Some Authority',
        SSL_CLIENT_I_DN_CN: 'Some Authority',
      };
      for (const [key, value] of Object.entries(expected)) assert.equal(environ[key], value, key);
      const certificate = new X509Certificate(readFileSync(client.cert));
      assert.equal(environ['SSL_CLIENT_CERT'], certificate.toString());
      assert.equal(environ['SSL_CLIENT_M_SERIAL'], certificate.serialNumber);
      assert.equal(environ['SSL_CLIENT_V_START'], certificate.validFrom);
      assert.equal(environ['SSL_CLIENT_V_END'], certificate.validTo);
    }
  });

  test('need not be shown to --cert-reqs 1, must be to 2', async () => {
    const one = await fixture('environ_shown', ...asked('1'));
    assert.equal((await environOf(await secure(one.port)))['SSL_CLIENT_VERIFY'], 'NONE');
    const two = await fixture('environ_shown', ...asked('2'));
    await isClosed(await secure(two.port));
    await two.waitForOutput(/TLS handshake failed: peer did not return a certificate/);
  });

  for (const how of ['1', '2']) {
    test(`of a stranger is refused by --cert-reqs ${how}, with a line`, async () => {
      const one = await fixture('environ_shown', ...asked(how));
      await isClosed(await secure(one.port, shows(stranger)));
      await one.waitForOutput(
        /ip=127\.0\.0\.1: the client's certificate is not accepted: .*SELF_SIGNED_CERT/,
      );
    });
  }

  test('that nobody asks for is not looked at', async () => {
    const { port } = await fixture('environ_shown', ...options(server));
    const environ = await environOf(await secure(port, shows(stranger)));
    assert.equal(environ['SSL_CLIENT_VERIFY'], 'NONE');
    assert.equal(environ['SSL_CLIENT_CERT'], undefined);
  });

  test('is of the connection: a client can not say it in a field', async () => {
    const { port } = await fixture('environ_shown', ...asked('1'));
    using raw = new RawClient(await secure(port));
    await raw.send(
      'GET / HTTP/1.1\r\nHost: h\r\nSSL_CLIENT_VERIFY: SUCCESS\r\nSSL-Client-S-DN: CN=x\r\n\r\n',
    );
    const { environ } = JSON.parse((await raw.readResponse()).text) as {
      environ: Record<string, unknown>;
    };
    assert.equal(environ['SSL_CLIENT_VERIFY'], 'NONE');
    assert.equal(environ['SSL_CLIENT_S_DN'], undefined);
  });
});
