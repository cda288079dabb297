import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger } from '../../../src/log/logger.ts';
import { throughWinston } from '../../../src/log/winston.ts';
import { WsgiTsError } from '../../../src/errors.ts';

const logger = new URL('../../../src/log/logger.js', import.meta.url).href;
const line = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[3006\] \[([A-Z]+)\] (.*)$/;

function file(): string {
  return join(mkdtempSync(join(tmpdir(), 'wsgi-ts-log-')), 'error.log');
}

void test('a line has the form of gunicorn, with the level in capitals', () => {
  const path = file();
  const log = createLogger({ level: 'debug', file: path, pid: 3006 });
  log.debug('a');
  log.info('b');
  log.warning('c');
  log.error('d');
  log.critical('e');
  log.close();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((text) => line.exec(text)?.slice(1)),
    [
      ['DEBUG', 'a'],
      ['INFO', 'b'],
      ['WARNING', 'c'],
      ['ERROR', 'd'],
      ['CRITICAL', 'e'],
    ],
  );
});

void test('winston writes the same lines, of all levels and several lines long', () => {
  const now = (): Date => new Date(2019, 11, 4, 15, 58, 37);
  const [plain = '', byWinston = ''] = [undefined, throughWinston].map((carrier) => {
    const path = file();
    const log = createLogger({ level: 'info', file: path, pid: 3006, now });
    log.debug('not this one');
    log.info('a\nb\u001b[31m');
    if (carrier !== undefined) log.carryBy(carrier);
    log.info('c\nd\u001b[31m');
    log.critical('%s %d {}');
    log.log('debug', 'as it is', 'line');
    log.close();
    log.error('too late');
    return readFileSync(path, 'utf8');
  });
  assert.equal(plain.split('\n').length, 7);
  assert.equal(byWinston, plain);
});

void test('the time is local time with its offset, formatted anew each second', () => {
  const path = file();
  let now = new Date(2019, 11, 4, 15, 58, 37);
  const log = createLogger({ level: 'info', file: path, pid: 1, now: () => now });
  log.info('a');
  now = new Date(now.getTime() + 1000);
  log.info('b');
  log.close();
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.match(lines[0] ?? '', /^\[2019-12-04 15:58:37 [+-]\d{4}\] \[1\] \[INFO\] a$/);
  assert.match(lines[1] ?? '', /^\[2019-12-04 15:58:38 [+-]\d{4}\] \[1\] \[INFO\] b$/);
});

void test('what is less grave than the level is neither enabled nor written', () => {
  const path = file();
  const log = createLogger({ level: 'warning', file: path });
  log.info('no');
  log.warning('yes');
  assert.equal(log.isEnabled('info'), false);
  assert.equal(log.isEnabled('warning'), true);
  assert.equal(log.isEnabled('critical'), true);
  log.close();
  assert.match(readFileSync(path, 'utf8'), /^\[.*\] yes\n$/);
});

void test('only the first line of an entry gets the prefix, and control characters are escaped', () => {
  const path = file();
  const log = createLogger({ level: 'info', file: path, pid: 3006 });
  log.error('first\r\n\tsecond \u001b[2J \u009b1m \rthird \u202e');
  log.close();
  const [first, second] = readFileSync(path, 'utf8').split('\n');
  assert.equal(line.exec(first ?? '')?.[2], 'first');
  assert.equal(second, '\tsecond \\x1b[2J \\x9b1m \\x0dthird \\u202e');
});

void test('entries arrive in order, once each, whether flushed at once or drained', async () => {
  const path = file();
  const log = createLogger({ level: 'info', file: path, pid: 1 });
  for (let i = 0; i < 1000; i += 1) log.info(`${i}`);
  log.flushSync();
  for (let i = 1000; i < 2000; i += 1) log.info(`${i}`);
  await log.drain();
  const numbers = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((text) => Number(text.split(' ').at(-1)));
  assert.deepEqual(
    numbers,
    Array.from({ length: 2000 }, (_, i) => i),
  );
  log.close();
});

void test('reopen goes on in a new file after a rotation', () => {
  const path = file();
  const log = createLogger({ level: 'info', file: path });
  log.info('old');
  renameSync(path, `${path}.1`);
  log.reopen();
  log.info('new');
  log.close();
  assert.match(readFileSync(`${path}.1`, 'utf8'), /^\[.*\] old\n$/);
  assert.match(readFileSync(path, 'utf8'), /^\[.*\] new\n$/);
});

void test('a file that cannot be opened is an operator error which names the setting', () => {
  assert.throws(
    () => createLogger({ level: 'info', file: '/nonexistent/error.log' }),
    (error: unknown) =>
      error instanceof WsgiTsError &&
      error.code === 'ERR_WSGI_LOG_FILE' &&
      error.blame === 'operator' &&
      error.exitCode === 1 &&
      error.message.includes('--error-logfile') &&
      error.message.includes('/nonexistent/error.log'),
  );
});

/** Runs `code` (which has `createLogger`) in a Node of its own; standard error is a pipe. */
function run(code: string) {
  const script = `import { createLogger } from ${JSON.stringify(logger)};\n${code}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

void test('standard error gets every entry although the process exits at once', () => {
  const result = run(`
    const log = createLogger({ level: 'info', file: '-' });
    for (let i = 0; i < 5000; i += 1) log.info('x'.repeat(50) + i);
    log.flushSync();
    process.exit(3);`);
  assert.equal(result.status, 3);
  const lines = result.stderr.trimEnd().split('\n');
  assert.equal(lines.length, 5000);
  assert.ok(lines[4999]?.endsWith('x4999'));
});

void test('a reader that is gone ends neither the process nor its exit', () => {
  const result = spawnSync(
    'sh',
    [
      '-c',
      'exec 3>&1; { "$0" --input-type=module -e "$1" 2>&1; echo $? >&3; } | true',
      process.execPath,
      `import { createLogger } from ${JSON.stringify(logger)};
       const log = createLogger({ level: 'info', file: '-' });
       for (let i = 0; i < 50; i += 1) {
         log.info('x'.repeat(10000));
         await log.drain();
       }
       log.info('last');
       log.flushSync();
       process.exit(7);`,
    ],
    { encoding: 'utf8', timeout: 20_000 },
  );
  assert.equal(result.stdout.trim(), '7');
});
