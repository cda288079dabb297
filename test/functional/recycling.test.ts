// Workers that are replaced by their memory and by their age, under requests none of which may be lost.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NamedRequests } from '../helpers/named-requests.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-recycling-'));
after(() => {
  rmSync(folder, { recursive: true });
});

/** Keeps a mebibyte for each request. */
const grows = `kept = []
def app(environ, start_response):
    kept.append(bytearray(b"x") * (1024 * 1024))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`;

/** Four clients that ask without a pause while `action` runs. */
async function assertNothingLost(port: number, action: () => Promise<unknown>): Promise<void> {
  const requests = new NamedRequests(port);
  const ended = Promise.all(Array.from({ length: 4 }, () => requests.run()));
  try {
    await action();
  } finally {
    requests.stop();
    await ended;
  }
  const { answered, failed, refused } = requests;
  assert.deepEqual({ failed, refused }, { failed: [], refused: 0 });
  assert.ok(answered.length > 0);
}

test('a worker whose app grows is replaced, and no request is lost', async () => {
  writeFileSync(join(folder, 'grows.py'), grows);
  // Nobody is replaced for its memory within its first minute: these are a minute older than they are.
  const older =
    'const now = performance.now.bind(performance); performance.now = () => now() + 60_000;';
  const nodeOptions = ['--import', `data:text/javascript,${encodeURIComponent(older)}`];
  const args = ['--max-worker-memory', '300M', '--chdir', folder, 'grows:app'];
  await using server = await startServer(args, { nodeOptions });
  await assertNothingLost(server.port, async () => {
    await server.waitForOutput(
      /Replacing worker \(pid:\d+\): it holds (\d+) MiB \(--max-worker-memory\)/,
    );
    await server.waitForReadyWorkers(2);
    await server.waitForOutput(/Worker exiting/);
  });
  const [, held] = /it holds (\d+) MiB/.exec(server.stderr()) ?? [];
  assert.ok(Number(held) >= 300, held);
});

test('a worker that has lived long enough is replaced, the next one first, and no request is lost', async () => {
  const apps = ['--chdir', inRepository('fixtures', 'apps'), 'does_nothing:app'];
  await using server = await startServer(['-w', '2', '--max-worker-lifetime', '2', ...apps]);
  await assertNothingLost(server.port, async () => {
    await server.waitForOutput(
      /Replacing worker \(pid:\d+\): it has lived for \d+ s \(--max-worker-lifetime\)/,
      { count: 2 },
    );
    await server.waitForOutput(/Worker exiting/, { count: 2 });
  });
  const [before = ''] = server.stderr().split('Worker exiting');
  assert.ok(before.split('Worker ready').length - 1 >= 3, before);
});
