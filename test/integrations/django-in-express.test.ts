// The example of Django's admin inside an Express app, set up and started as its README says.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { Visitor as Browser } from '../helpers/visitor.ts';
import { overSocket } from '../helpers/visitor.ts';
import { Example } from '../helpers/example.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

describe("Django's admin in an Express app", () => {
  let example: Example;
  let server: SpawnedProcess;
  let visitor: Browser;
  let url: string;
  before(async () => {
    example = new Example('django-in-express');
    const env = activatedEnvironment({ PORT: '0', DJANGO_SUPERUSER_PASSWORD: 'correct horse' });
    const run = (command: string): void => {
      execFileSync('sh', ['-c', command], { cwd: example.folder, env, stdio: 'pipe' });
    };
    run(example.scripts['setup'] ?? '');
    run(`${example.scripts['superuser'] ?? ''} --noinput --username=admin --email=a@example.com`);
    assert.equal(example.scripts['start'], 'node server.js');
    server = new SpawnedProcess(process.execPath, ['server.js'], { cwd: example.folder, env });
    [, url = ''] = await server.waitForOutput(/Listening at (\S+)/);
    visitor = new Browser(overSocket(url));
  });
  after(() => {
    server.killGroup();
    example.remove();
  });

  it('leaves all other paths to Express', async () => {
    const home = await fetch(url);
    assert.equal(home.headers.get('x-powered-by'), 'Express');
    assert.match(await home.text(), /The shop/);
    assert.equal((await fetch(`${url}/admin/`)).headers.get('server'), null);
  });

  it('knows where it is mounted', async () => {
    const answer = await visitor.get('/backoffice/');
    assert.equal(answer.status, 302);
    assert.equal(answer.header('location'), '/backoffice/login/?next=/backoffice/');
  });

  it("has the admin's styles from Express", async () => {
    const login = await (await fetch(`${url}/backoffice/login/`)).text();
    const [, style = ''] = /href="(\/backoffice\/static\/admin\/css\/base\.css)"/.exec(login) ?? [];
    const answer = await fetch(url + style);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/css/);
    assert.equal(answer.headers.get('server'), null);
    assert.equal((await fetch(`${url}/backoffice/static/none.css`)).status, 404);
  });

  it('lets its superuser in, and keeps books', async () => {
    const token = (): Record<string, string> => ({
      csrfmiddlewaretoken: visitor.hidden('csrfmiddlewaretoken'),
    });
    await visitor.get('/backoffice/login/?next=/backoffice/');
    const user = { ...token(), username: 'admin', password: 'correct horse' };
    const inside = await visitor.submit('/backoffice/login/?next=/backoffice/', user);
    assert.equal(inside.header('location'), '/backoffice/');
    await visitor.get('/backoffice/books/book/add/');
    const added = await visitor.submit('/backoffice/books/book/add/', {
      ...token(),
      title: 'Momo',
    });
    assert.equal(added.header('location'), '/backoffice/books/book/');
    await visitor.get('/backoffice/books/book/');
    assert.match(visitor.record.at(-1)?.received.body.toString() ?? '', />Momo<\/a>/);
  });

  it('ends at SIGTERM', async () => {
    assert.equal(await server.stop(), 0);
  });
});
