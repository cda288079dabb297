// A disk that is full, or for a program the same: a limit to its files. Answers that can't be kept for their clients
// wait, uploads are refused, and the worker lives.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { after, describe, test } from 'node:test';
import { fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';
import type { ServerProcess } from '../helpers/server-process.ts';
import {
  askWithoutReading,
  digest,
  digestOf,
  noFileIsLeft,
  onUnixSocket,
  spoolFiles,
  turn,
} from '../helpers/slow-reader.ts';

after(stopFixtures);

/** Lets files of the worker grow to so many bytes: beyond that, writing fails with EFBIG. */
function limitFiles(server: ServerProcess, bytes: number | 'unlimited'): void {
  const [worker = 0] = server.workerPids();
  execFileSync('prlimit', ['--pid', String(worker), `--fsize=${String(bytes)}:`]);
}

describe('a full disk', () => {
  test('makes the app wait for its client, says so once, and loses nothing', async () => {
    await using gate = await openGate();
    const { server, path } = await onUnixSocket('--threads=2');
    limitFiles(server, 1_000_000);
    using slow = await askWithoutReading(path, gate, 200);
    await server.waitForOutput(
      /\[ERROR\] GET \/\?\S+ from unix socket: the answer can't be kept for its client: there is no room left/,
    );
    await turn(path);
    assert.deepEqual(gate.unread, []);
    slow.socket.resume();
    assert.equal(digest((await slow.readResponse()).body), digestOf(200));
    assert.equal(await gate.said(), 'gave all');
    await noFileIsLeft(server, path);
    limitFiles(server, 'unlimited');
    assert.equal(server.output().match(/can't be kept/g)?.length, 1);
  });

  test('refuses an upload by 507, and costs neither the worker nor the next upload', async () => {
    const server = await fixture('uploads');
    const [worker = 0] = server.workerPids();
    const body = Buffer.alloc(3_000_000, 'x');
    const headers = [['Content-Length', '50000000']] as const;
    limitFiles(server, 1_000_000);
    using client = await connect(server.port);
    // It goes on sending: its body is longer than what it has sent so far.
    await client.send(requestBytes('/', { method: 'POST', headers, body }));
    const answer = await client.readResponse();
    assert.equal(answer.status, 507);
    assert.equal(answer.header('connection'), 'close');
    assert.ok(!answer.text.includes(tmpdir()), answer.text);
    const line =
      /\[ERROR\] POST \/ from 127\.0\.0\.1: there is no room left for temporary files in .+TMPDIR/;
    await server.waitForOutput(line);
    client.close();
    limitFiles(server, 'unlimited');
    using next = await connect(server.port);
    await next.send(requestBytes('/', { method: 'POST', body }));
    assert.equal((await next.readResponse()).status, 200);
    assert.deepEqual(server.workerPids(), [worker]);
    assert.equal(server.output().match(/no room left/g)?.length, 1);
    assert.equal(spoolFiles(worker), 0);
  });
});
