// Clients that leave: while their request waits for a thread, while the app is at work on it, while the answer is
// on its way. An app is not called for nobody, learns of it when it asks, and each request has one access line.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect, type RawClient } from '../helpers/raw-client.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

const logged = ['--access-logfile', '-', '--access-logformat', '%(s)s %(outcome)s %(r)s'];

/** A server of one thread, with its access log on standard output. */
function serve(app = 'disconnected'): Promise<ServerProcess> {
  return fixture(app, ...logged);
}

/** A connection that has been used: the server has accepted it for certain. */
async function openUsed({ port }: ServerProcess): Promise<RawClient> {
  const client = await connect(port);
  await client.send(requestBytes('/'));
  await client.readResponse();
  return client;
}

/** Asks on a connection that has been used: whatever Python was told before, it has done by then. */
async function stillServes(client: RawClient): Promise<void> {
  await client.send(requestBytes('/'));
  assert.equal((await client.readResponse()).text, 'gone: False\n');
}

/** Shows that the event loop has gone round since: what is no request, Node answers by itself. */
async function turned(watcher: RawClient): Promise<void> {
  await watcher.send('not a request\r\n\r\n');
  assert.equal((await watcher.readResponse()).status, 400);
}

/** Waits for the access line of `target`, and shows that it is one and begins so. */
async function oneLine(server: ServerProcess, start: string, target: string): Promise<void> {
  const request = ` GET ${target} HTTP/1.1\n`;
  await server.waitForOutput(new RegExp(request.replaceAll('?', '\\?')), { stream: 'stdout' });
  const lines = server.stdout().split('\n');
  const own = lines.filter((line) => `${line}\n`.endsWith(request));
  assert.deepEqual(own, [`${start}${request}`.trimEnd()]);
}

describe('a client that leaves while its request waits for a thread', () => {
  after(stopFixtures);

  test('by a reset: the app is never called', async () => {
    const server = await serve();
    await using gate = await openGate();
    await using never = await openGate();
    using watcher = await openUsed(server);
    using holder = await openUsed(server);
    using client = await openUsed(server);
    await holder.send(requestBytes(`/held?${gate.query}`));
    assert.equal(await gate.said(), 'called');
    await client.send(requestBytes(`/wait?${never.query}`));
    await turned(watcher);
    client.reset();
    await oneLine(server, '499 client_gone', `/wait?${never.query}`);
    gate.letGo();
    assert.equal((await holder.readResponse()).text, 'gone: False\n');
    await stillServes(holder);
    assert.deepEqual(never.unread, []);
  });

  test('behind another request on its connection: neither is called', async () => {
    const server = await serve();
    await using gate = await openGate();
    await using never = await openGate();
    using watcher = await openUsed(server);
    using holder = await openUsed(server);
    using client = await openUsed(server);
    await holder.send(requestBytes(`/held?${gate.query}`));
    assert.equal(await gate.said(), 'called');
    const targets = [1, 2, 3].map((number) => `/wait?${never.query}&${String(number)}`);
    await client.send(Buffer.concat(targets.map((target) => requestBytes(target))));
    await turned(watcher);
    client.reset();
    for (const target of targets) await oneLine(server, '499 client_gone', target);
    gate.letGo();
    assert.equal((await holder.readResponse()).text, 'gone: False\n');
    await stillServes(holder);
    assert.deepEqual(never.unread, []);
  });

  test('by ending its side: the app is not called either, but one that runs is told and answers', async () => {
    const server = await serve();
    await using gate = await openGate();
    await using never = await openGate();
    using watcher = await openUsed(server);
    using runs = await openUsed(server);
    using waits = await openUsed(server);
    await runs.send(requestBytes(`/wait?${gate.query}`));
    assert.equal(await gate.said(), 'called, gone: False');
    await waits.send(requestBytes(`/wait?${never.query}`));
    waits.socket.end();
    await turned(watcher);
    runs.socket.end();
    assert.equal(await gate.said(), 'gone');
    assert.equal((await runs.readResponse()).text, 'gone: True\n');
    assert.equal((await waits.readUntilClosed()).length, 0);
    await oneLine(server, '200 ok', `/wait?${gate.query}`);
    await oneLine(server, '499 client_gone', `/wait?${never.query}`);
    assert.deepEqual(never.unread, []);
  });
});

describe('a client that leaves while the app runs', () => {
  after(stopFixtures);

  test('is gone when the app asks, and what the app answers does no harm', async () => {
    const server = await serve();
    await using gate = await openGate();
    using other = await openUsed(server);
    using client = await openUsed(server);
    await client.send(requestBytes(`/wait?${gate.query}`));
    assert.equal(await gate.said(), 'called, gone: False');
    client.reset();
    assert.equal(await gate.said(), 'gone');
    await stillServes(other);
    await oneLine(server, '499 client_gone', `/wait?${gate.query}`);
    assert.doesNotMatch(server.stderr(), /ERROR|CRITICAL/);
  });

  test('that streams: it is told, and its iterable is closed', async () => {
    const server = await serve();
    await using gate = await openGate();
    using other = await openUsed(server);
    using client = await openUsed(server);
    await client.send(requestBytes(`/stream?${gate.query}`));
    await client.readUntil('first\n');
    assert.equal(await gate.said(), 'called, gone: False');
    client.reset();
    assert.equal(await gate.said(), 'gone');
    assert.equal(await gate.said(), 'closed');
    await stillServes(other);
    await oneLine(server, '200 client_gone', `/stream?${gate.query}`);
  });

  test('that streams, by ending its side: it is told, and what it still yields arrives', async () => {
    const server = await serve();
    await using gate = await openGate();
    using client = await openUsed(server);
    await client.send(requestBytes(`/stream?${gate.query}`));
    await client.readUntil('first\n');
    assert.equal(await gate.said(), 'called, gone: False');
    client.socket.end();
    assert.equal(await gate.said(), 'gone');
    assert.equal((await client.readUntilClosed()).toString(), '\r\n5\r\nlast\n\r\n0\r\n\r\n');
    assert.equal(await gate.said(), 'closed');
    await oneLine(server, '200 ok', `/stream?${gate.query}`);
  });
});

describe('a client that leaves without reading its answers', () => {
  after(stopFixtures);

  test('has one line for each: those that were sent, and those that were not', async () => {
    const server = await serve('early_hints');
    using client = await connect(server.port);
    client.socket.pause();
    const targets = Array.from({ length: 300 }, (_, index) => `/large?${String(index)}`);
    await client.send(Buffer.concat(targets.map((target) => requestBytes(target))));
    await oneLine(server, '200 ok', targets[0] ?? '');
    client.reset();
    await server.waitForOutput(/^\d+ client_gone /m, { stream: 'stdout' });
    using other = await connect(server.port);
    await other.send(requestBytes('/'));
    assert.equal((await other.readResponse()).status, 200);
    await oneLine(server, '200 ok', '/');
    const lines = server.stdout().trimEnd().split('\n').slice(0, -1);
    const seen = lines.map((line) => line.split(' ')[3]);
    assert.deepEqual(seen, targets.slice(0, seen.length));
    const firstGone = lines.findIndex((line) => line.includes(' client_gone '));
    for (const line of lines.slice(firstGone)) assert.match(line, /^(200|499) client_gone /);
    for (const line of lines.slice(0, firstGone)) assert.match(line, /^200 ok /);
  });
});
