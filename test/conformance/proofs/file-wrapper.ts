// Proofs of the clauses on wsgi.file_wrapper.

import assert from 'node:assert/strict';
import { ask, askUntilClosed, fixture, open, requestBytes } from '../../helpers/fixture-server.ts';
import type { ClauseId, Proof } from '../clauses.ts';

/** What the fixture's files hold. */
const content = Buffer.alloc(
  256 * 1024,
  Uint8Array.from({ length: 256 }, (_, byte) => byte),
);

async function closed(): Promise<string> {
  // The last bytes of a file reach the client a moment before the server knows, and closes it.
  for (let count = 0; count < 100; count++) {
    if (!(await ask('file_wrapper', '/closed?look')).text.includes('left open')) break;
  }
  return (await ask('file_wrapper', '/closed')).text;
}

/** Shows that a path is answered with these bytes, also to HEAD and on a connection that goes on. */
async function sends(path: string, expected: Buffer): Promise<void> {
  using client = await open('file_wrapper');
  await client.send(requestBytes(path));
  const answer = await client.readResponse();
  assert.equal(answer.status, 200, path);
  assert.ok(answer.body.equals(expected), `${path}: ${String(answer.body.length)} bytes`);
  for (const length of answer.all('Content-Length')) assert.equal(length, String(expected.length));
  await client.send(requestBytes(path, { method: 'HEAD' }));
  assert.equal((await client.readResponse('HEAD')).status, 200, `HEAD ${path}`);
  await client.send(requestBytes(path));
  assert.ok((await client.readResponse()).body.equals(expected), `${path}, again`);
  await closed();
}

async function aboutWrapper(): Promise<string> {
  return (await ask('file_wrapper', '/about')).text;
}

export const fileWrapperProofs = {
  'file-wrapper-arguments': async () => {
    assert.match(await aboutWrapper(), /^optional size: True$/m);
  },

  'file-wrapper-iterable': async () => {
    const about = await aboutWrapper();
    assert.match(about, /^iterable: True$/m);
    assert.match(about, /^iterates: True$/m);
    assert.match(about, /^read without close: True$/m);
  },

  'file-wrapper-sends-nothing-itself': async () => {
    assert.match(await aboutWrapper(), /^untouched: True$/m);
    assert.ok(!(await aboutWrapper()).includes('not to be sent'));
  },

  'file-wrapper-close': async () => {
    await closed();
    assert.match(await aboutWrapper(), /^close: True\n[^]*^close closes the file: True$/m);
    assert.equal(await closed(), 'file');
    for (const [path, name] of [
      ['/file', 'file'],
      ['/file-and-length', 'file'],
      ['/empty-file', 'file'],
      ['/shorter-length', 'file'],
      ['/buffered-position', 'file'],
      ['/not-modified', 'file'],
      ['/with-close', 'object'],
      ['/bad-fileno', 'object'],
      ['/object-shorter-length', 'object'],
    ] as const) {
      for (const method of ['GET', 'HEAD']) {
        await ask('file_wrapper', path, { method });
        assert.equal(await closed(), name, `${method} ${path}`);
      }
    }
  },

  'file-wrapper-any-object': async () => {
    for (const path of [
      '/bytesio',
      '/only-read',
      '/with-close',
      '/bad-fileno',
      '/object-and-length',
    ]) {
      await sends(path, content);
    }
    await sends('/pipe', Buffer.from('through a pipe'));
    await sends('/subclass', Buffer.from('LOWER CASE'));
    await sends('/gzip', content);
    await sends('/named-temporary', content);
  },

  'file-wrapper-position': async () => {
    await sends('/position', content.subarray(1000));
    await sends('/buffered-position', content.subarray(10));
    await sends('/moved-after-wrapping', content.subarray(1000));
    await sends('/after-write', Buffer.from('written, then the file'));
  },

  'file-wrapper-length': async () => {
    await sends('/file', content);
    await sends('/file-and-length', content);
    await sends('/shorter-length', content.subarray(0, 1000));
    await sends('/object-shorter-length', content.subarray(0, 1000));
    await sends('/position-and-length', content.subarray(1000, 3000));
    await sends('/empty-file', Buffer.alloc(0));
    await sends('/at-its-end', Buffer.alloc(0));
  },

  'file-wrapper-in-middleware': async () => {
    await sends('/middleware', Buffer.from('LOWER CASE'));
  },

  'file-wrapper-failing': async () => {
    const server = await fixture('file_wrapper');
    const received = await askUntilClosed('file_wrapper', '/fails-later');
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(!received.endsWith('0\r\n\r\n'), 'the last chunk was sent');
    await server.waitForOutput(/OSError: the disk is gone\n/, { stream: 'stderr' });
    assert.equal(await closed(), 'object');
  },
} satisfies Partial<Record<ClauseId, Proof>>;
