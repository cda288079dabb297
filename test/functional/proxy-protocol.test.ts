// Connections that begin with the PROXY protocol, as a proxy that passes bytes on would make them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fixture, json, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { connect, type RawClient } from '../helpers/raw-client.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

after(stopFixtures);

type Environ = Readonly<Record<string, unknown>>;

const keys = ['REMOTE_ADDR', 'PROXY_PROTOCOL', 'PROXY_ADDR', 'PROXY_PORT'];
const line = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';
const block = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000201c6336401dc0401bb', 'hex');
const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

function serve(...args: string[]): Promise<ServerProcess> {
  return fixture('environ_shown', '--proxy-protocol', '--workers', '1', ...args);
}

async function open(...args: string[]): Promise<RawClient> {
  return connect((await serve(...args)).port);
}

async function read(client: RawClient): Promise<Environ> {
  const response = await client.readResponse();
  assert.equal(response.status, 200, response.text);
  return (json(response) as { environ: Environ }).environ;
}

function pick(environ: Environ): unknown[] {
  return keys.map((key) => environ[key]);
}

test('both versions say who the client is, for every request of the connection', async () => {
  for (const header of [Buffer.from(line), block]) {
    using client = await open();
    await client.send(Buffer.concat([header, requestBytes('/one')]));
    const first = await read(client);
    assert.deepEqual(pick(first), ['192.0.2.1', 'TCP4', '198.51.100.1', '443']);
    assert.equal(first['REMOTE_PORT'], '56324');
    await client.send(requestBytes('/two'));
    assert.deepEqual(pick(await read(client)), ['192.0.2.1', 'TCP4', '198.51.100.1', '443']);
  }
});

test('the header may come in pieces', async () => {
  for (const header of [Buffer.from(line), block]) {
    using client = await open();
    for (const byte of header) await client.send(Buffer.from([byte]));
    await client.send(requestBytes('/'));
    assert.equal((await read(client))['REMOTE_ADDR'], '192.0.2.1');
  }
});

test('LOCAL and UNKNOWN leave the peer as it is', async () => {
  for (const [header, name] of [
    [local, 'LOCAL'],
    [Buffer.from('PROXY UNKNOWN 1 2 three\r\n'), 'UNKNOWN'],
  ] as const) {
    using client = await open();
    await client.send(Buffer.concat([header, requestBytes('/')]));
    assert.deepEqual(pick(await read(client)), ['127.0.0.1', name, undefined, undefined]);
  }
});

test('a connection without a header, or with a bad one, is closed with a line in the log', async () => {
  const server = await serve();
  for (const [start, said] of [
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /begin with the PROXY protocol/],
    ['PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n', /version 1, has a port that is none/],
    [`${block.toString('latin1', 0, 12)}\x31`, /version 2, has an unknown version/],
  ] as const) {
    using client = await connect(server.port);
    await client.send(start);
    assert.equal((await client.readUntilClosed()).length, 0);
    await server.waitForOutput(said, { stream: 'stderr' });
  }
});

test('a peer that is not allowed to say it is closed', async () => {
  const args = ['--proxy-allow-from', '192.0.2.250'];
  using client = await open(...args);
  assert.equal((await client.readUntilClosed()).length, 0);
  const server = await serve(...args);
  await server.waitForOutput(/not from this peer/, { stream: 'stderr' });
});

test('fields are believed by the address in the header: the proxy has passed on what its client wrote', async () => {
  const request = requestBytes('/', { headers: [['X-Forwarded-Proto', 'https']] });
  using stranger = await open();
  await stranger.send(Buffer.concat([block, request]));
  assert.equal((await read(stranger))['wsgi.url_scheme'], 'http');
  using trusted = await open('--forwarded-allow-ips', '192.0.2.0/24');
  await trusted.send(Buffer.concat([block, request]));
  assert.equal((await read(trusted))['wsgi.url_scheme'], 'https');
});
