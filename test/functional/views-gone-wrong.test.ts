// What goes wrong inside a view: the client gets a clear answer, the log says what and in which request,
// once, and it costs at most the worker that ran it, never the server.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ask, fixture, open, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

/** How often the log holds this. */
function count(server: ServerProcess, text: string): number {
  return server.stderr().split(text).length - 1;
}

/** Asks for something that fails last of all, so that the log holds everything about what came before. */
async function settleLog(app: string, path: string, mark: string): Promise<void> {
  await ask(app, `${path}?${mark}`);
  await (await fixture(app)).waitForOutput(new RegExp(`\\[ERROR\\].*\\?${mark}`));
}

describe('a view that raises', () => {
  after(stopFixtures);

  test('is a 500, and one traceback with the request and the own frames only', async () => {
    const server = await fixture('views_gone_wrong');
    const answer = await ask('views_gone_wrong', '/raise-exception?first');
    assert.equal(answer.status, 500);
    assert.ok(!answer.text.includes('this view is broken'), 'the client is shown the exception');
    await settleLog('views_gone_wrong', '/chained', 'after-first');
    assert.equal(count(server, '/raise-exception?first'), 1);
    const [, entry = ''] =
      /\[ERROR\] (GET \/raise-exception\?first[^]*?)\n\[/.exec(server.stderr()) ?? [];
    assert.match(entry, /^GET \/raise-exception\?first/);
    assert.equal(entry.match(/Traceback \(most recent call last\):/g)?.length, 1);
    assert.match(entry, /views_gone_wrong\.py", line \d+, in raise_exception\n/);
    assert.match(entry, /\nValueError: this view is broken$/);
    assert.ok(!entry.includes('wsgi_ts'), 'frames of the server');
  });

  test('tells what an exception was raised from', async () => {
    const server = await fixture('views_gone_wrong');
    await ask('views_gone_wrong', '/chained?causes');
    await settleLog('views_gone_wrong', '/raise-exception', 'after-causes');
    const [, entry = ''] = /\[ERROR\] (GET \/chained\?causes[^]*?)\n\[/.exec(server.stderr()) ?? [];
    assert.match(
      entry,
      /ValueError: this view is broken[^]*direct cause[^]*LookupError: while looking$/,
    );
  });

  test('keeps the connection', async () => {
    using client = await open('views_gone_wrong');
    for (let number = 0; number < 3; number++) {
      await client.send(requestBytes('/raise-exception'));
      assert.equal((await client.readResponse()).status, 500);
    }
    await client.send(requestBytes('/'));
    assert.equal((await client.readResponse()).status, 200);
  });

  test('lives through a recursion without an end', async () => {
    assert.equal((await ask('views_gone_wrong', '/recursion')).status, 500);
    assert.equal((await ask('views_gone_wrong', '/')).status, 200);
  });
});

describe('a view that tries to leave', () => {
  after(stopFixtures);

  for (const path of ['/sys-exit', '/sys-exit-3', '/keyboard-interrupt', '/generator-exit']) {
    test(`by ${path.slice(1)} is a 500 and the worker lives`, async () => {
      const server = await fixture('views_gone_wrong');
      const pid = (await ask('views_gone_wrong', '/')).text;
      assert.equal((await ask('views_gone_wrong', path)).status, 500);
      await server.waitForOutput(new RegExp(`\\[ERROR\\].*GET ${path} `));
      assert.equal((await ask('views_gone_wrong', '/')).text, pid);
    });
  }

  for (const path of ['/os-exit-3', '/os-exit-4', '/os-exit-0', '/abort']) {
    test(`by ${path.slice(1)} costs this worker alone, and the server goes on`, async () => {
      const server = await fixture('views_gone_wrong');
      const ready = count(server, 'Worker ready (pid: ');
      const pid = (await ask('views_gone_wrong', '/')).text;
      await assert.rejects(ask('views_gone_wrong', path), /closed before|ECONNRESET/);
      await server.waitForReadyWorkers(ready + 1);
      assert.notEqual((await ask('views_gone_wrong', '/')).text, pid);
      assert.equal(server.end, undefined);
      assert.equal(server.workerPids().length, 1);
    });
  }
});

describe('a Flask view that raises', () => {
  after(stopFixtures);

  test('is a 500 and one traceback with the request', async () => {
    const server = await fixture('flask_gone_wrong');
    const answer = await ask('flask_gone_wrong', '/exception?in-flask');
    assert.equal(answer.status, 500);
    assert.match(answer.text, /Internal Server Error/);
    await ask('flask_gone_wrong', '/sys-exit?after-exception');
    await server.waitForOutput(/sys-exit\?after-exception/);
    assert.equal(count(server, 'ValueError: this Flask view is broken\n'), 1);
    assert.match(server.stderr(), /Exception on \/exception \[GET\]/);
    assert.match(server.stderr(), /GET \/exception\?in-flask/);
  });

  test('cuts a stream that breaks, and logs one traceback', async () => {
    const server = await fixture('flask_gone_wrong');
    await assert.rejects(ask('flask_gone_wrong', '/stream'), /closed before/);
    await server.waitForOutput(/ValueError: this Flask stream is broken\n/, { stream: 'stderr' });
    await server.waitForOutput(/\[ERROR\].*GET \/stream/, { stream: 'stderr' });
    assert.equal((await ask('flask_gone_wrong', '/')).text, 'fine\n');
    assert.equal(count(server, 'ValueError: this Flask stream is broken\n'), 1);
  });

  test('that aborts with a status logs nothing', async () => {
    const server = await fixture('flask_gone_wrong');
    assert.equal((await ask('flask_gone_wrong', '/abort?418')).status, 418);
    await ask('flask_gone_wrong', '/exception?after-abort');
    await server.waitForOutput(/\/exception\?after-abort/);
    assert.equal(count(server, '[ERROR] GET /abort'), 0);
  });
});

describe('a WebSocket', () => {
  after(stopFixtures);

  test('is told clearly that there are none, and the server goes on', async () => {
    using client = await open('sleeping');
    const headers = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ] as const;
    await client.send(requestBytes('/', { headers }));
    const answer = await client.readResponse();
    assert.ok(answer.status >= 400 && answer.status < 600, String(answer.status));
    assert.match(answer.text, /WebSocket/);
    assert.match(answer.text, /ASGI/);
    assert.deepEqual(answer.all('Upgrade'), []);
    assert.equal((await client.readUntilClosed()).length, 0);
    assert.equal((await ask('sleeping', '/')).text, 'awake\n');
  });

  test('is the only upgrade that is refused: others are answered as if they had not been asked for', async () => {
    const headers = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'something-else/1'],
    ] as const;
    assert.equal((await ask('sleeping', '/', { headers })).text, 'awake\n');
  });
});
