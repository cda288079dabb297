// Requests that a client sends without waiting for the answers to those before them (RFC 9112 §9.3.2).

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ask, fixture, open, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';

const post = (target: string, body = ''): string =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`;

/** A server of two threads whose `/sleep` sleeps until the gate lets it go on. */
const sleeping = ['sleeping', '--threads', '2'] as const;

describe('pipelined requests', () => {
  after(stopFixtures);

  for (const [name, first, second] of [
    ['behind an unsafe one', post, requestBytes],
    ['that are unsafe, behind a safe one', requestBytes, post],
  ] as const) {
    test(`${name} wait until it is answered`, async () => {
      await using gate = await openGate();
      const target = `/sleep?${gate.query}`;
      const { port } = await fixture(...sleeping);
      using client = await connect(port);
      await client.send(Buffer.concat([Buffer.from(first(target)), Buffer.from(second(target))]));
      assert.equal(await gate.said(), 'asleep');
      // Were the second one running, both threads would be asleep, and nobody here to answer.
      using other = await connect(port);
      await other.send(requestBytes('/'));
      assert.equal((await other.readResponse()).text, 'awake\n');
      gate.letGo();
      assert.equal((await client.readResponse()).text, 'slept\n');
      assert.equal(await gate.said(), 'asleep');
      gate.letGo();
      assert.equal((await client.readResponse()).text, 'slept\n');
    });
  }

  test('that are safe run at the same time', async () => {
    await using first = await openGate();
    await using second = await openGate();
    const { port } = await fixture(...sleeping);
    using client = await connect(port);
    const both = [first, second].map(({ query }) => requestBytes(`/sleep?${query}`));
    await client.send(Buffer.concat(both));
    assert.deepEqual([await first.said(), await second.said()], ['asleep', 'asleep']);
    second.letGo();
    first.letGo();
    for (let i = 0; i < 2; i++) assert.equal((await client.readResponse()).text, 'slept\n');
  });

  test('are answered in order however many they are, with their bodies', async () => {
    using client = await open('requests_taken');
    const bodies = Array.from({ length: 100 }, (_, i) => 'x'.repeat(i * 37));
    await client.send(Buffer.from(bodies.map((body, i) => post(`/${String(i)}`, body)).join('')));
    for (const [i, body] of bodies.entries()) {
      const response = await client.readResponse();
      const seen = JSON.parse(response.header('x-request') ?? '') as unknown[];
      assert.deepEqual(seen.slice(0, 3), ['POST', `/${String(i)}`, body.length]);
    }
    const taken = JSON.parse((await ask('requests_taken', '/-/taken')).text) as object;
    const [requests = []] = Object.values(taken) as string[][];
    const targets = requests.map((request) => (JSON.parse(request) as string[])[1]);
    assert.deepEqual(
      targets,
      Array.from(bodies.keys(), (i) => `/${String(i)}`),
    );
  });

  test('of which one that waits has a bad body: it is refused in its turn', async () => {
    using client = await open('requests_taken');
    const bad = 'POST /bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
    await client.send(Buffer.from(post('/good', 'body') + bad + post('/behind')));
    const good = await client.readResponse();
    assert.equal(good.status, 200);
    const refused = await client.readResponse();
    assert.equal(refused.status, 400);
    assert.equal((await client.readUntilClosed()).length, 0);
    const taken = (await ask('requests_taken', '/-/taken')).text;
    assert.ok(taken.includes('/good') && !/bad|behind/.test(taken), taken);
  });

  test('behind one that is refused are not begun', async () => {
    using client = await open('requests_taken');
    const refused = 'GET * HTTP/1.1\r\nHost: x\r\n\r\n';
    await client.send(Buffer.from(post('/first') + refused + String(requestBytes('/behind'))));
    assert.deepEqual(
      [(await client.readResponse()).status, (await client.readResponse()).status],
      [200, 400],
    );
    assert.equal((await client.readUntilClosed()).length, 0);
    const taken = (await ask('requests_taken', '/-/taken')).text;
    assert.ok(taken.includes('/first') && !taken.includes('/behind'), taken);
  });
});
