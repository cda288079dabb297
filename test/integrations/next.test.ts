// The plug for Next.js, with the real Next: the example's custom server in development, and an app as a route of the Pages
// Router. `next dev` compiles one small page of each.

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { withWsgi, wsgi } from '../../src/integrations/next.ts';
import { Example } from '../helpers/example.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

const env = activatedEnvironment({ NEXT_TELEMETRY_DISABLED: '1', PORT: '0', NO_COLOR: '1' });

describe("the example's custom server", () => {
  let example: Example;
  let server: SpawnedProcess;
  let url: string;
  before(async () => {
    example = new Example('next');
    allowLinks(example);
    assert.equal(example.scripts['dev'], 'node server.js');
    server = new SpawnedProcess(process.execPath, ['server.js'], { cwd: example.folder, env });
    [, url = ''] = await server.waitForOutput(/Listening at (\S+)/);
  });
  after(() => {
    server.killGroup();
    example.remove();
  });

  it("gives Flask's paths to Flask", async () => {
    const answer = await fetch(`${url}/api/notes`);
    assert.equal(answer.headers.get('server'), 'wsgi-ts');
    assert.deepEqual(await answer.json(), ['Put the kettle on']);
    const sent = { method: 'POST', body: new URLSearchParams({ text: 'Tea' }) };
    assert.equal((await fetch(`${url}/api/notes`, sent)).status, 201);
    assert.equal((await fetch(`${url}/api/nothing`)).headers.get('server'), 'wsgi-ts');
  });

  it('and all others to Next', async () => {
    const page = await fetch(url);
    assert.equal(page.headers.get('x-powered-by'), 'Next.js');
    assert.match(await page.text(), /<h1>Notes<\/h1>/);
  });

  it('ends at SIGTERM', async () => {
    assert.equal(await server.stop(), 0);
  });
});

describe('routes of both routers, under `next dev`', () => {
  let example: Example;
  let server: SpawnedProcess;
  before(() => {
    example = new Example('next');
    allowLinks(example);
    mkdirSync(example.path('pages', 'api'), { recursive: true });
    writeFileSync(example.path('pages', 'api', '[[...path]].js'), pagesRoute);
    mkdirSync(example.path('app', 'first'));
    writeFileSync(example.path('app', 'first', 'route.js'), appRoute);
    const program = example.path('node_modules', 'next', 'dist', 'bin', 'next');
    server = new SpawnedProcess(process.execPath, [program, 'dev', '--hostname=127.0.0.1'], {
      cwd: example.folder,
      env,
    });
  });
  after(() => {
    server.killGroup();
    example.remove();
  });

  it('answer with the app, which is loaded at the first request', async () => {
    const [, url = ''] = await server.waitForOutput(/(http:\/\/127\.0\.0\.1:\d+)/);
    assert.deepEqual(await (await fetch(`${url}/api/notes`)).json(), ['Put the kettle on']);
    const sent = { method: 'POST', body: new URLSearchParams({ text: 'Tea' }) };
    const answer = await fetch(`${url}/api/notes`, sent);
    assert.equal(answer.status, 201);
    assert.deepEqual(await answer.json(), ['Put the kettle on', 'Tea']);
    assert.equal((await fetch(`${url}/api/nothing`)).status, 404);
    // Bundled, unlike what a route of the other router imports: this is what withWsgi is for.
    assert.equal(await (await fetch(`${url}/first`)).text(), 'Put the kettle on');
  });
});

describe('withWsgi', () => {
  it('adds to what is there, once', () => {
    const config = { serverExternalPackages: ['pymport', 'sharp'], reactStrictMode: true };
    assert.deepEqual(withWsgi(config), {
      serverExternalPackages: ['pymport', 'sharp', 'wsgi-ts'],
      reactStrictMode: true,
    });
    assert.deepEqual(withWsgi(), { serverExternalPackages: ['wsgi-ts', 'pymport'] });
  });

  it('takes a function, as Next does', async () => {
    const config = withWsgi((phase: string) => Promise.resolve({ env: { phase } }));
    const { env: given, ...more } = await config('phase-x');
    assert.deepEqual(given, { phase: 'phase-x' });
    assert.deepEqual(more, { serverExternalPackages: ['wsgi-ts', 'pymport'] });
  });
});

describe('its listener', () => {
  it('needs prefixes that are paths', () => {
    for (const prefixes of [[], ['/'], ['api']])
      assert.throws(() => wsgi({ target: 'app:app', prefixes, next: () => undefined }), {
        code: 'ERR_WSGI_PREFIX',
      });
  });
});

const pagesRoute = `
import { wsgiRoute } from 'wsgi-ts/next';

export const config = { api: { bodyParser: false, externalResolver: true } };
export default wsgiRoute('app:app', { chdir: 'backend' });
`;

const appRoute = `
import { createHandler } from 'wsgi-ts';

const backend = createHandler('app:app', { chdir: 'backend' });

export async function GET() {
  const [first] = (await backend.inject('/api/notes')).json();
  return new Response(first);
}
`;

/** Turbopack doesn't follow links out of its root; here node_modules is such a link, which it isn't where npm made it. */
function allowLinks(example: Example): void {
  renameSync(example.path('next.config.mjs'), example.path('example.config.mjs'));
  const config = "import config from './example.config.mjs';\n";
  const wrapped = "export default { ...config, turbopack: { root: '/' } };\n";
  writeFileSync(example.path('next.config.mjs'), config + wrapped);
}
