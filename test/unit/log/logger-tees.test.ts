// What a logger does for those who get its entries too (Python's logging, metrics).

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogEntry } from '../../../src/log/line-format.ts';
import { createLogger, type EntryTee } from '../../../src/log/logger.ts';

function file(): string {
  return join(mkdtempSync(join(tmpdir(), 'wsgi-ts-tees-')), 'error.log');
}

function tee(ours: boolean): EntryTee & { readonly got: string[] } {
  const got: string[] = [];
  return {
    got,
    entry: ({ level, message }, judged) => {
      got.push(`${level} ${message} ${judged}`);
      return ours;
    },
  };
}

void test('every tee gets what is enabled; one of them can keep it from the file', () => {
  const path = file();
  const [first, second] = [tee(false), tee(true)];
  const log = createLogger({ level: 'info', file: path, tees: [first, second] });
  log.info('a');
  log.debug('b');
  log.close();
  assert.deepEqual(first.got, ['info a false']);
  assert.deepEqual(second.got, ['info a false']);
  assert.equal(readFileSync(path, 'utf8'), '');
});

void test("what Python has judged is written whatever its level is; its own records don't go back to it", () => {
  const path = file();
  const python = tee(true);
  const log = createLogger({ level: 'error', file: path, tees: [python], pid: 5 });
  log.log('debug', 'of wsgi.errors', 'errors');
  log.log('debug', 'a record', 'record');
  log.log('debug', '{"whole": "line"}', 'line');
  log.log('debug', "the server's");
  log.close();
  assert.deepEqual(python.got, ['debug of wsgi.errors true']);
  assert.deepEqual(
    readFileSync(path, 'utf8').replaceAll(/^\[.*?\] /gm, ''),
    '[5] [DEBUG] of wsgi.errors\n[5] [DEBUG] a record\n{"whole": "line"}\n',
  );
});

void test('what a tee held and gives back is written, with its own time, also at the very end', () => {
  const path = file();
  const held: LogEntry[] = [];
  let write: (entry: LogEntry) => void = () => undefined;
  const holder: EntryTee = {
    attach: (writer) => {
      write = writer;
    },
    entry: (entry) => {
      held.push(entry);
      return false;
    },
    giveBack: () => {
      for (const entry of held.splice(0)) write(entry);
    },
  };
  let now = new Date(2019, 11, 4, 15, 58, 37);
  const log = createLogger({ level: 'info', file: path, tees: [holder], now: () => now });
  log.info('held');
  now = new Date(2020, 0, 1);
  log.close();
  assert.match(readFileSync(path, 'utf8'), /^\[2019-12-04 15:58:37 [+-]\d{4}\] .* held\n$/);
});

void test('a tee changes the level that counts', () => {
  const path = file();
  const holder: EntryTee = {
    attach: (_write, limit) => {
      limit('debug');
    },
    entry: () => true,
  };
  const log = createLogger({ level: 'error', file: path, tees: [holder] });
  assert.equal(log.isEnabled('debug'), true);
  log.debug('shown');
  log.close();
  assert.match(readFileSync(path, 'utf8'), /\[DEBUG\] shown\n$/);
});
