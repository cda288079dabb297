// Proofs of the clauses on the body: blocks, write(), Content-Length, and when the head goes out.

import assert from 'node:assert/strict';
import { openGate } from '../../helpers/gate.ts';
import {
  ask,
  askOldClient,
  askUntilClosed,
  fixture,
  open,
  requestBytes,
} from '../../helpers/fixture-server.ts';
import type { ClauseId, Proof } from '../clauses.ts';
import { watchLoop } from './streams.ts';

const threeBlocks = [
  '/list',
  '/tuple',
  '/iterator',
  '/generator',
  '/map',
  '/with-iter',
  '/with-getitem',
  '/with-empty-blocks',
];

/** Shows that a connection can be used after this request: the answer ended where its head says. */
async function inStepAfter(app: string, target: string, text: string): Promise<void> {
  using client = await open(app);
  await client.send(requestBytes(target));
  const first = await client.readResponse();
  assert.equal(first.text, text, target);
  if (first.header('Connection')?.toLowerCase() === 'close') {
    assert.equal((await client.readUntilClosed()).length, 0, target);
    return;
  }
  await client.send(requestBytes(target));
  assert.equal((await client.readResponse()).text, text, `${target}, again`);
}

/** Shows that a response is cut: what came before is there, and no end that a client could take for one. */
function assertCut(received: string, before: string): void {
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(received.includes(before), received);
  assert.ok(!received.endsWith('0\r\n\r\n'), 'the last chunk was sent');
  assert.ok(!received.includes('never seen'), received);
}

async function asked(): Promise<number> {
  return Number((await ask('content_length', '/asked')).text);
}

/** Shows that nothing, not even a head, is sent until the app gives its first bytes. */
async function headWaits(app: string, path: string, said: string, body: string): Promise<void> {
  await using gate = await openGate();
  using loop = await watchLoop(app);
  using client = await open(app);
  await client.send(requestBytes(`${path}?${gate.query}`));
  assert.equal(await gate.said(), said);
  await loop.turned();
  assert.equal(client.socket.bytesRead, 0);
  gate.letGo();
  assert.equal((await client.readResponse()).text, body);
}

/** Shows that each block arrives while the app is stopped behind it. */
async function blocksArrive(app: string, said: readonly string[]): Promise<void> {
  await using gate = await openGate();
  using client = await open(app);
  await client.send(requestBytes(`/gated?${gate.query}`));
  for (const [index, block] of ['first\n', 'second\n'].entries()) {
    assert.equal(await gate.said(), said[index]);
    assert.ok((await client.readUntil(block)).includes(block));
    gate.letGo();
  }
  await client.readUntil('third\n\r\n0\r\n\r\n');
}

