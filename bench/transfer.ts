// A large upload and large downloads, by wsgi.file_wrapper and by a generator: whether every byte arrives, how
// fast, and by how much the worker's memory grows meanwhile. `npm run bench:transfer`; exit code 1 where a
// digest differs or the memory grows by 64 MiB or more.
// Option: --bytes N (1 GiB).

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';
import { start, wsgiTs } from './measuring/contender.ts';
import type { Contender } from './measuring/contender.ts';
import { mebibytes, peak, resetPeak, resident } from './measuring/process-memory.ts';

const { values } = parseArgs({ options: { bytes: { type: 'string', default: String(2 ** 30) } } });
const length = Number(values.bytes);
const limit = 64 * 1024 * 1024;
const blockSize = 65_536;

/** The bytes that fixtures/apps/downloads.py sends: block by block, each full of its own number. */
function* blocks(): Generator<Buffer> {
  for (let start = 0; start < length; start += blockSize) {
    yield Buffer.alloc(Math.min(blockSize, length - start), (start / blockSize) % 251);
  }
}

async function download(url: string): Promise<string> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  const hash = createHash('sha256');
  for await (const chunk of response) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function upload(url: string): Promise<string> {
  const headers = { 'Content-Length': length };
  const sent = request(url, { method: 'POST', headers });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  for (const block of blocks()) if (!sent.write(block)) await once(sent, 'drain');
  sent.end();
  const [response] = await answered;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return (JSON.parse(text) as { sha256: string }).sha256;
}

const hash = createHash('sha256');
for (const block of blocks()) hash.update(block);
const expected = hash.digest('hex');

/** Runs one transfer and prints what it cost. */
async function measure(name: string, server: Contender, run: () => Promise<string>): Promise<void> {
  resetPeak(server.worker);
  const before = resident(server.worker);
  const startedAt = performance.now();
  const digest = await run();
  const elapsed = (performance.now() - startedAt) / 1000;
  const grown = peak(server.worker) - before;
  const passed = digest === expected && grown < limit;
  if (!passed) process.exitCode = 1;
  const facts = [
    passed ? 'pass' : 'FAIL',
    name.padEnd(30),
    `SHA-256 ${digest === expected ? 'equal' : 'DIFFERS'}`,
    `memory +${mebibytes(grown)}`,
    `${(length / 1024 / 1024 / elapsed).toFixed(0)} MiB/s`,
  ];
  process.stdout.write(`${facts.join('  ')}\n`);
}

process.stdout.write(`${new Date().toISOString()}, ${mebibytes(length)} each\n`);
const uploads = await start(wsgiTs('uploads', 'apps', 'uploads:app'));
const downloads = await start(wsgiTs('downloads', 'apps', 'downloads:app'));
try {
  await measure('upload', uploads, () => upload(uploads.url));
  for (const path of ['file', 'generator', 'generator-with-length', 'write']) {
    const url = `${downloads.url}/${path}?${String(length)}`;
    await measure(`download by ${path}`, downloads, () => download(url));
  }
} finally {
  await Promise.all([uploads.stop(), downloads.stop()]);
}
