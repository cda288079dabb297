// Proofs of the clauses on what happens at a response's end: close(), and errors.

import assert from 'node:assert/strict';
import { openGate } from '../../helpers/gate.ts';
import { ask, askUntilClosed, fixture, open, requestBytes } from '../../helpers/fixture-server.ts';
import type { ClauseId, Proof } from '../clauses.ts';

/** Which bodies were closed since the last call; waits for the request before, there is one thread. */
async function closed(): Promise<string> {
  return (await ask('close_called', '/closed')).text;
}

/** How often the log says this so far. */
async function logged(text: string): Promise<number> {
  const server = await fixture('close_called');
  return server.stderr().split(text).length - 1;
}

/** The log's line for a request that failed. */
function failure(request: string): RegExp {
  return new RegExp(`\\[ERROR\\] .*${request.replaceAll(/[?/]/g, '\\$&')}`);
}

export const closingProofs = {
  'close-when-complete': async () => {
    for (const name of ['whole', 'streamed', 'empty', 'list', 'no-content', 'long']) {
      for (const method of ['GET', 'HEAD']) {
        await ask('close_called', `/${name}`, { method });
        assert.equal(await closed(), name, `${method} /${name}`);
      }
    }
  },

  'close-after-error': async () => {
    assert.equal((await ask('close_called', '/fails-first')).status, 500);
    assert.equal(await closed(), 'fails-first');
    assert.equal((await ask('close_called', '/str-block')).status, 500);
    assert.equal(await closed(), 'str-block');
    assert.equal((await ask('close_called', '/never-started')).status, 500);
    assert.equal(await closed(), 'never-started');
    await askUntilClosed('close_called', '/fails-later');
    assert.equal(await closed(), 'fails-later');
    await askUntilClosed('close_called', '/short');
    assert.equal(await closed(), 'short');
  },

  'close-after-disconnect': async () => {
    await using gate = await openGate();
    for (const leave of ['close', 'reset'] as const) {
      const client = await open('close_called');
      await client.send(requestBytes(`/endless?${gate.query}`));
      assert.equal(await gate.said(), 'streaming');
      client[leave]();
      assert.equal(await closed(), 'endless', leave);
    }
    const waiting = await open('close_called');
    await waiting.send(requestBytes(`/gated?${gate.query}`));
    assert.equal(await gate.said(), 'asked for the second');
    waiting.close();
    gate.letGo();
    assert.equal(await closed(), 'gated');

    const generator = await open('close_called');
    await generator.send(requestBytes(`/finally?${gate.query}`));
    assert.equal(await gate.said(), 'streaming');
    generator.close();
    assert.equal(await gate.said(), 'generator closed');
  },

  'close-that-raises': async () => {
    const server = await fixture('close_called');
    assert.equal((await ask('close_called', '/raises')).text, 'a body');
    await server.waitForOutput(/RuntimeError: close\(\) raised\n/, { stream: 'stderr' });
    assert.equal(await closed(), 'raises');
  },

  'errors-trapped': async () => {
    const server = await fixture('close_called');
    const traceback = 'RuntimeError: iteration raised\n';
    const before = await logged(traceback);
    const answer = await ask('close_called', '/fails-first?errors-trapped');
    assert.equal(answer.status, 500);
    assert.ok(!answer.text.includes('iteration raised'), 'the client is shown the exception');
    await server.waitForOutput(failure('GET /fails-first?errors-trapped'));
    // The log is in order: when the next request's error is there, this one's is there completely.
    await ask('close_called', '/never-started?after-errors-trapped');
    await server.waitForOutput(failure('GET /never-started?after-errors-trapped'));
    assert.equal(await logged(traceback), before + 1);
    assert.match(server.stderr(), /close_called\.py", line \d+, in failing\n/);
    await closed();
  },

  'errors-cut-the-response': async () => {
    const server = await fixture('close_called');
    const count = (await logged('RuntimeError: iteration raised\n')) + 1;
    const received = await askUntilClosed('close_called', '/fails-later?cut');
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n[^]*on its way\n\r\n$/);
    await server.waitForOutput(/RuntimeError: iteration raised\n/, { stream: 'stderr', count });
    await server.waitForOutput(failure('GET /fails-later?cut'));
    await closed();
  },
} satisfies Partial<Record<ClauseId, Proof>>;
