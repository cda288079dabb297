// One access line for each request, with a word for how it ended. Those of clients that leave are in
// clients-that-leave.test.ts, those of refused bytes with the tests of HTTP.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestBytes } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer, type ServerProcess } from '../helpers/server-process.ts';

/** Starts a server of a fixture app that writes its access log to standard output. */
function serve(app: string, ...args: string[]): Promise<ServerProcess> {
  const log = ['--access-logfile', '-', '--access-logformat', '%(s)s %(outcome)s %(r)s'];
  return startServer([...log, ...args, '--chdir', inRepository('fixtures', 'apps'), `${app}:app`]);
}

/** Sends a request, reads what comes until the server closes, and gives it back as text. */
async function ask(server: ServerProcess, target: string, close = true): Promise<string> {
  using client = await connect(server.port);
  const headers = close ? ([['Connection', 'close']] as const) : [];
  await client.send(requestBytes(target, { headers }));
  return (await client.readUntilClosed()).toString('latin1');
}

/** Stops the server and shows that it wrote these lines and no other. */
async function assertLines(server: ServerProcess, ...lines: string[]): Promise<void> {
  assert.equal(await server.stop(), 0);
  assert.deepEqual(server.stdout().trimEnd().split('\n'), lines);
}

test('what is answered is ok, whatever the app answered', async () => {
  await using server = await serve('content_length');
  await ask(server, '/exact');
  await ask(server, '/unknown-generator');
  await ask(server, '/exact?404+Not+Found');
  await ask(server, '/unknown-empty?204+No+Content');
  await ask(server, '/unknown-empty?500+Of+Its+Own');
  await assertLines(
    server,
    '200 ok GET /exact HTTP/1.1',
    '200 ok GET /unknown-generator HTTP/1.1',
    '404 ok GET /exact?404+Not+Found HTTP/1.1',
    '204 ok GET /unknown-empty?204+No+Content HTTP/1.1',
    '500 ok GET /unknown-empty?500+Of+Its+Own HTTP/1.1',
  );
});

test('an exception is an app_error, before the head and behind it', async () => {
  await using server = await serve('close_called');
  assert.match(await ask(server, '/fails-first'), /^HTTP\/1\.1 500 /);
  assert.match(await ask(server, '/never-started'), /^HTTP\/1\.1 500 /);
  const cut = await ask(server, '/fails-later', false);
  assert.ok(cut.startsWith('HTTP/1.1 200 ') && !cut.endsWith('0\r\n\r\n'), cut);
  await assertLines(
    server,
    '500 app_error GET /fails-first HTTP/1.1',
    '500 app_error GET /never-started HTTP/1.1',
    '200 app_error GET /fails-later HTTP/1.1',
  );
});

test('a streamed body that is shorter than its Content-Length is an app_error', async () => {
  await using server = await serve('content_length');
  assert.match(await ask(server, '/short', false), /^HTTP\/1\.1 200 [^]*short again$/);
  await ask(server, '/long');
  await assertLines(server, '200 app_error GET /short HTTP/1.1', '200 ok GET /long HTTP/1.1');
});

test('what takes longer than --timeout is a timeout, before the head and behind it', async () => {
  await using server = await serve('timed_out', '--timeout', '1');
  assert.match(await ask(server, '/spin'), /^HTTP\/1\.1 504 /);
  const cut = await ask(server, '/stream', false);
  assert.ok(cut.startsWith('HTTP/1.1 200 ') && !cut.endsWith('0\r\n\r\n'), cut);
  await assertLines(server, '504 timeout GET /spin HTTP/1.1', '200 timeout GET /stream HTTP/1.1');
});

test('what the graceful timeout cuts off is killed, whatever its client was waiting for', async () => {
  await using gate = await openGate();
  await using server = await serve('early_hints', '--graceful-timeout', '1', '--threads', '2');
  using unread = await connect(server.port);
  unread.socket.pause();
  const targets = Array.from({ length: 300 }, (_, index) => `/large?${String(index)}`);
  await unread.send(Buffer.concat(targets.map((target) => requestBytes(target))));
  await server.waitForOutput(/^200 ok GET \/large\?0 /m);
  using unanswered = await connect(server.port);
  await unanswered.send(requestBytes(`/held?${gate.query}`));
  assert.equal(await gate.said(), 'held');
  server.signal('SIGTERM');
  assert.equal((await unanswered.readUntilClosed()).length, 0);
  assert.equal(await server.waitForEnd(), 0);
  const lines = server.stdout().trimEnd().split('\n');
  assert.ok(lines.includes(`502 killed GET /held?${gate.query} HTTP/1.1`));
  const large = lines.filter((line) => line.includes(' /large?'));
  assert.deepEqual(
    large.map((line) => line.split(' ')[3]),
    targets.slice(0, large.length),
  );
  const firstKilled = large.findIndex((line) => / killed /.test(line));
  assert.ok(firstKilled > 0, large.at(-1));
  for (const line of large.slice(0, firstKilled)) assert.match(line, /^200 ok /);
  for (const line of large.slice(firstKilled)) assert.match(line, /^(200|502) killed /);
});
