// Who the client is, as an app sees it: what proxies say in header fields, and whom the server believes. The
// proxies are raw clients that write what a proxy would; those that are not trusted are strangers.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fixture, json, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { connect, type RawResponse } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

after(stopFixtures);

const nobody = ['--forwarded-allow-ips', '192.0.2.250'];

type Fields = readonly (readonly [string, string])[];
type Environ = Readonly<Record<string, unknown>>;

/** Sends a request to the app that shows its environ, run with `args`. */
async function send(
  args: readonly string[],
  target: string,
  headers: Fields,
): Promise<RawResponse> {
  const server = await fixture('environ_shown', ...args);
  using client = await connect(server.port);
  await client.send(requestBytes(target, { headers }));
  return await client.readResponse();
}

async function environ(
  args: readonly string[],
  target: string,
  headers: Fields = [],
): Promise<Environ> {
  const response = await send(args, target, headers);
  assert.equal(response.status, 200, response.text);
  return (json(response) as { environ: Environ }).environ;
}

function pick(from: Environ, ...keys: string[]): unknown[] {
  return keys.map((key) => from[key]);
}

test('a trusted peer says that its client uses https, a stranger does not', async () => {
  for (const field of [
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Protocol', 'ssl'],
    ['X-Forwarded-Ssl', 'on'],
  ] as const) {
    assert.equal((await environ([], '/', [field]))['wsgi.url_scheme'], 'https');
    assert.equal((await environ(nobody, '/', [field]))['wsgi.url_scheme'], 'http');
  }
});

test('a contradiction on the scheme is refused, and the connection is closed', async () => {
  const response = await send([], '/', [
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Ssl', 'off'],
  ]);
  assert.equal(response.status, 400);
  assert.equal(response.header('Connection'), 'close');
  assert.match(response.text, /contradict/);
});

test('a trusted peer says where the app is mounted, a stranger does not', async () => {
  const mount: Fields = [['SCRIPT_NAME', '/my%20app']];
  const keys = ['SCRIPT_NAME', 'PATH_INFO', 'RAW_URI', 'HTTP_SCRIPT_NAME'];
  assert.deepEqual(pick(await environ([], '/my%20app/x', mount), ...keys), [
    ...['/my app', '/x', '/my%20app/x', '/my%20app'],
  ]);
  assert.deepEqual(pick(await environ(nobody, '/my%20app/x', mount), ...keys), [
    ...['', '/my app/x', '/my%20app/x', undefined],
  ]);
  assert.equal((await send([], '/my%20apple', mount)).status, 400);
});

test('the environment variable SCRIPT_NAME mounts the app, and other paths are not there', async () => {
  const args = ['-e', 'SCRIPT_NAME=/app/'];
  assert.deepEqual(pick(await environ(args, '/app/x?y'), 'SCRIPT_NAME', 'PATH_INFO'), [
    '/app',
    '/x',
  ]);
  assert.deepEqual(pick(await environ(args, '/app'), 'SCRIPT_NAME', 'PATH_INFO'), ['/app', '']);
  assert.equal((await send(args, '/apple', [])).status, 404);
});

test('a field with an underscore is dropped, and the first one is named in the log, escaped', async () => {
  await using server = await startServer([
    ...['--chdir', inRepository('fixtures', 'apps'), 'environ_shown:app'],
  ]);
  const headers: Fields = [
    ['X_Auth~', 'forged'],
    ['X-Auth', 'real'],
    ['X_Other', 'forged'],
  ];
  for (let i = 0; i < 2; i++) {
    using client = await connect(server.port);
    await client.send(requestBytes('/', { headers }));
    const shown = (json(await client.readResponse()) as { environ: Environ }).environ;
    assert.deepEqual(
      Object.keys(shown).filter((key) => key.startsWith('HTTP_X')),
      ['HTTP_X_AUTH'],
    );
    assert.equal(shown['HTTP_X_AUTH'], 'real');
  }
  assert.equal(await server.stop(), 0);
  assert.equal(server.stderr().match(/Dropped the header field "X_Auth~"/g)?.length, 1);
  assert.doesNotMatch(server.stderr(), /X_Other/);
  assert.match(server.stderr(), /\[INFO\] Header fields that were dropped \(--header-map\): 4\n/);
});

test('--header-map refuses underscores, or keeps them', async () => {
  const headers: Fields = [
    ['X_Auth', 'a'],
    ['X-Auth', 'b'],
  ];
  assert.equal((await send(['--header-map', 'refuse'], '/', headers)).status, 400);
  const kept = await environ(['--header-map', 'dangerous'], '/', headers);
  assert.equal(kept['HTTP_X_AUTH'], 'a, b');
});

test('a name that a proxy may send has no other spelling', async () => {
  const args = ['--forwarder-headers', 'REMOTE_USER'];
  const shown = await environ(args, '/', [
    ['Remote-User', 'forged'],
    ['REMOTE_USER', 'alice'],
  ]);
  assert.equal(shown['HTTP_REMOTE_USER'], 'alice');
  const stranger = await environ([...args, ...nobody], '/', [
    ['Remote-User', 'forged'],
    ['REMOTE_USER', 'forged'],
  ]);
  assert.equal(stranger['HTTP_REMOTE_USER'], undefined);
});