export const bodyProofs = {
  'any-iterable': async () => {
    for (const path of threeBlocks) {
      const answer = await ask('response_blocks', path);
      assert.deepEqual([answer.status, answer.text], [200, 'one two three'], path);
    }
    const large = await ask('response_blocks', '/large-blocks');
    assert.equal(large.text, 'x'.repeat(1_000_000));
    assert.equal((await ask('response_blocks', '/large-single')).text, large.text);
  },

  'no-other-attributes': async () => {
    assert.equal((await ask('response_blocks', '/guarded')).text, 'one two three');
  },

  'binary-body': async () => {
    const every = Array.from({ length: 256 }, (_, byte) => byte);
    const expected = Buffer.concat([Buffer.from(every), Buffer.from('\r\n\n\r\r\n\r\n')]);
    assert.deepEqual((await ask('response_blocks', '/every-byte')).body, expected);
  },

  'head-waits-for-body': async () => {
    await headWaits(
      'response_blocks',
      '/head-delayed',
      'two empty blocks given',
      'the first bytes',
    );
  },

  'head-waits-for-written-body': async () => {
    await headWaits('write_callable', '/head-delayed', 'nothing written yet', 'body');
  },

  'head-without-body': async () => {
    for (const path of ['/empty-list', '/empty-block', '/empty-blocks']) {
      await inStepAfter('response_blocks', path, '');
    }
  },

  'exc-info-after-head': async () => {
    const server = await fixture('start_response_calls');
    for (const [path, count] of [
      ['/after-head', 1],
      ['/after-write', 2],
    ] as const) {
      const received = await askUntilClosed('start_response_calls', path);
      assertCut(received, 'already on its way\n');
      await server.waitForOutput(/Trapped: the error that the app trapped\n/, { count });
    }
  },

  'exc-info-reraised': async () => {
    await using gate = await openGate();
    const target = `/after-head-same-error?${gate.query}`;
    assertCut(await askUntilClosed('start_response_calls', target), 'already on its way\n');
    assert.equal(await gate.said(), 'same');
  },

  'length-not-exceeded': async () => {
    await inStepAfter('content_length', '/long-single', 'four');
    await inStepAfter('content_length', '/zero-but-body', '');
    await inStepAfter('content_length', '/reached', 'fourmore');
    await inStepAfter('content_length', '/long', 'fourfive');
    assert.equal(await asked(), 2, 'blocks asked for');
  },

  'length-not-exceeded-by-write': async () => {
    await using gate = await openGate();
    using client = await open('write_callable');
    await client.send(requestBytes(`/over-length?${gate.query}`));
    assert.equal((await client.readResponse()).text, 'four');
    assert.match(await gate.said(), /^(cut|raised \w+)$/);
    assert.equal((await ask('write_callable', '/with-length')).text, 'fourmore');
  },

  'length-not-reached': async () => {
    const server = await fixture('content_length');
    const received = await askUntilClosed('content_length', '/short');
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nshort again$/);
    await server.waitForOutput(/GET \/short .*Content-Length/, { stream: 'stderr' });
    // Here the server can know before it sends anything.
    using client = await open('content_length');
    await client.send(requestBytes('/short-single'));
    const head = (await client.readUntil('\r\n\r\n')).toString('latin1');
    if (!head.startsWith('HTTP/1.1 500 ')) {
      assert.equal((await client.readUntilClosed()).toString('latin1'), 'short');
    }
    await server.waitForOutput(/GET \/short-single .*Content-Length/, { stream: 'stderr' });
  },

  'length-generated': async () => {
    for (const path of ['/unknown-single', '/unknown-sized']) {
      const answer = await ask('content_length', path);
      assert.deepEqual(answer.all('Content-Length'), ['13'], path);
      assert.deepEqual(answer.all('Transfer-Encoding'), [], path);
      assert.equal(answer.text, 'thirteen by..');
    }
  },

  'length-not-generated': async () => {
    const answer = await ask('write_callable', '/single-element');
    assert.equal(answer.text, 'twelve bytes!');
    assert.deepEqual(answer.all('Content-Length'), []);
  },

  'chunked-to-new-clients': async () => {
    const answer = await ask('content_length', '/unknown-generator');
    assert.equal(answer.header('Transfer-Encoding'), 'chunked');
    assert.deepEqual(answer.all('Content-Length'), []);
    await inStepAfter('content_length', '/unknown-generator', 'thirteen by..');
    await inStepAfter('content_length', '/unknown-blocks', 'thirteen by..');
  },

  'unchunked-to-old-clients': async () => {
    const answer = await askOldClient('content_length', '/unknown-generator');
    assert.deepEqual(answer.all('Transfer-Encoding'), []);
    assert.equal(answer.text, 'thirteen by..');
  },

  'blocks-not-delayed': async () => {
    await blocksArrive('response_blocks', ['asked for the second', 'asked for the third']);
  },

  'written-blocks-not-delayed': async () => {
    await blocksArrive('write_callable', ['written the first', 'written the second']);
  },

  'write-is-a-body': async () => {
    await inStepAfter('write_callable', '/only', 'written only');
    assert.equal((await ask('write_callable', '/large')).body.length, 2_000_000);
    const received = await askUntilClosed('write_callable', '/then-raises');
    assertCut(received, 'already on its way\n');
  },

  'write-before-iterable': async () => {
    await inStepAfter('write_callable', '/before-iterable', 'written then yielded');
    await inStepAfter('write_callable', '/before-generator', 'written then yielded');
  },

  'iterable-required': async () => {
    for (const path of ['/none', '/number']) {
      assert.equal((await ask('response_blocks', path)).status, 500, path);
    }
  },

  'blocks-are-bytes': async () => {
    for (const path of ['/str-block', '/none-block', '/bare-bytes', '/str-block-later']) {
      assert.equal((await ask('response_blocks', path)).status, 500, path);
    }
    assert.equal((await ask('write_callable', '/text')).status, 500);
  },
} satisfies Partial<Record<ClauseId, Proof>>;
