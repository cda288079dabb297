// The tutorial's Flask app, served with the tutorial's own command line but for the port.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Browser } from '../helpers/browser.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, startServer } from '../helpers/server-process.ts';
import type { ServerProcess } from '../helpers/server-process.ts';
import { serveSideBySide } from '../helpers/side-by-side.ts';
import type { SideBySide } from '../helpers/side-by-side.ts';

describe("the tutorial's app, four workers", () => {
  let server: ServerProcess;

  before(async () => {
    const args = ['--workers=4', '--bind=0.0.0.0:0', 'app:app'];
    server = await startServer(args, { cwd: inRepository('fixtures', 'tutorial') });
  });

  after(async () => {
    if (server.end === undefined) await server.stop();
  });

  it('answers with its greeting', async () => {
    const answer = await new Browser(`http://127.0.0.1:${String(server.port)}`).get('/');
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'Hello from Flask App\n');
    assert.equal(answer.header('content-type'), 'text/html; charset=utf-8');
    assert.equal(answer.header('content-length'), '21');
  });

  it('logs its start as gunicorn does', () => {
    const stamp = String.raw`\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]`;
    const lines = server
      .stderr()
      .split('\n')
      .filter((line) => line.includes('[INFO]'));
    const pid = String(server.pid);
    const expected = [
      String.raw`\[${pid}\] \[INFO\] Starting wsgi-ts \d+\.\d+\.\d+`,
      String.raw`\[${pid}\] \[INFO\] Listening at: http://0\.0\.0\.0:${String(server.port)} \(${pid}\)`,
      String.raw`\[${pid}\] \[INFO\] Using worker: sync`,
      ...Array.from(
        { length: 4 },
        () => String.raw`\[(\d+)\] \[INFO\] Booting worker with pid: \1`,
      ),
    ];
    for (const [index, text] of expected.entries()) {
      assert.match(lines[index] ?? '', new RegExp(`^${stamp} ${text}$`));
    }
    assert.equal(server.stdout(), '');
  });

  it('ends with exit code 0 on Ctrl-C and leaves no worker behind', async () => {
    const workers = server.workerPids();
    assert.equal(workers.length, 4);
    assert.equal(await server.stop('SIGINT'), 0);
    assert.deepEqual(workers.filter(isAlive), []);
  });
});

describe("the tutorial's app, beside gunicorn", () => {
  let both: SideBySide;

  before(async () => {
    both = await serveSideBySide({ folder: 'tutorial', app: 'app:app' });
  });

  after(() => both.stop());

  it('gives the same page, and the same error pages', async () => {
    await both.get('/');
    await both.get('/?a=b');
    await both.visit((visitor) => visitor.send('HEAD', '/'));
    await both.visit((visitor) => visitor.send('OPTIONS', '/'));
    assert.equal((await both.get('/nowhere')).status, 404);
    const refused = await both.visit((visitor) => visitor.submit('/', { a: 'b' }));
    assert.equal(refused.status, 405);
    assert.deepEqual(refused.header('allow')?.split(', ').sort(), ['GET', 'HEAD', 'OPTIONS']);
  });
});
