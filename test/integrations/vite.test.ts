// The plug for Vite, with the real Vite: the example as `npm run dev` runs it, through an edit, a mistake and its mend; and
// what an app sees and does behind it, in servers of this process.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { build, createServer, preview, type ServerOptions, type ViteDevServer } from 'vite';
import { wsgi, type ViteWsgiOptions } from '../../src/integrations/vite.ts';
import { makeCertificate } from '../helpers/certificates.ts';
import { Example } from '../helpers/example.ts';
import { HotSocket } from '../helpers/hot-socket.ts';
import { openGate } from '../helpers/gate.ts';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { connect } from '../helpers/raw-client.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const quiet = { logLevel: 'silent' } as const;

describe('the example, under `npm run dev`', () => {
  let example: Example;
  let vite: SpawnedProcess;
  let url: string;
  let page: HotSocket;
  const app = (): string => example.path('backend', 'app.py');
  const notes = async (): Promise<unknown> => (await fetch(`${url}/api/notes`)).json();
  /** Saves the app's file as an editor does, with a change; says what stood there. */
  const edit = (change: (text: string) => string): void => {
    writeFileSync(app(), change(readFileSync(app(), 'utf8')));
  };

  before(async () => {
    example = new Example('vite');
    assert.equal(example.scripts['dev'], 'vite');
    const program = example.path('node_modules', 'vite', 'bin', 'vite.js');
    vite = new SpawnedProcess(process.execPath, [program, '--host=127.0.0.1', '--port=0'], {
      cwd: example.folder,
      env: activatedEnvironment({ TMPDIR: example.temporary(), NO_COLOR: '1' }),
    });
    [url] = (await vite.waitForOutput(/http:\/\/127\.0\.0\.1:\d+/)) as unknown as [string];
    page = await HotSocket.open(url);
    await page.next('connected');
  });
  after(() => {
    vite.killGroup();
    example.remove();
  });

  it('has the front end and the app at one address, and says so', async () => {
    assert.match(await (await fetch(url)).text(), /<script type="module" src="\/src\/main\.js">/);
    assert.deepEqual(await notes(), ['Put the kettle on']);
    const sent = await fetch(`${url}/api/notes`, {
      method: 'POST',
      body: new URLSearchParams({ text: 'Tea' }),
    });
    assert.equal(sent.status, 201);
    await vite.waitForOutput(/wsgi-ts: \/api → app:app/);
  });

  it('loads the app anew when its file changes, and then the page', async () => {
    edit((text) => text.replace('kettle', 'pot'));
    await page.next('full-reload');
    assert.deepEqual(await notes(), ['Put the pot on']);
    await vite.waitForOutput(/app:app reloaded: app\.py/);
  });

  it('shows in the overlay and the terminal why the app can no longer be loaded', async () => {
    edit((text) => `${text}\nimport no_such_package\n`);
    const { err } = await page.next('error');
    assert.equal(err.plugin, 'wsgi-ts');
    assert.match(err.message, /`app` imports `no_such_package`/);
    assert.match(err.stack, /File ".*\/backend\/app\.py", line 17, in <module>\n.*import no_such/);
    assert.deepEqual(err.loc, { file: app(), line: 17, column: 0 });
    assert.match(err.frame ?? '', /^> 17 {2}\| {2}import no_such_package$/m);
    await vite.waitForOutput(/ModuleNotFoundError: No module named 'no_such_package'/);
    await vite.waitForOutput(/\[wsgi-ts\] app:app can't be served as it is/);
    assert.deepEqual(await notes(), ['Put the pot on'], 'the last version goes on');
  });

  it('shows it to a page that is opened now', async () => {
    using late = await HotSocket.open(url);
    assert.match((await late.next('error')).err.message, /no_such_package/);
  });

  it('mends itself at the next save', async () => {
    edit((text) => text.replace('import no_such_package', '').replace('pot', 'kettle'));
    await page.next('full-reload');
    assert.deepEqual(await notes(), ['Put the kettle on']);
    using late = await HotSocket.open(url);
    await late.next('connected');
  });

  it('leaves neither a process nor a socket behind', async () => {
    const pids = descendants(vite.pid);
    assert.ok(pids.length >= 2, 'a master and a worker');
    assert.equal(readdirSync(example.temporary()).length, 1);
    vite.signal('SIGTERM');
    await vite.waitForEnd();
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(readdirSync(example.temporary()), []);
  });
});

describe('the example in production', () => {
  it('serves what Vite has built, and the app, without Vite', async () => {
    const example = new Example('vite');
    try {
      assert.deepEqual(
        [example.scripts['build'], example.scripts['start']],
        ['vite build', 'node server.js'],
      );
      await build({ root: example.folder, configFile: example.path('vite.config.js'), ...quiet });
      await using server = new SpawnedProcess(process.execPath, ['server.js'], {
        cwd: example.folder,
        env: activatedEnvironment({ PORT: '0' }),
      });
      const [, url = ''] = await server.waitForOutput(/Listening at (\S+)/);
      const [, script = ''] =
        /src="(\/assets\/.+?\.js)"/.exec(await (await fetch(url)).text()) ?? [];
      assert.match(await (await fetch(url + script)).text(), /\/api\/notes/);
      assert.deepEqual(await (await fetch(`${url}/api/notes`)).json(), ['Put the kettle on']);
      assert.equal(await server.stop(), 0);
    } finally {
      example.remove();
    }
  });
});

describe('an app behind Vite', () => {
  const root = mkdtempSync(join(tmpdir(), 'wsgi-ts-vite-'));
  const open: { close(): Promise<void> }[] = [];
  after(async () => {
    await Promise.all(open.map((server) => server.close()));
    rmSync(root, { recursive: true });
  });

  const plugin = (options: Omit<ViteWsgiOptions, 'prefixes'>): ReturnType<typeof wsgi> =>
    wsgi({
      prefixes: ['/app'],
      chdir: inRepository('fixtures', 'apps'),
      python: testPythonEnvironment().python,
      ...options,
    });
  const develop = async (
    options: Omit<ViteWsgiOptions, 'prefixes'>,
    server: ServerOptions = {},
  ): Promise<{ vite: ViteDevServer; url: string; port: number }> => {
    const vite = await createServer({
      root,
      configFile: false,
      ...quiet,
      server: { port: 0, host: '127.0.0.1', ...server },
      plugins: [plugin(options)],
    });
    open.push(vite);
    await vite.listen();
    const url = vite.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '';
    return { vite, url, port: Number(new URL(url).port) };
  };

  it('sees its client, the whole path, and the mount where that is wanted', async () => {
    const whole = await develop({ target: 'mounted:app' });
    const sent = { method: 'POST', body: 'its body' };
    assert.deepEqual(await (await fetch(`${whole.url}/app/a%20b?q=1`, sent)).json(), {
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: '',
      PATH_INFO: '/app/a b',
      QUERY_STRING: 'q=1',
      REMOTE_ADDR: '127.0.0.1',
      uri: `${whole.url}/app/a%20b?q=1`,
      body: 'its body',
    });
    assert.equal((await fetch(`${whole.url}/apple`)).status, 404);
    const { url } = await develop({ target: 'mounted:app', mount: true });
    const seen = (await (await fetch(`${url}/app/x`)).json()) as Record<string, string>;
    assert.deepEqual([seen['SCRIPT_NAME'], seen['PATH_INFO']], ['/app', '/x']);
    assert.equal(seen['uri'], `${url}/app/x`);
  });

  it('is told by nobody else who its client is', async () => {
    const { port } = await develop({ target: 'mounted:app', mount: true });
    using client = await connect(port);
    const head = ['Host: a.localhost:1', 'SCRIPT_NAME: /evil', 'X-Forwarded-For: 192.0.2.1'];
    await client.send(Buffer.from(`GET /app/x HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`));
    const seen = JSON.parse((await client.readResponse()).text) as Record<string, string>;
    assert.equal(seen['REMOTE_ADDR'], '127.0.0.1');
    assert.equal(seen['uri'], 'http://a.localhost:1/app/x');
  });

  it('is reached over HTTP/2, too, which Vite speaks with `server.https`', async () => {
    const { cert, key } = makeCertificate();
    const https = { cert: readFileSync(cert), key: readFileSync(key) };
    const { url } = await develop({ target: 'mounted:app', mount: true }, { https });
    const session = connectHttp2(url, { rejectUnauthorized: false });
    try {
      const sent = session.request({ ':path': '/app/x?q=1', ':method': 'POST' });
      sent.end('its body');
      const seen = (await json(sent)) as Record<string, string>;
      assert.equal(seen['uri'], `${url}/app/x?q=1`);
      assert.equal(seen['body'], 'its body');
    } finally {
      session.close();
    }
  });

  it('streams, and hears when its client leaves', async () => {
    const { url } = await develop({ target: 'disconnected:app', mount: true });
    await using gate = await openGate();
    await new Promise<void>((resolve, reject) => {
      const sent = request(`${url}/app/stream?${gate.query}`, (answer) => {
        answer.once('data', (block: Buffer) => {
          assert.equal(block.toString(), 'first\n');
          sent.destroy();
          resolve();
        });
      });
      sent.on('error', reject).end();
    });
    assert.deepEqual([await gate.said(), await gate.said()], ['called, gone: False', 'gone']);
  });

  it('passes early hints on, and answers who asks for another protocol', async () => {
    const { url, port } = await develop({ target: 'early_hints:app', mount: true });
    const hints = await new Promise((resolve, reject) => {
      const sent = request(`${url}/app/`, { method: 'POST' }, (answer) => answer.resume());
      sent.on('information', ({ headers }) => {
        resolve(headers['link']);
      });
      sent.on('error', reject).end('[[("Link", "</a.css>; rel=preload; as=style")]]');
    });
    assert.equal(hints, '</a.css>; rel=preload; as=style');
    using client = await connect(port);
    const head = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    await client.send(Buffer.from(`GET /app/ HTTP/1.1\r\n${head}`));
    assert.equal((await client.readResponse()).text, 'raised:');
  });

  it('may fail at its first start: the server lives, and the next save starts it', async () => {
    const file = join(root, 'later.py');
    writeFileSync(file, 'import no_such_package\n');
    const { url } = await develop({ target: 'later:app', chdir: root, stderr: 'ignore' });
    const failed = await fetch(`${url}/app`);
    assert.equal(failed.status, 500);
    assert.match(await failed.text(), /ModuleNotFoundError: No module named 'no_such_package'/);
    using page = await HotSocket.open(url);
    assert.match((await page.next('error')).err.stack, /no_such_package/);
    writeFileSync(file, readFileSync(inRepository('fixtures', 'apps', 'does_nothing.py')));
    await page.next('full-reload');
    assert.equal((await fetch(`${url}/app`)).status, 200);
  });

  it('has a new process when Vite restarts, and the old one is gone', async () => {
    const { vite, url } = await develop({ target: 'process_facts:app' });
    const pid = async (): Promise<number> =>
      ((await (await fetch(`${url}/app`)).json()) as { pid: number }).pid;
    const first = await pid();
    await vite.restart();
    assert.notEqual(await pid(), first);
    assert.equal(isAlive(first), false);
  });

  it('is served by `vite preview`, too, and ends with it', async () => {
    const server = await preview({
      root,
      configFile: false,
      ...quiet,
      preview: { port: 0, host: '127.0.0.1' },
      plugins: [plugin({ target: 'process_facts:app' })],
    });
    open.push(server);
    const facts = await (await fetch(`${server.resolvedUrls?.local[0] ?? ''}app`)).json();
    await server.close();
    assert.equal(isAlive((facts as { pid: number }).pid), false);
  });

  it('needs prefixes that are paths', () => {
    for (const prefixes of [[], ['/'], ['api'], ['/api?']])
      assert.throws(() => wsgi({ target: 'app:app', prefixes }), { code: 'ERR_WSGI_PREFIX' });
  });
});

/** The processes that a process has started, and those that they have. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
