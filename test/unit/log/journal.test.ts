// What a dead worker's journal tells, whatever the writer was at.

import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { JournalWriter, readJournal } from '../../../src/log/journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-journal-'));
after(() => {
  rmSync(folder, { recursive: true });
});

let fd = -1;
let journal: JournalWriter;
let held: (() => void)[] = [];
let lines: 'written' | 'held' = 'written';
beforeEach((context) => {
  if (fd >= 0) closeSync(fd);
  fd = openSync(join(folder, encodeURIComponent(context.name)), 'w+');
  held = [];
  lines = 'written';
  journal = new JournalWriter(fd, (written) => {
    if (lines === 'written') written();
    else held.push(written);
  });
});

const entry = (target: string, ...requestHeaders: string[]) => ({
  startedAt: 1_700_000_000_123,
  remoteAddress: '10.0.0.1',
  method: 'GET',
  target,
  protocol: 'HTTP/1.1',
  requestHeaders,
});
const running = () => readJournal(fd).running.map(({ target }) => target);

test('a request that has begun is there with all its facts, until it has ended', async () => {
  const first = entry('/a?b=\xff', 'host', 'x', 'user-agent', 'caf\xe9');
  const ticket = journal.begin(first);
  await turn();
  assert.deepEqual(readJournal(fd).running, [first]);
  journal.end(ticket);
  await turn();
  assert.deepEqual(running(), []);
  assert.deepEqual(readJournal(fd).recent, [first]);
});

test('an empty one tells nothing', () => {
  assert.deepEqual(readJournal(fd), { running: [], recent: [], count: 0 });
});

test('one that begins and ends within a turn is over', async () => {
  journal.end(journal.begin(entry('/a')));
  await turn();
  assert.deepEqual(running(), []);
});

test('one is not over before its access line is written', async () => {
  lines = 'held';
  journal.end(journal.begin(entry('/a')));
  await turn();
  assert.deepEqual(running(), ['/a']);
  for (const written of held) written();
  assert.deepEqual(running(), []);
});

test('those that stay open outlive any number of others, in their order, in a small file', async () => {
  const long = 'x'.repeat(2000);
  journal.begin(entry('/first'));
  for (let round = 0; round < 200; round++) {
    const tickets = Array.from({ length: 10 }, () => journal.begin(entry(`/${long}`)));
    await turn();
    for (const ticket of tickets) journal.end(ticket);
    await turn();
  }
  journal.begin(entry('/last'));
  await turn();
  assert.deepEqual(running(), ['/first', '/last']);
  assert.ok(fstatSync(fd).blocks * 512 < 2 * 1024 * 1024, 'old volumes are overwritten');
});

test('many open at once do not fit in the usual size, and are all there', async () => {
  const targets = Array.from({ length: 3000 }, (_, index) => `/${index}/${'y'.repeat(300)}`);
  for (const target of targets) journal.begin(entry(target));
  await turn();
  assert.deepEqual(running(), targets);
  for (let round = 0; round < 5; round++) {
    for (let index = 0; index < 500; index++) journal.end(journal.begin(entry('/short')));
    await turn();
  }
  assert.deepEqual(running(), targets);
});

test('a record that was not written whole, and what is left of older ones, is passed over', async () => {
  journal.begin(entry('/a'));
  await turn();
  const torn = Buffer.alloc(12);
  torn.writeUInt32LE(500, 0);
  torn.writeUInt32LE(1, 4);
  writeSync(fd, torn, 0, 12, fstatSync(fd).size);
  assert.deepEqual(running(), ['/a']);
});

test('only the last ten are recent', async () => {
  for (let index = 0; index < 15; index++) journal.end(journal.begin(entry(`/${index}`)));
  journal.begin(entry('/open'));
  await turn();
  assert.equal(readJournal(fd).recent.length, 10);
  assert.equal(readJournal(fd).count, 16);
  assert.equal(readJournal(fd).recent.at(-1)?.target, '/open');
});

test('what older volumes have left is never taken for a record', async () => {
  const lengths = [40, 41, 43, 47, 53];
  for (let round = 0; round < 3000; round++) {
    journal.end(journal.begin(entry(`/${'u'.repeat(lengths[round % lengths.length] ?? 0)}`)));
    if (round % 10 === 0) await turn();
  }
  await turn();
  const contents = readJournal(fd);
  assert.deepEqual([contents.running, contents.count], [[], 3000]);
});
