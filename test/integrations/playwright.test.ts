// The plug for Playwright, with the real test runner: the example, whose tests use no browser, and what becomes of a server
// that can't start.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { wsgi } from '../../src/integrations/playwright.ts';
import { Example } from '../helpers/example.ts';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { isAlive } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';

describe('the example', () => {
  let example: Example;
  before(() => {
    example = new Example('playwright');
  });
  after(() => {
    example.remove();
  });

  const run = (): SpawnedProcess => {
    assert.equal(example.scripts['test'], 'playwright test');
    const program = example.path('node_modules', '@playwright', 'test', 'cli.js');
    return new SpawnedProcess(process.execPath, [program, 'test', '--workers=2'], {
      cwd: example.folder,
      env: activatedEnvironment({ NO_COLOR: '1', CI: '1' }),
    });
  };

  it('visits the app from every worker, and ends it in order', async () => {
    const playwright = run();
    assert.equal(await playwright.waitForEnd(), 0, playwright.output());
    assert.match(playwright.stdout(), /2 passed/);
    const [, pid] = /\[app:app\].*\[(\d+)\] \[INFO\] Listening at/.exec(playwright.output()) ?? [];
    assert.equal(isAlive(Number(pid)), false);
    assert.match(playwright.output(), /\[app:app\].*Shutting down: Master/);
  });

  it("says why the app can't be loaded, and runs no test", async () => {
    const file = example.path('app.py');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nimport no_such_package\n`);
    const playwright = run();
    assert.equal(await playwright.waitForEnd(), 1);
    assert.match(playwright.output(), /was not able to start\. Exit code: 3/);
    assert.match(playwright.output(), /\[app:app\] ModuleNotFoundError: No module named/);
    assert.doesNotMatch(playwright.output(), /passed|hello\.spec/);
  });
});

describe('its entry', () => {
  it('has one port for one app, and another for another', () => {
    const [one, again, other] = [wsgi('app:app'), wsgi('app:app'), wsgi('other:app')];
    assert.deepEqual(one, again);
    assert.notEqual(one.baseURL, other.baseURL);
    assert.match(one.baseURL, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(one.webServer.wait?.stdout.test(`printed before\n${one.baseURL}\n`));
  });

  it('has the settings as arguments, quoted for the shell', () => {
    const { webServer, baseURL } = wsgi("shop:create_app('test')", { port: 8123, threads: 4 });
    assert.equal(baseURL, 'http://127.0.0.1:8123');
    assert.ok(
      webServer.command.endsWith(
        ` --threads=4 --bind=127.0.0.1:8123 --ready-fd=3 -- 'shop:create_app('\\''test'\\'')' 3>&1`,
      ),
      webServer.command,
    );
  });

  it('can be of a server that runs already', () => {
    const { webServer } = wsgi('app:app', { port: 8123, reuseExistingServer: true });
    assert.equal(webServer.url, 'http://127.0.0.1:8123/');
    assert.equal(webServer.reuseExistingServer, true);
    assert.throws(() => wsgi('app:app', { reuseExistingServer: true }), {
      code: 'ERR_WSGI_OPTION',
    });
  });
});
