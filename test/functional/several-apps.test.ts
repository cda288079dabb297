// Several apps in one process: each with its own folder, mount and threads, one interpreter for all of them. The folders are
// made here, since what counts is which files have the same names.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createHandler, type AppHandler } from '../../src/index.ts';
import { openGate } from '../helpers/gate.ts';
import { testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';

const { python } = testPythonEnvironment();
const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-apps-'));
const handlers: AppHandler[] = [];
const silent = { error: () => undefined, warn: () => undefined, info: () => undefined };
after(async () => {
  await Promise.all(handlers.map((handler) => handler.close()));
  rmSync(folder, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function handlerOf(module: string, chdir: string): AppHandler {
  const target = { module, callable: 'app', chdir: join(folder, chdir), python };
  const handler = createHandler(target, { logger: silent });
  handlers.push(handler);
  return handler;
}

const answering = (expression: string): string => `
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(${expression}).encode()]
`;

test('two files cannot have one name, and the first app goes on', async () => {
  write('a/site.wsgi_one.py', ''); // no module's name: nobody minds
  write('a/app.py', answering('"a"'));
  write('b/app.py', answering('"b"'));
  const first = handlerOf('app', 'a');
  await first.ready;
  await assert.rejects(handlerOf('app', 'b').ready, {
    code: 'ERR_WSGI_MODULE_CONFLICT',
    blame: 'application',
    message: new RegExp(`${join(folder, 'a', 'app.py')}.*${join(folder, 'b', 'app.py')}`),
  });
  assert.equal((await first.inject('/')).body, 'a');
});

test('nor can modules that both import, and the traceback says who', async () => {
  write('c/one.py', `import settings\n${answering('settings.name')}`);
  write('c/settings.py', 'name = "c"\n');
  write(
    'd/two.py',
    `import importlib\nsettings = importlib.import_module("settings")\n${answering('settings.name')}`,
  );
  write('d/settings.py', 'name = "d"\n');
  await handlerOf('one', 'c').ready;
  const error = (await handlerOf('two', 'd').ready.catch((reason: unknown) => reason)) as {
    code: string;
    python?: { type: string; traceback: string };
  };
  assert.equal(error.code, 'ERR_WSGI_MODULE_CONFLICT');
  assert.equal(error.python?.type, 'ImportError');
  assert.match(error.python.traceback, /d\/two\.py", line 2/);
});

test('what an app imports later comes from its own folder', async () => {
  const late = (name: string): string => `
def app(environ, start_response):
    import ${name}
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [${name}.name]
`;
  write('e/early.py', late('later'));
  write('e/later.py', 'name = b"e"\n');
  write('f/other.py', answering('"f"'));
  write('f/later.py', 'name = b"f"\n');
  const early = handlerOf('early', 'e');
  await early.ready;
  await handlerOf('other', 'f').ready;
  assert.equal((await early.inject('/')).body, 'e');
});

test('two handlers of one app are one module with threads of its own for each', async () => {
  await using gate = await openGate();
  const options = { chdir: inRepository('fixtures', 'apps'), python, logger: silent };
  const [one, other] = [
    createHandler('sleeping:app', options),
    createHandler('sleeping:app', options),
  ];
  handlers.push(one, other);
  const asleep = one.inject(`/sleep?${gate.query}`);
  await gate.said();
  assert.equal((await other.inject('/')).body, 'awake\n');
  assert.deepEqual([one.stats().outstanding, other.stats().outstanding], [1, 0]);
  await other.close();
  gate.letGo();
  assert.equal((await asleep).body, 'slept\n');
});

test('a second Python is refused', async () => {
  const options = { chdir: inRepository('fixtures', 'apps'), logger: silent };
  const handler = createHandler({ module: 'sleeping', python: '/usr/bin/python3' }, options);
  await assert.rejects(handler.ready, { code: /^ERR_WSGI_PYTHON_/, blame: 'operator' });
});
