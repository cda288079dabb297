// --reload while the app can't be loaded: the server stays, each request is answered with the traceback, and the next
// save mends it. How the page looks is in test/unit/worker/failure-page.test.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { connect as connectSession } from 'node:http2';
import { describe, test } from 'node:test';
import { Browser } from '../helpers/browser.ts';
import { connect } from '../helpers/raw-client.ts';
import { answering, get, project, serve } from '../helpers/reloading.ts';
import { startServer } from '../helpers/server-process.ts';

describe('an app that can’t be loaded', () => {
  const broken: Readonly<Record<string, readonly [string, RegExp, RegExp]>> = {
    'has a syntax error': ['def app(:\n', /SyntaxError: invalid syntax/, /SyntaxError in app\.py/],
    'imports what is not installed': [
      'import nowhere.to_be_found\n',
      /`app` imports `nowhere`, which is not installed[^]*pip install nowhere[^]*app\.py", line 1/,
      /ModuleNotFoundError in app\.py/,
    ],
    'imports what a module of its own does not have': [
      'from shop import nothing\n',
      /cannot import name 'nothing' from 'shop'/,
      /ImportError in app\.py/,
    ],
    'raises in a module of its own': [
      'from shop import models\n',
      /`app` could not be imported: ValueError: <boom>[^]*shop\/models\.py", line 2, in <module>/,
      /ValueError in shop\/models\.py[^]*raise ValueError\(&quot;&lt;boom>&quot;\)/,
    ],
    'calls sys.exit()': [
      'import sys\nsys.exit(3)\n',
      /it called sys\.exit\(3\)/,
      /SystemExit in app\.py/,
    ],
    'has no app': ['application = 1\n', /has no `app`/, /The app can’t be loaded/],
    'is not there': ['', /has no `app`|There is no module/, /The app can’t be loaded/],
  };
  const shop = {
    'shop/__init__.py': '',
    'shop/models.py': '# a comment\nraise ValueError("<boom>")\n',
  };

  for (const [what, [source, text, html]] of Object.entries(broken)) {
    test(`since it ${what} is answered for, and mended by the next save`, async () => {
      const { top, save, path } = project({ ...shop, 'app.py': source });
      if (source === '') unlinkSync(path('app.py'));
      await using server = await serve(top);
      const plain = await get(server);
      assert.equal(plain.status, 500);
      assert.match(plain.text, text);
      assert.equal(plain.header('Content-Type'), 'text/plain; charset=utf-8');
      assert.equal(plain.header('Cache-Control'), 'no-store');
      assert.equal(plain.header('Retry-After'), undefined);
      assert.match(server.stderr(), text);
      const page = await get(server, 'text/html,*/*;q=0.8');
      assert.equal(page.header('Content-Type'), 'text/html; charset=utf-8');
      assert.match(page.text, html);
      const head = await new Browser(server.url).send('HEAD', '/any/where');
      assert.equal(head.header('X-Wsgi-Ts-Failure'), page.header('X-Wsgi-Ts-Failure'));
      assert.match(head.header('X-Wsgi-Ts-Failure') ?? '', /^[0-9a-f]{16}$/);
      assert.equal(head.body.length, 0);
      save('app.py', answering('"mended"'));
      await server.waitForReadyWorkers(2);
      const answer = await get(server);
      assert.equal(answer.text, 'mended');
      assert.equal(answer.header('X-Wsgi-Ts-Failure'), undefined);
      assert.equal(await server.stop(), 0);
    });
  }

  test('is so too after it could be', async () => {
    const { top, save } = project({ 'app.py': answering('"first"') });
    await using server = await serve(top);
    for (const [index, text] of ['boom', 'bang'].entries()) {
      save('app.py', `raise RuntimeError("${text}")\n`);
      await server.waitForReadyWorkers(2 + index);
      assert.match((await get(server)).text, new RegExp(`RuntimeError: ${text}`));
    }
    save('app.py', answering('"mended"'));
    await server.waitForReadyWorkers(4);
    assert.equal((await get(server)).text, 'mended');
  });

  test('has its requests in the access log, bodies and all', async () => {
    const { top } = project({ 'app.py': 'boom' });
    const format = '%(m)s %(U)s %(s)s %(b)s %(outcome)s';
    await using server = await serve(top, '--access-logfile=-', '--access-logformat', format);
    const { body } = await get(server);
    await new Browser(server.url).send('POST', '/form', { body: 'a=b' });
    await new Browser(server.url).send('HEAD', '/head');
    await server.stop();
    const bytes = String(body.length);
    assert.deepEqual(server.stdout().trim().split('\n'), [
      `GET / 500 ${bytes} app_error`,
      `POST /form 500 ${bytes} app_error`,
      'HEAD /head 500 0 app_error',
    ]);
  });

  test('is answered for on one connection after the other request, and over HTTP/2', async () => {
    const { top } = project({ 'app.py': 'boom' });
    await using server = await serve(top);
    using client = await connect(server.port);
    for (let i = 0; i < 3; i++) {
      await client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.equal((await client.readResponse()).status, 500);
    }
    const session = connectSession(server.url);
    const stream = session.request({ ':path': '/' });
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(head[':status'], 500);
    stream.resume();
    await once(stream, 'end');
    session.close();
  });

  test('what it printed before is shown at once', async () => {
    const { top } = project({ 'app.py': 'print("so far")\nboom\n' });
    await using server = await serve(top);
    await server.waitForOutput(/so far\n/, { stream: 'stdout' });
  });

  test('does not end the server, not even if it kills its worker, and is tried again when it changes', async () => {
    const { top, save } = project({ 'app.py': 'import os\nos._exit(7)\n' });
    await using server = await startServer(['--reload', '--chdir', top, 'app:app'], {
      ready: 'listening',
    });
    await server.waitForOutput(/A worker died before it was ready: next try in/);
    await server.waitForOutput(/Reloader is watching/);
    save('app.py', answering('"mended"'));
    await server.waitForReadyWorkers(1);
    assert.equal((await get(server)).text, 'mended');
  });

  test('ends the server without --reload, as ever', async () => {
    const { top } = project({ 'app.py': 'boom' });
    const server = await startServer(['--chdir', top, 'app:app'], { ready: 'spawned' });
    assert.equal(await server.waitForEnd(), 3);
  });
});
