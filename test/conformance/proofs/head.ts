// Proofs of the clauses on status and headers: what start_response takes, refuses and sends.

import assert from 'node:assert/strict';
import { ask, open, requestBytes } from '../../helpers/fixture-server.ts';
import type { ClauseId, Proof } from '../clauses.ts';
import type { RawResponse } from '../../helpers/raw-client.ts';

const plain = `[('Content-Type', 'text/plain')]`;

/** Has the app call `start_response(status, headers)`; the arguments are Python literals. */
async function choose(status: string, headers = plain, blocks = `[b'body']`): Promise<RawResponse> {
  const body = `(${status}, ${headers}, ${blocks})`;
  return ask('chosen_response', '/', { method: 'POST', body: Buffer.from(body, 'utf8') });
}

/** What start_response raised in the request before. */
async function raised(): Promise<string> {
  return (await ask('chosen_response', '/')).text;
}

/** Shows that these arguments are a 500, and that the call itself raised. */
async function refused(status: string, headers?: string): Promise<void> {
  const what = `start_response(${status}, ${headers ?? plain})`;
  const answer = await choose(status, headers);
  assert.equal(answer.status, 500, what);
  assert.ok(!answer.text.includes('body\r\n'), what);
  assert.notEqual(await raised(), 'nothing', what);
}

async function refusedHeaders(...lists: string[]): Promise<void> {
  for (const headers of lists) await refused(`'200 OK'`, headers);
}

/** Shows that a path of start_response_calls.py is answered with these. */
async function calls(path: string, status: string, body: string): Promise<RawResponse> {
  const answer = await ask('start_response_calls', path);
  assert.equal(`${String(answer.status)} ${answer.reason}`, status, path);
  assert.equal(answer.text, body, path);
  return answer;
}

