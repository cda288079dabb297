// What the master makes of the answers of wsgi_ts.sockets; no socket is opened here.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Plain } from '../../../src/bridge/interpreter.ts';
import type { Logger } from '../../../src/log/logger.ts';
import { openListeners, type Listener } from '../../../src/master/listeners.ts';
import { parseAddress } from '../../../src/settings/address.ts';

const lines: string[] = [];
const ignore = (): void => undefined;
const logger: Logger = {
  debug: ignore,
  info: (message) => lines.push(`info: ${message}`),
  warning: ignore,
  error: (message) => lines.push(`error: ${message}`),
  critical: ignore,
  log: ignore,
  isEnabled: () => true,
  flushSync: ignore,
  reopen: ignore,
  close: ignore,
};
let calls: Plain[][] = [];
beforeEach(() => {
  lines.length = 0;
  calls = [];
});

/** Opens `bind` with a Python that gives these answers to `listen`, one after the other; the last stays. */
function open(
  bind: readonly string[],
  answers: readonly Plain[],
  pause = () => Promise.resolve(),
  held: readonly Listener[] = [],
) {
  let next = 0;
  return openListeners({
    addresses: bind.map(parseAddress),
    held,
    backlog: 64,
    secure: false,
    umask: 0o7,
    reusePort: true,
    owner: { uid: 33, gid: 4 },
    interpreter: {
      call: (module, name, ...args) => {
        calls.push([module, name, ...args]);
        if (name !== 'listen') return null;
        return answers[Math.min(next++, answers.length - 1)] ?? null;
      },
    },
    logger,
    pause,
    findOwner: () => ({ pid: 77, command: 'gunicorn app:app' }),
  });
}

const opened = (fd: number, port: number): Plain => ({
  ok: true,
  fd,
  owned: true,
  address: { kind: 'tcp', host: '127.0.0.1', port },
});
const refused = (code: string, reason = 'why'): Plain => ({ ok: false, code, reason });

test('each address is opened, and shown as it was really bound', async () => {
  const listeners = await open(['127.0.0.1:0', ':8001'], [opened(20, 40123), opened(21, 8001)]);
  const shown = listeners.map(({ fd, url, asked, owned }) => ({ fd, url, asked, owned }));
  assert.deepEqual(shown, [
    { fd: 20, url: 'http://127.0.0.1:40123', asked: 'http://127.0.0.1:0', owned: true },
    { fd: 21, url: 'http://127.0.0.1:8001', asked: 'http://0.0.0.0:8001', owned: true },
  ]);
  assert.deepEqual(calls[0], [
    'sockets',
    'listen',
    { kind: 'tcp', host: '127.0.0.1', port: 0 },
    64,
    0o7,
    true,
    [33, 4],
  ]);
});

test('what is there already is taken, each once, and the others are opened', async () => {
  const asked = 'http://127.0.0.1:0';
  const held = [5, 6].map((fd) => ({
    id: fd,
    fd,
    url: `http://127.0.0.1:${fd}`,
    asked,
    owned: true,
  }));
  const bind = ['127.0.0.1:0', ':8001', '127.0.0.1:0', '127.0.0.1:0'];
  const listeners = await open(bind, [opened(20, 8001), opened(21, 9)], undefined, held);
  assert.deepEqual(
    listeners.map(({ fd }) => fd),
    [5, 20, 6, 21],
  );
});

test('what is there already stays when another one cannot be had', async () => {
  const held = [{ id: 5, fd: 5, url: 'x', asked: 'http://0.0.0.0:8000', owned: true }];
  await assert.rejects(open([':8000', ':8001'], [refused('EADDRNOTAVAIL')], undefined, held));
  assert.deepEqual(
    calls.map(([, name]) => name),
    ['listen'],
  );
});

test('an address in use is tried again, and its owner is named once', async () => {
  const listeners = await open(
    [':8000'],
    [refused('EADDRINUSE'), refused('EADDRINUSE'), opened(9, 8000)],
  );
  assert.equal(listeners[0]?.fd, 9);
  assert.deepEqual(lines, [
    'error: Connection in use: http://0.0.0.0:8000 (held by process 77: gunicorn app:app)',
    'info: Retrying in 1 second.',
    'error: Connection in use: http://0.0.0.0:8000',
    'info: Retrying in 1 second.',
  ]);
});

test('after five retries an address in use is given up', async () => {
  await assert.rejects(open([':8000'], [refused('EADDRINUSE')]), {
    code: 'ERR_WSGI_ADDRESS_IN_USE',
    exitCode: 1,
    message: "Can't listen on http://0.0.0.0:8000: the address is in use",
  });
  assert.equal(calls.filter(([, name]) => name === 'listen').length, 6);
  assert.equal(lines.length, 10);
});

test('the waiting can be interrupted', async () => {
  const interrupted = () => Promise.reject(new Error('interrupted'));
  await assert.rejects(open([':8000'], [refused('EADDRINUSE')], interrupted), /interrupted/);
});

test('what was opened before a failure is closed', async () => {
  await assert.rejects(open([':8000', ':8001'], [opened(9, 8000), refused('EADDRNOTAVAIL')]));
  assert.deepEqual(calls.at(-1), ['sockets', 'release', 9, true]);
});

for (const [bind, code, expected] of [
  [':80', 'EACCES', { code: 'ERR_WSGI_ADDRESS_DENIED', message: /below 1024/, remedy: /setcap/ }],
  ['unix:/x/s', 'EACCES', { code: 'ERR_WSGI_ADDRESS_DENIED', remedy: /folder/ }],
  ['192.0.2.1', 'EADDRNOTAVAIL', { code: 'ERR_WSGI_ADDRESS_NOT_AVAILABLE' }],
  ['nowhere', 'UNRESOLVED', { code: 'ERR_WSGI_ADDRESS_UNRESOLVED', message: /\(why\)/ }],
  ['unix:/x', 'NOT_A_SOCKET', { code: 'ERR_WSGI_ADDRESS_NOT_A_SOCKET', remedy: /left as it is/ }],
  ['fd://9', 'NOT_A_STREAM', { code: 'ERR_WSGI_ADDRESS_NOT_A_SOCKET', remedy: /descriptor/ }],
  ['fd://9', 'EBADF', { code: 'ERR_WSGI_ADDRESS', message: /why/ }],
] as const) {
  test(`${code} on ${bind} is one clear error, at once`, async () => {
    await assert.rejects(open([bind], [refused(code)]), {
      name: 'WsgiTsError',
      blame: 'operator',
      exitCode: 1,
      ...expected,
    });
    assert.deepEqual(lines, []);
  });
}
