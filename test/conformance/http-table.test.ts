// Sends every row of fixtures/http to a real worker, whole and in pieces, over TCP, a unix socket and TLS. The
// answers, what becomes of the connection, what the app saw, and the lines in both logs have to be those of the
// row, however its bytes were cut.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { makeCertificate } from '../helpers/certificates.ts';
import { fixture, stopFixtures } from '../helpers/fixture-server.ts';
import { bytesOf, readHttpTable, type TableRow } from '../helpers/http-table.ts';
import { connect, connectTls, type RawClient, type RawResponse } from '../helpers/raw-client.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-http-'));
after(stopFixtures);
after(() => {
  rmSync(folder, { recursive: true });
});

const certificate = makeCertificate();

/** A way to a worker. */
interface Transport {
  readonly args: readonly string[];
  readonly open: (server: ServerProcess) => Promise<RawClient>;
}

const transports: Readonly<Record<string, Transport>> = {
  TCP: { args: [], open: ({ port }) => connect(port) },
  'a unix socket': {
    args: ['--bind', 'unix:'],
    open: ({ urls }) => connect((urls[0] ?? '').slice('unix:'.length)),
  },
  TLS: {
    args: ['--certfile', certificate.cert, '--keyfile', certificate.key],
    open: ({ port }) => connectTls(port),
  },
};

const format = ['--access-logfile=-', '--access-logformat=%(s)s %(outcome)s %(r)s'];
const probe = 'GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n';

/** Longer inputs are cut at random places only: a packet a byte would take too long. */
const byteByByteAtMost = 400;

/** Ways to cut `text`; the seed of the random one is in the name of the failure. */
function cuts(row: TableRow, seed: number): Readonly<Record<string, readonly string[]>> {
  const text = bytesOf(row);
  if (row.once === true) return { whole: [text] };
  const random = generator(seed);
  const places = Array.from({ length: 6 }, () => Math.floor(random() * text.length)).sort(
    (a, b) => a - b,
  );
  return {
    whole: [text],
    'line by line': text.split(/(?<=\n)/),
    ...(text.length <= byteByByteAtMost ? { 'byte by byte': text.match(/[^]/g) ?? [] } : {}),
    [`at random, seed ${seed}`]: [0, ...places].map((from, index) =>
      text.slice(from, places[index]),
    ),
  };
}

/** A linear congruential generator: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const seed = Math.floor(Math.random() * 2 ** 31);
const linesOf = (output: string): string[] =>
  output.split('\n').filter((line) => /^\d{3} /.test(line));

for (const [name, transport] of Object.entries(transports)) {
  for (const { title, rows } of readHttpTable()) {
    describe(`${title}, over ${name}`, () => {
      for (const row of rows) {
        if (row.plain === true && name === 'TLS') continue;
        test(`${row.input}: ${row.answers.join(', ')}, ${row.after}`, async () => {
          const server = await fixture('request_seen', ...format, ...argsFor(transport, row));
          for (const [cut, pieces] of Object.entries(cuts(row, seed))) {
            const said = server.stderr();
            const lines = linesOf(server.stdout()).length;
            using client = await transport.open(server);
            try {
              await exchange(client, row, pieces);
            } catch (error) {
              throw new Error(`cut: ${cut}; ${String(error)}`, { cause: error });
            }
            await assertLogs(server, row, said, lines, cut);
          }
        });
      }
    });
  }
}

/** Servers of different options have sockets of different names. */
function argsFor({ args }: Transport, row: TableRow): string[] {
  const own = row.args ?? [];
  const name = join(folder, `${own.join('').replace(/\W/g, '')}.sock`);
  return [...args.map((arg) => (arg === 'unix:' ? `unix:${name}` : arg)), ...own];
}

async function exchange(
  client: RawClient,
  row: TableRow,
  pieces: readonly string[],
): Promise<void> {
  // What is refused early may be answered by a reset of what is still sent.
  for (const piece of pieces) await client.send(piece).catch(() => undefined);
  if (row.fin === true) client.socket.end();
  const method = /^(?:\r\n)*(\w+)/.exec(bytesOf(row))?.[1];
  const responses: RawResponse[] = [];
  while (responses.length < row.answers.length) responses.push(await client.readResponse(method));
  assert.deepEqual(
    responses.map(({ status }) => status),
    row.answers,
  );
  const last = responses.at(-1);
  if (row.saw !== undefined) {
    const seen = JSON.parse(last?.text ?? '') as Record<string, unknown>;
    for (const [key, value] of Object.entries(row.saw)) assert.equal(seen[key] ?? null, value, key);
  }
  if (row.after === 'open') {
    await client.send(probe);
    assert.equal((await client.readResponse()).status, 200, 'the connection is open');
  } else {
    if ((last?.status ?? 0) >= 400) assert.equal(last?.header('connection'), 'close');
    assert.equal((await client.readUntilClosed()).toString('latin1'), '');
  }
}

async function assertLogs(
  server: ServerProcess,
  row: TableRow,
  said: string,
  before: number,
  cut: string,
): Promise<void> {
  const wanted = row.access ?? row.answers.filter((status) => status >= 200).length;
  const count = before + wanted + (row.after === 'open' ? 1 : 0);
  if (count > before) await server.waitForOutput(/^\d{3} .*$/gm, { stream: 'stdout', count });
  const lines = linesOf(server.stdout()).slice(before, before + wanted);
  assert.equal(linesOf(server.stdout()).length, count, `one access line a request; cut: ${cut}`);
  const statuses = row.answers.filter((status) => status >= 200).slice(0, wanted);
  assert.deepEqual(
    lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
    statuses.map((status) => `${status} ${outcomeOf(row, status)}`),
    cut,
  );
  if (row.log === undefined) return;
  const reason = new RegExp(row.log.replace(/[^\w\s]/g, String.raw`\$&`), 'g');
  const times = [...said.matchAll(reason)].length + 1;
  await server.waitForOutput(reason, { stream: 'stderr', count: times });
  const text = server.stderr().slice(said.length);
  assert.match(
    text,
    /\[WARNING\] (Invalid request from ip=(127\.0\.0\.1|-): |.* from (127\.0\.0\.1|unix socket): )/,
  );
  assert.doesNotMatch(text, /[^\x20-\x7e\n]/, 'nothing of a client reaches the log unescaped');
}

function outcomeOf(row: TableRow, status: number): string {
  if (status < 400) return 'ok';
  return row.access_outcome ?? 'rejected';
}

test('the app was called once for each request that was answered by it', async () => {
  const server = await fixture('request_seen', ...format);
  const answered = linesOf(server.stdout()).filter((line) => line.startsWith('200 ok')).length;
  using client = await connect(server.port);
  await client.send('GET /calls HTTP/1.1\r\nHost: x\r\n\r\n');
  const { calls } = JSON.parse((await client.readResponse()).text) as { calls: number };
  assert.equal(calls, answered);
});
