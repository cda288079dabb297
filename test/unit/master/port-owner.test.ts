// Who holds an address: read from the real /proc about this very process, and from a made one.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import { findOwner } from '../../../src/master/port-owner.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-owner-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

async function listen(options: ListenOptions): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(options, resolve));
  return options.path === undefined ? (server.address() as AddressInfo).port : 0;
}

suite('in the real /proc', { skip: process.platform !== 'linux' && 'there is no /proc' }, () => {
  test('this process is found by its TCP port, with its command line', async () => {
    const port = await listen({ host: '127.0.0.1', port: 0 });
    for (const host of ['127.0.0.1', '0.0.0.0', '::', 'localhost']) {
      const owner = findOwner({ kind: 'tcp', host, port });
      assert.equal(owner?.pid, process.pid);
      assert.match(owner.command, /node.*port-owner/);
    }
  });

  test('another address at the same port is another matter', async () => {
    const port = await listen({ host: '127.0.0.1', port: 0 });
    assert.equal(findOwner({ kind: 'tcp', host: '127.0.0.2', port }), null);
  });

  test('a socket on all addresses is in the way of each', async () => {
    const port = await listen({ host: '0.0.0.0', port: 0 });
    assert.equal(findOwner({ kind: 'tcp', host: '127.0.0.1', port })?.pid, process.pid);
  });

  test('this process is found by the path of its unix socket', async () => {
    const path = join(folder, 'a b.sock');
    await listen({ path });
    assert.equal(findOwner({ kind: 'unix', path })?.pid, process.pid);
    assert.equal(findOwner({ kind: 'unix', path: join(folder, 'other') }), null);
  });

  test('nobody listens on a port that was given back', async () => {
    const port = await listen({ host: '127.0.0.1', port: 0 });
    await new Promise((resolve) => servers.pop()?.close(resolve));
    assert.equal(findOwner({ kind: 'tcp', host: '127.0.0.1', port }), null);
  });
});

suite('in a made /proc', () => {
  const proc = join(folder, 'proc');
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(proc, path)), { recursive: true });
    writeFileSync(join(proc, path), text);
  };
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const row = (local: string, state: string, inode: number): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0`;
  const v6 = (end: string): string => `${'0'.repeat(16)}${end}:1F40`;
  write(
    'net/tcp',
    [head, row('0100007F:1F40', '01', 11), row('0200007F:1F40', '0A', 12)].join('\n'),
  );
  write('net/tcp6', [head, row(v6('FFFF00000300007F'), '0A', 13)].join('\n'));
  for (const [pid, inode] of [
    [70, 12],
    [9, 12],
    [80, 13],
  ] as const) {
    write(`${pid}/cmdline`, `gunicorn\0app:app\0--process=${pid}\0${'x'.repeat(500)}\0`);
    mkdirSync(join(proc, `${pid}/fd`), { recursive: true });
    symlinkSync('/dev/null', join(proc, `${pid}/fd/0`));
    symlinkSync(`socket:[${inode}]`, join(proc, `${pid}/fd/5`));
  }

  test('of several processes with the socket the oldest is named, its command cut', () => {
    const owner = findOwner({ kind: 'tcp', host: '127.0.0.2', port: 8000 }, proc);
    assert.equal(owner?.pid, 9);
    assert.match(owner.command, /^gunicorn app:app --process=9 x+…$/);
    assert.equal(owner.command.length, 201);
  });

  test('a connection is not a listener', () => {
    assert.equal(findOwner({ kind: 'tcp', host: '127.0.0.1', port: 8000 }, proc), null);
  });

  test('an IPv4 address bound as IPv6 is seen', () => {
    assert.equal(findOwner({ kind: 'tcp', host: '127.0.0.3', port: 8000 }, proc)?.pid, 80);
  });

  test('an inherited descriptor has no owner to name, and no /proc no answer', () => {
    assert.equal(findOwner({ kind: 'fd', fd: 3 }, proc), null);
    const address = { kind: 'tcp', host: '127.0.0.2', port: 8000 } as const;
    assert.equal(findOwner(address, join(folder, 'none')), null);
  });
});
