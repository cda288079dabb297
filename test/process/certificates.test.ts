// The files of TLS: those that are no use are one line before anything starts, and new ones are taken at HUP.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { connect as connectSession } from 'node:http2';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  certificateFile,
  certificateFolder,
  makeCertificate,
  openssl,
  type Certificate,
} from '../helpers/certificates.ts';
import { openGate } from '../helpers/gate.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { runCli, startServer } from '../helpers/server-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const server = makeCertificate();
const stranger = makeCertificate('/CN=stranger');

function options({ cert, key }: Certificate): string[] {
  return ['--certfile', cert, '--keyfile', key];
}

async function secure(port: number): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}

async function get(port: number): Promise<string> {
  using client = new RawClient(await secure(port));
  await client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  return (await client.readResponse()).text;
}

describe('files of TLS that are no use', () => {
  const text = certificateFile('text.pem', 'no certificate\n');
  const encrypted = join(certificateFolder, 'encrypted.key');
  openssl('pkey', '-in', server.key, '-aes128', '-passout', 'pass:secret', '-out', encrypted);
  const cert = ['--certfile', server.cert];
  const cases: Readonly<Record<string, [args: string[], line: RegExp]>> = {
    'that are not there': [
      ['--certfile', '/nowhere.pem'],
      /--certfile \/nowhere\.pem: there is no/,
    ],
    'that are folders': [
      [...cert, '--keyfile', '/tmp'],
      /--keyfile \/tmp: it can't be read \(EISDIR/,
    ],
    'without a certificate': [
      ['--certfile', text],
      /text\.pem: it holds no certificate in PEM form/,
    ],
    'without a key': [
      cert,
      /\.pem holds no private key in PEM form\nName the key with --keyfile\./,
    ],
    'with a key that is none': [[...cert, '--keyfile', text], /text\.pem holds no private key/],
    'with the key of another one': [
      [...cert, '--keyfile', stranger.key],
      /\.key is not that of the certificate in /,
    ],
    'with an encrypted key': [
      [...cert, '--keyfile', encrypted],
      /encrypted\.key is encrypted, .*\nDecrypt it: openssl pkey -in /,
    ],
    'with authorities that are none': [
      [...options(server), '--ca-certs', text],
      /--ca-certs .*text\.pem: it holds no certificate/,
    ],
    'and ciphers that nobody knows': [
      [...options(server), '--ciphers', 'NONSENSE'],
      /--ciphers NONSENSE: OpenSSL knows none of these/,
    ],
  };
  for (const [what, [args, line]] of Object.entries(cases)) {
    test(`${what} are one error before a worker starts, and for --check-config`, async () => {
      const bind = ['--bind', '127.0.0.1:0'];
      for (const more of [[], ['--check-config']]) {
        const { end, stderr } = await runCli([...bind, ...apps, ...args, ...more, 'sleeping:app']);
        assert.equal(end, 1);
        assert.match(stderr, line);
        assert.doesNotMatch(stderr, /Booting worker|Traceback|at .*\.js:\d/);
      }
    });
  }

  test('but the key may be in the certificate’s file', async () => {
    const both = certificateFile(
      'both.pem',
      readFileSync(server.cert, 'utf8') + readFileSync(server.key, 'utf8'),
    );
    await using one = await startServer(['--certfile', both, ...apps, 'sleeping:app']);
    assert.equal(await get(one.port), 'awake\n');
  });
});

describe('at HUP', () => {
  test('new connections get the new certificate, and what is under way goes on', async () => {
    const live = makeCertificate('/CN=before');
    const next = makeCertificate('/CN=after');
    const args = [...options(live), '-w', '2', '--threads', '2', ...apps];
    await using one = await startServer([...args, 'sleeping:app']);
    await using gate = await openGate();
    const kept = await secure(one.port);
    using h1 = new RawClient(kept);
    await h1.send(`GET /sleep?${gate.query} HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.equal(await gate.said(), 'asleep');
    const session = connectSession(`https://localhost:${one.port}`, { rejectUnauthorized: false });
    assert.equal((await buffer(session.request())).toString(), 'awake\n');
    copyFileSync(next.cert, live.cert);
    copyFileSync(next.key, live.key);
    one.signal('SIGHUP');
    // The old workers go one by one; the one that has the request under way, when that is over.
    await one.waitForReadyWorkers(4);
    const names = async (): Promise<string> => {
      const socket = await secure(one.port);
      const name = socket.getPeerCertificate().subject.CN;
      socket.destroy();
      return String(name);
    };
    await one.waitForOutput(/Worker exiting/);
    // The one that has the request was told to stop as well, and may just not have heard it.
    for (let inRow = 0; inRow < 8;) inRow = (await names()) === 'after' ? inRow + 1 : 0;
    gate.letGo();
    const last = await h1.readResponse();
    assert.equal(last.text, 'slept\n');
    assert.deepEqual(
      last.headers.filter(([name]) => /^connection$/i.test(name)),
      [['Connection', 'close']],
    );
    assert.equal(kept.getPeerCertificate().subject.CN, 'before');
    await one.waitForOutput(/Worker exiting/, { count: 2 });
    assert.ok(session.closed, 'an idle session was told to go');
  });

  test('files that are no use change nothing, and are named', async () => {
    const live = makeCertificate('/CN=stays');
    await using one = await startServer([...options(live), ...apps, 'sleeping:app']);
    copyFileSync(stranger.key, live.key);
    one.signal('SIGHUP');
    await one.waitForOutput(/\[ERROR\] The reload failed: .*the key in /);
    const socket = await secure(one.port);
    assert.equal(socket.getPeerCertificate().subject.CN, 'stays');
    socket.destroy();
  });
});
