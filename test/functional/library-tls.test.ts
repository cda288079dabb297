// createHandler behind a Node program's own TLS, with HTTP/1 and HTTP/2: the app is told of it what a worker tells.
// All in the process of this test.

import assert from 'node:assert/strict';
import { connect, createSecureServer } from 'node:http2';
import { createServer, request as send } from 'node:https';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { json } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { createHandler } from '../../src/index.ts';
import { makeCertificate, type Certificate } from '../helpers/certificates.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const read = ({ cert, key }: Certificate): { cert: Buffer; key: Buffer } => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
});
const authority = makeCertificate('/CN=Some Authority');
const client = read(makeCertificate('/O=Foo/CN=client', authority));
const stranger = read(makeCertificate('/CN=stranger'));
const tls = {
  ...read(makeCertificate()),
  ca: readFileSync(authority.cert),
  requestCert: true,
  rejectUnauthorized: false,
};

const handler = createHandler('environ_shown:app', {
  chdir: inRepository('fixtures', 'apps'),
  python: testPythonEnvironment().python,
});
const servers: Server[] = [];
after(async () => {
  for (const server of servers) server.close();
  await handler.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

type Environ = Readonly<Record<string, unknown>>;

/** What the app is told by HTTP/1. */
async function environOf(port: number, more: object = {}): Promise<Environ> {
  const shown = await new Promise<unknown>((resolve, reject) => {
    const to = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false as const };
    send({ ...to, ...more }, (answer) => {
      resolve(json(answer));
    })
      .on('error', reject)
      .end();
  });
  return (shown as { environ: Environ }).environ;
}

describe("over a program's own TLS", () => {
  test('the app has its keys, and those of the client certificate', async () => {
    const port = await listen(createServer(tls, handler));
    const nobody = await environOf(port);
    assert.equal(nobody['wsgi.url_scheme'], 'https');
    assert.equal(nobody['HTTPS'], 'on');
    assert.equal(nobody['SSL_PROTOCOL'], 'TLSv1.3');
    assert.match(String(nobody['SSL_CIPHER']), /^TLS_/);
    assert.equal(nobody['SSL_CLIENT_VERIFY'], 'NONE');
    const known = await environOf(port, client);
    assert.equal(known['SSL_CLIENT_VERIFY'], 'SUCCESS');
    assert.equal(known['SSL_CLIENT_S_DN'], 'CN=client,O=Foo');
    assert.match(String(known['SSL_CLIENT_CERT']), /^-----BEGIN CERTIFICATE-----\n/);
    assert.match(String((await environOf(port, stranger))['SSL_CLIENT_VERIFY']), /^FAILED:/);
  });

  test('with HTTP/2 as well', async () => {
    const port = await listen(createSecureServer({ ...tls, allowHTTP1: true }, handler));
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...client });
    const { environ } = (await json(session.request({ ':path': '/' }))) as { environ: Environ };
    session.close();
    assert.equal(environ['SERVER_PROTOCOL'], 'HTTP/2.0');
    assert.equal(environ['HTTPS'], 'on');
    assert.equal(environ['SSL_CLIENT_S_DN_CN'], 'client');
    assert.equal((await environOf(port))['SERVER_PROTOCOL'], 'HTTP/1.1');
  });
});