test('no field becomes HTTP_PROXY, and cookies are one', async () => {
  const shown = await environ([], '/', [
    ['Proxy', 'http://evil.example'],
    ['Cookie', 'a=1'],
    ['Cookie', 'b=2'],
  ]);
  assert.deepEqual(pick(shown, 'HTTP_PROXY', 'HTTP_COOKIE'), [undefined, 'a=1; b=2']);
});

const forwarded: Fields = [
  ['X-Forwarded-For', '198.51.100.66, 192.0.2.7, 10.0.0.9'],
  ['X-Forwarded-Proto', 'https, http'],
  ['X-Forwarded-Host', 'shop.example'],
  ['X-Forwarded-Prefix', '/shop'],
  ['Forwarded', 'for=198.51.100.67'],
];
const client = [
  ...['REMOTE_ADDR', 'REMOTE_PORT', 'wsgi.url_scheme', 'HTTP_HOST'],
  ...['SERVER_NAME', 'SERVER_PORT', 'SCRIPT_NAME', 'PATH_INFO'],
];

test('with hops, environ says what the outermost trusted proxy saw', async () => {
  const shown = await environ(['--forwarded-hops', '2'], '/x', forwarded);
  assert.deepEqual(pick(shown, ...client), [
    ...['192.0.2.7', undefined, 'https', 'shop.example', 'shop.example', '443', '/shop', '/x'],
  ]);
  assert.equal(shown['HTTP_FORWARDED'], undefined);
});

test('with hops, strangers can not say anything', async () => {
  const shown = await environ(['--forwarded-hops', '2', ...nobody], '/x', forwarded);
  const [address, , scheme, host, , , prefix] = pick(shown, ...client);
  assert.deepEqual([address, scheme, host, prefix], ['127.0.0.1', 'http', 'fixture.example', '']);
  assert.deepEqual(
    Object.keys(shown).filter((key) => key.includes('FORWARDED')),
    [],
  );
});

test('fewer addresses than hops are not believed', async () => {
  const shown = await environ(['--forwarded-hops', '2'], '/', [['X-Forwarded-For', '192.0.2.7']]);
  assert.equal(shown['REMOTE_ADDR'], '127.0.0.1');
});

test('Forwarded is read where it is chosen, and the others are not', async () => {
  const args = ['--forwarded-hops', '1', '--forwarded-header', 'forwarded'];
  const shown = await environ(args, '/x', [
    ['Forwarded', 'for="[2001:DB8::7]:4711";proto=https;host="shop.example:8443"'],
    ['X-Forwarded-For', '198.51.100.66'],
  ]);
  assert.deepEqual(pick(shown, ...client), [
    ...['2001:db8::7', '4711', 'https', 'shop.example:8443', 'shop.example', '8443', '', '/x'],
  ]);
  assert.equal(shown['HTTP_X_FORWARDED_FOR'], undefined);
});

test('what a proxy does not set can be left out, and then nobody can say it', async () => {
  const args = ['--forwarded-hops', '2', '--forwarded-fields', 'For,proto'];
  const shown = await environ(args, '/x', forwarded);
  assert.deepEqual(pick(shown, 'REMOTE_ADDR', 'wsgi.url_scheme', 'HTTP_HOST', 'SCRIPT_NAME'), [
    ...['192.0.2.7', 'https', 'fixture.example', ''],
  ]);
  assert.equal(shown['HTTP_X_FORWARDED_HOST'], undefined);
});

test('a trusted proxy that says what can not be is refused', async () => {
  for (const field of [
    ['X-Forwarded-For', 'localhost'],
    ['X-Forwarded-Host', 'user@shop.example'],
    ['X-Forwarded-Prefix', '//evil.example'],
  ] as const) {
    assert.equal((await send(['--forwarded-hops', '1'], '/', [field])).status, 400);
  }
});

test('without hops, forwarded fields are the app’s own business', async () => {
  const shown = await environ([], '/x', forwarded.slice(0, 1));
  assert.equal(shown['REMOTE_ADDR'], '127.0.0.1');
  assert.equal(shown['HTTP_X_FORWARDED_FOR'], '198.51.100.66, 192.0.2.7, 10.0.0.9');
});

test('a peer on a unix socket is trusted, and the access log shows the client', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-trust-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const path = join(folder, 'socket');
  await using server = await startServer([
    ...['--bind', `unix:${path}`, '--forwarded-hops', '1', ...nobody],
    ...['--access-logfile', '-', '--access-logformat', '%(h)s %(r)s'],
    ...['--chdir', inRepository('fixtures', 'apps'), 'environ_shown:app'],
  ]);
  using proxy = await connect(path);
  await proxy.send(
    requestBytes('/x', {
      headers: [
        ['X-Forwarded-For', '192.0.2.7'],
        ['X-Forwarded-Proto', 'https'],
      ],
    }),
  );
  const { environ: shown } = json(await proxy.readResponse()) as { environ: Environ };
  assert.deepEqual(pick(shown, ...client), [
    ...['192.0.2.7', undefined, 'https', 'fixture.example', 'fixture.example', '443', '', '/x'],
  ]);
  await server.waitForOutput(/^192\.0\.2\.7 GET \/x HTTP\/1\.1$/m, { stream: 'stdout' });
});