export const headProofs = {
  'start-response-arguments': async () => {
    await calls('/exc-info-none', '200 OK', 'fine');
    await calls('/first-with-exc-info', '500 Shown', 'shown');
    await calls('/exc-info-by-name', '200 OK', 'fine');
  },

  'start-response-returns-write': async () => {
    await calls('/returns-write', '200 OK', 'callable');
  },

  'late-start-response': async () => {
    await calls('/late', '200 OK', 'late but in time');
  },

  'no-start-response': async () => {
    for (const path of ['/never', '/never-and-empty', '/too-late']) {
      const answer = await ask('start_response_calls', path);
      assert.equal(answer.status, 500, path);
      assert.ok(!answer.text.includes('never seen'), path);
    }
  },

  'status-form': async () => {
    for (const status of ['', 'OK', '20 OK', '2000 OK', '200OK', 'abc OK', '2x0 OK', ' 200 OK']) {
      await refused(`'${status}'`);
    }
    const answer = await choose(`'299 A Phrase (of its own)'`);
    assert.deepEqual([answer.status, answer.reason], [299, 'A Phrase (of its own)']);
  },

  'status-control-characters': async () => {
    for (const escape of ['\\n', '\\r\\n', '\\r\\nX-Injected: 1', '\\0', '\\x1f', '\\x7f']) {
      await refused(`'200 OK${escape}'`);
      await refused(`'200 O${escape}K'`);
    }
  },

  'headers-are-a-list': async () => {
    await refusedHeaders(
      `{'X-A': '1'}`,
      `None`,
      `'X-A: 1'`,
      `['X-A']`,
      `['ab']`,
      `[('X-A',)]`,
      `[('X-A', '1', '2')]`,
      `[None]`,
    );
  },

  'header-names': async () => {
    const names = [
      '',
      ' ',
      'X A',
      'X-A:',
      'X-A ',
      ' X-A',
      'X\\tA',
      'X(A)',
      'X"A',
      'X/A',
      'X\\u00e9',
    ];
    await refusedHeaders(...names.map((name) => `[('${name}', '1')]`));
  },

  'header-control-characters': async () => {
    const escapes = [
      '\\n',
      '\\r',
      '\\r\\nX-Injected: 1',
      '\\n folded',
      '\\0',
      '\\x01',
      '\\x1f',
      '\\x7f',
    ];
    await refusedHeaders(...escapes.map((escape) => `[('X-A', 'a${escape}')]`));
    await refusedHeaders(...escapes.map((escape) => `[('X-A${escape}', 'a')]`));
  },

  'required-headers-added': async () => {
    const answer = await choose(`'200 OK'`);
    const date = Date.parse(answer.header('Date') ?? '');
    assert.ok(Math.abs(date - Date.now()) < 60_000, answer.header('Date'));
    assert.match(answer.header('Server') ?? '', /\S/);
  },

  'header-names-any-case': async () => {
    const day = 'Thu, 01 Jan 1970 00:00:00 GMT';
    const headers = `[('dATE', '${day}'), ('sERVER', 'its own'), ('content-LENGTH', '4')]`;
    const answer = await choose(`'200 OK'`, headers);
    assert.deepEqual(answer.all('Date'), [day]);
    assert.deepEqual(answer.all('Server'), ['its own']);
    assert.deepEqual(answer.all('Content-Length'), ['4']);
    assert.deepEqual(answer.all('Transfer-Encoding'), []);
    assert.equal(answer.text, 'body');
  },

  'headers-arrive': async () => {
    const headers = `[('X-B', '1'), ('Set-Cookie', 'a=1'), ('x-a', ''), ('Set-Cookie', 'b=2; Path=/'), ('X-B', '2')]`;
    const answer = await choose(`'200 OK'`, headers);
    const own = answer.headers.filter(([name]) => /^(x-|set-cookie)/i.test(name));
    assert.deepEqual(own, [
      ['X-B', '1'],
      ['Set-Cookie', 'a=1'],
      ['x-a', ''],
      ['Set-Cookie', 'b=2; Path=/'],
      ['X-B', '2'],
    ]);
  },

  'no-hop-by-hop-headers': async () => {
    for (const name of [
      'Connection',
      'keep-alive',
      'TE',
      'Trailer',
      'transfer-encoding',
      'Upgrade',
    ]) {
      const answer = await choose(`'200 OK'`, `[('${name}', 'from-the-app')]`);
      assert.ok(!answer.all(name).join().includes('from-the-app'), name);
    }
  },

  'errors-at-the-call': async () => {
    await refused(`'not a status'`);
    await refused(`'200 OK'`, `[('Bad Name', '1')]`);
    await choose(`'200 OK'`);
    assert.equal(await raised(), 'nothing');
  },

  'exc-info-replaces': async () => {
    for (const path of ['/replaced', '/replaced-while-iterating']) {
      const answer = await calls(path, '503 Changed My Mind', 'replaced');
      assert.deepEqual([answer.all('X-First'), answer.all('X-Second')], [[], ['2']]);
    }
  },

  'exc-info-not-kept': async () => {
    await calls('/reference-kept', '500 Shown', 'let go');
  },

  'second-call-is-fatal': async () => {
    const answer = await ask('start_response_calls', '/twice');
    assert.equal(answer.status, 500);
    assert.ok(!answer.text.includes('never seen'));
  },

  'second-call-after-refusal': async () => {
    const answer = await ask('start_response_calls', '/twice-after-refusal');
    assert.equal(answer.status, 500);
    await calls('/mended-after-refusal', '500 Mended', 'mended');
  },

  'strings-in-latin-1': async () => {
    const answer = await choose(`'200 Tr\\xe8s bien'`, `[('X-A', 'caf\\xe9 \\xff')]`);
    assert.deepEqual([answer.reason, answer.header('X-A')], ['Tr\xe8s bien', 'caf\xe9 \xff']);
    await refused(`'200 \\u2603'`);
    await refusedHeaders(`[('X-A', '\\u2603')]`, `[('X-\\u0100', '1')]`, `[('X-A', '\\udce9')]`);
  },

  'headers-are-str': async () => {
    for (const status of [`200`, `b'200 OK'`, `None`]) await refused(status);
    await refusedHeaders(`[(b'X-A', '1')]`, `[('X-A', b'1')]`, `[('X-A', 1)]`, `[('X-A', None)]`);
  },

  'statuses-without-body': async () => {
    for (const [query, status] of [
      ['204+No+Content', 204],
      ['304+Not+Modified', 304],
    ] as const) {
      for (const path of ['/unknown-empty', '/unknown-single', '/unknown-generator']) {
        using client = await open('content_length');
        await client.send(requestBytes(`${path}?${query}`));
        const answer = await client.readResponse();
        assert.equal(answer.status, status);
        assert.deepEqual(answer.all('Transfer-Encoding'), [], path);
        await client.send(requestBytes('/exact'));
        assert.equal((await client.readResponse()).text, 'exactly these', `after ${path}`);
      }
    }
  },

  'head-request': async () => {
    for (const path of ['/exact', '/exact-streamed', '/unknown-single', '/unknown-generator']) {
      const whole = await ask('content_length', path);
      using client = await open('content_length');
      await client.send(requestBytes(path, { method: 'HEAD' }));
      const answer = await client.readResponse('HEAD');
      assert.equal(answer.status, 200);
      // A length that is named is GET's; RFC 9110, section 9.3.2 lets a server leave it out.
      for (const length of answer.all('Content-Length')) {
        assert.equal(length, whole.header('Content-Length'), path);
      }
      if (path.startsWith('/exact')) assert.equal(answer.header('Content-Length'), '13');
      await client.send(requestBytes('/exact'));
      assert.equal((await client.readResponse()).text, 'exactly these', `after HEAD ${path}`);
    }
  },

  'content-left-alone': async () => {
    const headers = [
      `('Content-Encoding', 'gzip')`,
      `('ETag', '"a"')`,
      `('Content-Type', 'text/x')`,
      `('Last-Modified', 'yesterday')`,
    ];
    const answer = await choose(`'200 OK'`, `[${headers.join(', ')}]`, `[b'\\x1f\\x8bnot gzip']`);
    assert.equal(answer.status, 200);
    assert.equal(answer.header('Content-Encoding'), 'gzip');
    assert.equal(answer.header('ETag'), '"a"');
    assert.equal(answer.header('Content-Type'), 'text/x');
    assert.equal(answer.header('Last-Modified'), 'yesterday');
    assert.equal(answer.body.toString('latin1'), '\x1f\x8bnot gzip');
    const none = await choose(`'200 OK'`, `[('X-A', '1')]`);
    assert.deepEqual(none.all('Content-Type'), []);
  },
} satisfies Partial<Record<ClauseId, Proof>>;
