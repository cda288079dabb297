// Two users of OpenSSL in one process: Node, which serves HTTPS, and Python code that asks other servers over TLS
// (requests), visits a database (psycopg2, which brings an OpenSSL of its own) and signs (cryptography, which brings
// another). Once in a Node program with createHandler, where Node answers what Python asks in the same process, and
// once under the real command, where the app asks the server that it lives in. A Node that was not built with
// --shared-openssl exports OpenSSL's functions: then Python's ssl and libpq call those, whatever they were linked to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, get } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { makeTrustedCertificate } from '../helpers/certificates.ts';
import { startPostgres } from '../helpers/postgres.ts';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository, repositoryRoot } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';
import type { Listening, Seen } from './tls-in-both-program.ts';

/** What fixtures/apps/tls_client.py answers. */
interface Asked {
  readonly good: number;
  readonly errors: readonly string[];
  readonly others: readonly unknown[];
  readonly ssl: string;
  readonly cryptography: string;
}

const certificate = makeTrustedCertificate();
const stranger = makeTrustedCertificate();
const postgres = await startPostgres(certificate);
after(() => {
  postgres.close();
});

/** Each request from outside lets Python make so many: on one connection, and each on a new one. */
const each = { kept: 16, fresh: 4 };
const visits = 50;
const requests = visits * (each.kept + each.fresh);
const handshakes = visits * (1 + each.fresh);

/** Asks the app on `port`, over HTTPS, to ask what is on `other`, so many times and so many at a time. */
async function ask(
  port: number,
  other: number,
  { times = visits, atATime = 1, ca = certificate.cert } = {},
): Promise<Asked[]> {
  const agent = new Agent({
    ca: readFileSync(certificate.cert),
    maxSockets: atATime,
    keepAlive: true,
  });
  const query = new URLSearchParams({
    url: `https://127.0.0.1:${other}`,
    ca,
    kept: String(each.kept),
    fresh: String(each.fresh),
    database: String(postgres.port),
  });
  const one = async (): Promise<Asked> => {
    const url = `https://127.0.0.1:${port}/ask?${query.toString()}`;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { agent }, resolve).on('error', reject);
    });
    const body = await text(response);
    assert.equal(response.statusCode, 200, body);
    return JSON.parse(body) as Asked;
  };
  try {
    return await Promise.all(Array.from({ length: times }, one));
  } finally {
    agent.destroy();
  }
}

/** Every request of so many visits was answered 200 with the right body, and the others had their TLS, too. */
function assertGood(answers: readonly Asked[], times = visits): void {
  assert.deepEqual(
    answers.flatMap(({ errors }) => errors),
    [],
  );
  assert.equal(
    answers.reduce((sum, { good }) => sum + good, 0),
    times * (each.kept + each.fresh),
  );
  for (const { others, ssl, cryptography } of answers) {
    const [database, issuer] = others as [Record<string, unknown>, string];
    assert.deepEqual([database['library'], database['protocol']], ['OpenSSL', 'TLSv1.3']);
    assert.equal(issuer, 'CN=localhost');
    for (const version of [ssl, cryptography]) assert.match(version, /^OpenSSL \d/);
  }
}

function startProgram(): SpawnedProcess {
  return new SpawnedProcess(
    process.execPath,
    [
      inRepository('dist', 'test', 'functional', 'tls-in-both-program.js'),
      ...[certificate.cert, certificate.key, testPythonEnvironment().python],
    ],
    { cwd: repositoryRoot, env: activatedEnvironment() },
  );
}

async function listens(program: SpawnedProcess): Promise<Listening> {
  const [line] = await program.waitForOutput(/^\{.*\}$/m, { stream: 'stdout' });
  return JSON.parse(line) as Listening;
}

describe('TLS in Node and in Python, in one process,', () => {
  test('works a thousand times where a Node program serves the app and what the app asks', async () => {
    await using program = startProgram();
    const listening = await listens(program);
    assertGood(await ask(listening.app, listening.own, { atATime: 8 }));
    assert.equal(await program.stop(), 0);
    const seen = JSON.parse(program.stdout().trim().split('\n').at(-1) ?? '') as Seen;
    assert.deepEqual(seen, { requests, handshakes });
    assert.equal(program.stderr(), '');
  });

  test('works a thousand times where the app asks the server that it is served by', async () => {
    const args = ['--certfile', certificate.cert, '--keyfile', certificate.key, '--threads', '8'];
    const folder = inRepository('fixtures', 'apps');
    await using server = await startServer([...args, '--chdir', folder, 'tls_client:app']);
    assertGood(await ask(server.port, server.port, { atATime: 4 }));
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.stderr(), /Traceback|\[(?:WARNING|ERROR|CRITICAL)\]/);
    assert.equal(server.stderr().match(/Booting worker/g)?.length, 1);
  });

  test('tells the app of a server that it should not trust, and goes on', async () => {
    await using program = startProgram();
    const listening = await listens(program);
    const [refused] = await ask(listening.app, listening.own, { times: 1, ca: stranger.cert });
    assert.equal(refused?.good, 0);
    assert.equal(refused.errors.length, each.kept + each.fresh + 1);
    for (const error of refused.errors) assert.match(error, /certificate verify failed/);
    assertGood(await ask(listening.app, listening.own, { times: 1 }), 1);
    assert.equal(await program.stop(), 0);
  });
});
