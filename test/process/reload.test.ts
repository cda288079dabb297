// --reload as the person who develops an app meets it: a file is saved in the way of their editor, and the next
// answer is the new app's, or says why there is none. What is watched is in test/unit/master/reloader.test.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { connect } from '../helpers/raw-client.ts';
import { answering, get, project, serve } from '../helpers/reloading.ts';
import { inRepository } from '../helpers/repository.ts';

describe('a saved file is served', () => {
  type Save = (path: string, text: string) => void;
  const editors: Readonly<Record<string, Save>> = {
    'in place (VS Code, nano)': (path, text) => {
      writeFileSync(path, text);
    },
    'by a new file in its place (PyCharm, Sublime Text)': (path, text) => {
      writeFileSync(`${path}___jb_tmp___`, text);
      renameSync(path, `${path}___jb_old___`);
      renameSync(`${path}___jb_tmp___`, path);
      unlinkSync(`${path}___jb_old___`);
    },
    'as vim does it': (path, text) => {
      writeFileSync(join(dirname(path), '.app.py.swp'), 'swap');
      writeFileSync(join(dirname(path), '4913'), '');
      unlinkSync(join(dirname(path), '4913'));
      renameSync(path, `${path}~`);
      writeFileSync(path, text);
      unlinkSync(`${path}~`);
      unlinkSync(join(dirname(path), '.app.py.swp'));
    },
    'as Emacs does it': (path, text) => {
      symlinkSync('ada@host.123:456', join(dirname(path), '.#app.py'));
      writeFileSync(join(dirname(path), '#app.py#'), text);
      cpSync(path, `${path}~`);
      writeFileSync(path, text);
      unlinkSync(join(dirname(path), '.#app.py'));
      unlinkSync(join(dirname(path), '#app.py#'));
    },
    'as git does it': (path, text) => {
      unlinkSync(path);
      writeFileSync(path, text);
    },
  };
  for (const engine of ['auto', 'poll']) {
    test(`in the way of every editor, with the engine ${engine}`, async () => {
      const { top, path } = project({ 'app.py': answering('"0"') });
      await using server = await serve(top, '--reload-engine', engine);
      assert.equal((await get(server)).text, '0');
      let saves = 0;
      for (const [way, save] of Object.entries(editors)) {
        saves++;
        // Of the same size, and maybe in the same second: Python must not take what it compiled before.
        save(path('app.py'), answering(`"${String(saves)}"`));
        await server.waitForReadyWorkers(1 + saves);
        assert.equal((await get(server)).text, String(saves), way);
      }
      assert.equal(await server.stop(), 0);
      const lines = [...server.stderr().matchAll(/\[INFO\] (Worker reloading.*)/g)];
      assert.deepEqual(
        lines.map(([, line]) => line),
        Array.from({ length: saves }, () => 'Worker reloading: app.py modified'),
      );
    });
  }

  test('with a warning that this is for development', async () => {
    const { top } = project({ 'app.py': answering('""') });
    await using server = await serve(top);
    assert.match(server.stderr(), /\[WARNING\] Reloader is on\. Use in development only!\n/);
  });

  test('by all workers', async () => {
    const { top, save } = project({ 'app.py': answering('"first"') });
    await using server = await serve(top, '--workers=3');
    const before = server.workerPids();
    save('app.py', answering('"second"'));
    await server.waitForReadyWorkers(6);
    for (const pid of before)
      await server.waitForOutput(new RegExp(`Worker exiting \\(pid: ${pid}\\)`));
    const after = server.workerPids().filter((pid) => !before.includes(pid));
    assert.equal(after.length, 3);
    for (let i = 0; i < 10; i++) assert.equal((await get(server)).text, 'second');
  });

  test('a template, which Flask keeps, too', async () => {
    const { top, save } = project({
      'app.py':
        'from flask import Flask, render_template\napp = Flask(__name__)\n' +
        '@app.get("/")\ndef page():\n    return render_template("page.html")\n',
      'templates/page.html': 'first',
    });
    await using server = await serve(top);
    assert.equal((await get(server)).text, 'first');
    save('templates/page.html', 'second');
    await server.waitForReadyWorkers(2);
    assert.equal((await get(server)).text, 'second');
    assert.match(server.stderr(), /Worker reloading: templates\/page\.html modified/);
  });

  test('a module in a new folder, and then what becomes of it', async () => {
    const { top, save } = project({
      'app.py':
        'import importlib, pkgutil\n' +
        'names = [m.name for m in pkgutil.walk_packages(["."]) if m.name.startswith("extra")]\n' +
        'found = [importlib.import_module(n).__dict__.get("value", "") for n in names]\n' +
        answering('",".join(names + found)'),
    });
    await using server = await serve(top);
    assert.equal((await get(server)).text, '');
    save('extra/__init__.py', '');
    save('extra/one.py', 'value = "1"');
    await server.waitForReadyWorkers(2);
    assert.equal((await get(server)).text, 'extra,extra.one,,1');
    save('extra/one.py', 'value = "2"');
    await server.waitForReadyWorkers(3);
    assert.equal((await get(server)).text, 'extra,extra.one,,2');
  });

  test('a file that --reload-extra-file names', async () => {
    const { top, path, save } = project({
      'app.py': `import json\nvalue = json.load(open("data.json"))\n${answering('value')}`,
      'data.json': '"first"',
    });
    await using server = await serve(top, '--reload-extra-file', path('*.json'));
    save('data.json', '"second"');
    await server.waitForReadyWorkers(2);
    assert.equal((await get(server)).text, 'second');
  });
});

describe('while the new app is being loaded', () => {
  test('no request is refused, and none is lost', async () => {
    const { top, save } = project({ 'app.py': answering('"0"') });
    await using server = await serve(top, '--workers=2', '--threads=4');
    const outcomes = new Set<string>();
    let over = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!over) {
        const answer = await get(server).catch((error: unknown) => error);
        outcomes.add(answer instanceof Error ? answer.message : (answer as { text: string }).text);
      }
    });
    for (const round of [1, 2, 3]) {
      save('app.py', answering(`"${String(round)}"`));
      await server.waitForReadyWorkers(2 + 2 * round);
    }
    over = true;
    await Promise.all(load);
    assert.deepEqual([...outcomes].sort(), ['0', '1', '2', '3']);
  });

  test('an answer that goes on for ever does not hold it up, and is cut off soon', async () => {
    const streaming =
      'import time\ndef app(environ, start_response):\n    start_response("200 OK", [])\n' +
      '    yield b"begun"\n    while True:\n        time.sleep(0.01)\n        yield b"."\n';
    const { top, save } = project({ 'app.py': streaming });
    await using server = await serve(top);
    const [old = 0] = server.workerPids();
    using client = await connect(server.port);
    await client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(client.socket, 'data');
    save('app.py', answering('"second"'));
    await server.waitForReadyWorkers(2);
    assert.equal((await get(server)).text, 'second');
    await client.readUntilClosed();
    await server.waitForOutput(new RegExp(`Worker exiting \\(pid: ${old}\\)`));
    assert.match(server.stderr(), /Cut off by the stop: GET \//);
    await server.stop();
    assert.doesNotMatch(server.stderr(), /killing it/);
  });
});

test('the tutorial’s app is served anew', async () => {
  const { top, path, save } = project({});
  cpSync(inRepository('fixtures', 'tutorial'), top, { recursive: true });
  await using server = await serve(top);
  save('app.py', readFileSync(path('app.py'), 'utf8').replace('Hello', 'Good day'));
  await server.waitForReadyWorkers(2);
  assert.equal((await get(server)).text, 'Good day from Flask App\n');
});
