// What statsd gets: gunicorn's metrics, in datagrams of several lines, over UDP and a unix socket.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { udpDaemon, unixDaemon } from '../helpers/daemon.ts';
import { requestBytes } from '../helpers/fixture-server.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';
import type { ServerProcess } from '../helpers/server-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const folder = mkdtempSync(join(tmpdir(), 'statsd-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function visit(server: ServerProcess, target: string): Promise<void> {
  using client = await connect(server.port);
  await client.send(requestBytes(target));
  await client.readResponse();
}

test('statsd hears over UDP of requests, workers, errors and the backlog, without an access log', async () => {
  await using statsd = await udpDaemon();
  const server = await startServer([
    ...['--statsd-host', `127.0.0.1:${String(statsd.port)}`, '--statsd-prefix', 'shop'],
    ...['--enable-backlog-metric', '--workers', '2', ...apps, 'logs:app'],
  ]);
  await visit(server, '/');
  await visit(server, '/raise');
  await statsd.waitFor(/^shop\.gunicorn\.request\.duration:\d+(\.\d+)?\|ms$/m);
  await statsd.waitFor(/^shop\.gunicorn\.requests:1\|c\|@1\.0$/m);
  await statsd.waitFor(/^shop\.gunicorn\.request\.status\.200:1\|c\|@1\.0$/m);
  await statsd.waitFor(/^shop\.gunicorn\.request\.status\.500:1\|c\|@1\.0$/m);
  await statsd.waitFor(/^shop\.gunicorn\.log\.error:1\|c\|@1\.0$/m);
  await statsd.waitFor(/^shop\.gunicorn\.log\.exception:1\|c\|@1\.0$/m);
  await statsd.waitFor(/^shop\.gunicorn\.workers:2\|g$/m);
  await statsd.waitFor(/^shop\.gunicorn\.backlog:0\|h$/m);
  assert.equal(await server.stop(), 0);
  await statsd.waitFor(/^shop\.gunicorn\.workers:0\|g$/m);
  assert.equal(server.stdout(), '');
});

test('statsd hears over a unix socket, with tags, also when it comes late', async () => {
  const path = join(folder, 'statsd');
  const server = await startServer([
    ...[
      '--statsd-host',
      `unix://${path}`,
      '--dogstatsd-tags',
      'env:test,blue',
      ...apps,
      'logs:app',
    ],
  ]);
  await visit(server, '/');
  await using statsd = await unixDaemon(path);
  await visit(server, '/');
  await statsd.waitFor(/^gunicorn\.requests:1\|c\|@1\.0\|#env:test,blue$/m);
  assert.equal(await server.stop(), 0);
});
