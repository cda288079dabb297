// What ps shows of master and workers, and that the app's own view of its command line is not touched by it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { startServer } from '../helpers/server-process.ts';

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const longName = 'a-name-that-is-longer-than-most-' + 'x'.repeat(200);

for (const [args, name] of [
  [[], 'process_facts:app'],
  [['--name=shop'], 'shop'],
  [['-n', longName], longName],
] as const) {
  test(`processes are called by ${name.slice(0, 20)}, and sys.argv is what was typed`, async () => {
    await using server = await startServer([...args, ...apps, 'process_facts:app']);
    const [worker = 0] = server.workerPids();
    for (const [role, pid] of [
      ['master', server.pid],
      ['worker', worker],
    ] as const) {
      const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+$/, '');
      assert.equal(title, `wsgi-ts: ${role} [${name}]`);
    }
    using client = await connect(server.port);
    await client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { argv } = JSON.parse((await client.readResponse()).text) as { argv: string[] };
    assert.deepEqual(argv.slice(-3 - args.length), [...args, ...apps, 'process_facts:app']);
  });
}
