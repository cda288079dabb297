// Where an answer ends: whatever an app says of its length and whatever it sends then, a client that has already
// asked for the next thing on the connection gets that answer next, or finds the connection closed.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ask, fixture, open, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { connect, type RawClient } from '../helpers/raw-client.ts';

const ways = ['list', 'blocks', 'generator', 'write', 'file', 'bytesio'];
const next = '/list/none/4?299+The+Next+One';

/** Sends `target` and another request in one piece. */
async function askTwice(target: string, method = 'GET'): Promise<RawClient> {
  const client = await open('lengths');
  await client.send(Buffer.concat([requestBytes(target, { method }), requestBytes(next)]));
  return client;
}

async function assertNext(client: RawClient, what: string): Promise<void> {
  const answer = await client.readResponse();
  assert.deepEqual([answer.status, answer.text], [299, 'xxxx'], `behind ${what}`);
}

describe('a body', () => {
  after(stopFixtures);

  for (const sent of [10, 200_000]) {
    for (const way of ways) {
      const what = `of ${String(sent)} bytes by way of ${way}`;

      test(`${what} arrives whole with its length, and without one`, async () => {
        for (const declared of ['none', String(sent)]) {
          const target = `/${way}/${declared}/${String(sent)}`;
          using client = await askTwice(target);
          const answer = await client.readResponse();
          assert.equal(answer.text, 'x'.repeat(sent), target);
          const lengths = answer.all('Content-Length');
          const chunked = answer.all('Transfer-Encoding').length > 0;
          assert.equal(lengths.length + Number(chunked), 1, 'either a length or chunks');
          await assertNext(client, target);
        }
      });

      test(`${what} is cut at a shorter Content-Length, and the log names the app`, async () => {
        const server = await fixture('lengths');
        for (const declared of [0, 1, sent - 1]) {
          const target = `/${way}/${String(declared)}/${String(sent)}`;
          using client = await askTwice(target);
          const answer = await client.readResponse();
          assert.equal(answer.text, 'x'.repeat(declared), target);
          await assertNext(client, target);
          // Of a file, what is beyond the length is not looked at (PEP 3333 has the length win).
          if (way === 'file') continue;
          const line = `\\[ERROR\\] GET ${target} from 127\\.0\\.0\\.1: the app's body is longer`;
          await server.waitForOutput(new RegExp(line), { stream: 'stderr' });
        }
      });

      test(`${what} never passes for a longer Content-Length, and the log names the app`, async () => {
        const server = await fixture('lengths');
        const declared = sent + 1000;
        const target = `/${way}/${String(declared)}/${String(sent)}`;
        using client = await askTwice(target);
        const head = (await client.readUntil('\r\n\r\n')).toString('latin1');
        if (head.startsWith('HTTP/1.1 500 ')) {
          await client.readBytes(Number(/content-length: (\d+)/i.exec(head)?.[1]));
          await assertNext(client, target);
        } else {
          const rest = (await client.readUntilClosed()).toString('latin1');
          assert.match(rest, /^x*$/);
          assert.ok(rest.length < declared);
        }
        const line = `\\[ERROR\\] GET ${target} from 127\\.0\\.0\\.1: the app's body ended after`;
        await server.waitForOutput(new RegExp(line), { stream: 'stderr' });
      });

      test(`${what} is not sent to HEAD, nor with 204 or 304, whatever its length`, async () => {
        for (const declared of ['none', '0', '1', String(sent), String(sent + 1000)]) {
          for (const [method, status] of [
            ['HEAD', 200],
            ['HEAD', 404],
            ['GET', 204],
            ['HEAD', 204],
            ['GET', 304],
            ['HEAD', 304],
          ] as const) {
            const request = `${method} /${way}/${declared}/${String(sent)}?${String(status)}+Status`;
            using client = await askTwice(request.slice(method.length + 1), method);
            const answer = await client.readResponse(method);
            assert.equal(answer.status, status, request);
            const lengths = answer.all('Content-Length');
            if (status === 204) assert.deepEqual(lengths, [], request);
            else if (declared !== 'none') assert.deepEqual(lengths, [declared], request);
            else if (lengths.length > 0) assert.deepEqual(lengths, [String(sent)], request);
            if (status !== 200 && status !== 404)
              assert.deepEqual(answer.all('Transfer-Encoding'), [], request);
            await assertNext(client, request);
          }
        }
      });
    }
  }
});

describe('an answer that is not final', () => {
  after(stopFixtures);

  test('is refused from an app, and the next request is answered', async () => {
    for (const status of ['100+Continue', '101+Switching', '103+Early+Hints', '199+X', '099+X']) {
      using client = await askTwice(`/list/none/10?${status}`);
      assert.equal((await client.readResponse()).status, 500, status);
      await assertNext(client, status);
    }
  });
});

describe('blocks that are not bytes', () => {
  after(stopFixtures);

  test('cut an answer that has begun, and the log says what they were', async () => {
    const server = await fixture('response_blocks');
    using client = await open('response_blocks');
    const path = '/str-block-in-generator';
    await client.send(Buffer.concat([requestBytes(path), requestBytes('/single')]));
    const received = (await client.readUntilClosed()).toString('latin1');
    assert.ok(received.includes('bytes first\n') && !received.endsWith('0\r\n\r\n'), received);
    assert.ok(!received.includes('one two three'), 'the next request was answered');
    const line = `\\[ERROR\\] GET ${path} from 127\\.0\\.0\\.1: .*made of bytes, not of str`;
    await server.waitForOutput(new RegExp(line), { stream: 'stderr' });
    assert.equal((await ask('response_blocks', '/bytearray-block')).status, 500);
  });
});

describe('--no-server-header', () => {
  after(stopFixtures);

  /** The `Server` fields of an answer and of an error page, and of an answer whose app sets one. */
  async function serverFields(...args: string[]): Promise<readonly (readonly string[])[]> {
    const app = 'chosen_response';
    const server = await fixture(app, ...args);
    const bodies = [
      `('200 OK', [], [b'body'])`,
      `('200 OK', 'not a list of pairs', [])`,
      `('200 OK', [('Server', 'its own')], [b'body'])`,
    ];
    const fields: string[][] = [];
    for (const body of bodies) {
      using client = await connect(server.port);
      await client.send(requestBytes('/', { method: 'POST', body }));
      fields.push((await client.readResponse()).all('Server'));
    }
    return fields;
  }

  test('leaves the field out, unless the app sets it', async () => {
    assert.deepEqual(await serverFields('--no-server-header'), [[], [], ['its own']]);
    assert.deepEqual(await serverFields(), [['wsgi-ts'], ['wsgi-ts'], ['its own']]);
  });
});
