// What the reloader tells of real changes of real files, by both of its engines. Each change that must not be told
// is followed by one that must: who hears of the latter alone has not heard of the former.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import { startReloader } from '../../../src/master/reloader.ts';
import { recordingLogger } from '../worker/recording-logger.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'wsgi-ts-reloader-')));
after(() => {
  rmSync(folder, { recursive: true });
});

let count = 0;

/** A project with these files (all of them hold `x`), watched; and what is told of it. */
async function project(
  files: readonly string[],
  options: {
    engine?: 'auto' | 'poll' | 'inotify';
    extra?: readonly string[];
    pythonpath?: readonly string[];
    mostFolders?: number;
    prepare?: (top: string) => void;
  } = {},
) {
  const top = join(folder, `project${String(count++)}`);
  mkdirSync(top);
  const write = (name: string, text = 'x'): void => {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    writeFileSync(join(top, name), text);
  };
  for (const file of files) write(file);
  options.prepare?.(top);
  const told: string[][] = [];
  let wake: () => void = () => undefined;
  const logger = recordingLogger();
  const { mostFolders } = options;
  const reloader = startReloader({
    settings: {
      chdir: top,
      pythonpath: options.pythonpath ?? [],
      reloadEngine: options.engine ?? 'auto',
      reloadExtraFiles: (options.extra ?? []).map((file) => join(top, file)),
    },
    logger,
    onChange: (paths) => {
      told.push([...paths]);
      wake();
    },
    ...(mostFolders === undefined ? {} : { mostFolders }),
  });
  // All that is waited for is done by timers and watches that hold nothing up.
  const alive = setInterval(() => undefined, 1000);
  await reloader.ready;
  return {
    top,
    write,
    warnings: () => logger.entries.filter((entry) => !entry.startsWith('DEBUG')),
    /** What has been told, when there is something. */
    next: async (): Promise<string[]> => {
      while (told.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return told.shift() ?? [];
    },
    told,
    [Symbol.dispose]: () => {
      clearInterval(alive);
      reloader.close();
    },
  };
}

for (const engine of ['auto', 'inotify', 'poll'] as const) {
  suite(`with the engine ${engine}`, () => {
    test('a file that is written in place is told', async () => {
      using site = await project(['app.py'], { engine });
      site.write('app.py', 'longer');
      assert.deepEqual(await site.next(), ['app.py']);
    });

    test('so is one that another file takes the place of, be it older and of the same size', async () => {
      using site = await project(['app.py', 'shop/views.py'], {
        engine,
        prepare: (top) => {
          writeFileSync(join(top, 'shop', 'views.py.tmp'), 'y');
        },
      });
      renameSync(join(site.top, 'shop', 'views.py.tmp'), join(site.top, 'shop', 'views.py'));
      assert.deepEqual(await site.next(), ['shop/views.py']);
    });

    test('so is one that is removed, and one that is made', async () => {
      using site = await project(['app.py', 'old.py'], { engine });
      rmSync(join(site.top, 'old.py'));
      assert.deepEqual(await site.next(), ['old.py']);
      site.write('new.py');
      assert.deepEqual(await site.next(), ['new.py']);
    });

    test('so is one in a folder that is new, or was moved here', async () => {
      using site = await project(['app.py'], { engine });
      site.write('shop/deep/views.py');
      assert.deepEqual(await site.next(), ['shop/deep/views.py']);
      site.write('shop/deep/views.py', 'longer');
      assert.deepEqual(await site.next(), ['shop/deep/views.py']);
      mkdirSync(join(folder, `moved-${engine}`));
      writeFileSync(join(folder, `moved-${engine}`, 'models.py'), 'x');
      renameSync(join(folder, `moved-${engine}`), join(site.top, 'moved'));
      assert.deepEqual(await site.next(), ['moved/models.py']);
      appendFileSync(join(site.top, 'moved', 'models.py'), 'more');
      assert.deepEqual(await site.next(), ['moved/models.py']);
    });

    test('many changes together are told at once', async () => {
      using site = await project(['app.py'], { engine });
      const names = Array.from({ length: 50 }, (_, index) => `m${String(index)}.py`).sort();
      for (const name of names) site.write(name);
      const told = await site.next();
      while (told.length < names.length) told.push(...(await site.next()));
      assert.deepEqual(told.sort(), names);
      assert.deepEqual(site.told, []);
    });

    test('what is not the project’s is not', async () => {
      const others = [
        ...['.git/x.py', 'node_modules/a/x.py', 'environment/lib/x.py', '__pycache__/x.py'],
        ...['conda/lib/x.py', 'notes.txt'],
      ];
      using site = await project(['app.py', ...others], {
        engine,
        prepare: (top) => {
          writeFileSync(join(top, 'environment', 'pyvenv.cfg'), '');
          mkdirSync(join(top, 'conda', 'conda-meta'));
        },
      });
      for (const name of others) site.write(name, 'longer');
      site.write('app.py', 'longer');
      assert.deepEqual(await site.next(), ['app.py']);
    });

    test('an environment in the project’s own folder does not hide the project', async () => {
      using site = await project(['app.py', 'pyvenv.cfg'], { engine });
      site.write('app.py', 'longer');
      assert.deepEqual(await site.next(), ['app.py']);
    });

    test('links are followed, and loops come to an end', async () => {
      using site = await project(['app.py'], {
        engine,
        prepare: (top) => {
          const shared = join(folder, `shared-${engine}`);
          mkdirSync(shared);
          writeFileSync(join(shared, 'common.py'), 'x');
          writeFileSync(join(folder, `${engine}.py`), 'x');
          symlinkSync(top, join(top, 'self'));
          symlinkSync(folder, join(top, 'above'));
          symlinkSync(shared, join(top, 'shared'));
          symlinkSync(shared, join(shared, 'again'));
          symlinkSync(join(folder, `${engine}.py`), join(top, 'linked.py'));
          symlinkSync('nowhere', join(top, 'dangling.py'));
        },
      });
      appendFileSync(join(folder, `shared-${engine}`, 'common.py'), 'more');
      assert.deepEqual(await site.next(), [join(folder, `shared-${engine}`, 'common.py')]);
      appendFileSync(join(folder, `${engine}.py`), 'more');
      const [told] = await site.next();
      assert.ok(told === 'linked.py' || told === join(folder, `${engine}.py`), told);
    });

    test('files and patterns that were asked for are, also new ones', async () => {
      const extra = ['data/limits.json', 'data/*.rules', '.secret/key'];
      using site = await project(['data/limits.json', 'data/a.txt', '.secret/key'], {
        engine,
        extra,
      });
      site.write('data/a.txt', 'longer');
      site.write('data/limits.json', 'longer');
      assert.deepEqual(await site.next(), ['data/limits.json']);
      site.write('data/new.rules');
      assert.deepEqual(await site.next(), ['data/new.rules']);
      site.write('.secret/key', 'longer');
      assert.deepEqual(await site.next(), ['.secret/key']);
    });

    test('folders of --pythonpath are watched too', async () => {
      const library = join(folder, `library-${engine}`);
      mkdirSync(library);
      using site = await project(['app.py'], { engine, pythonpath: [library] });
      writeFileSync(join(library, 'tools.py'), 'x');
      assert.deepEqual(await site.next(), [join(library, 'tools.py')]);
    });

    test('of too many folders the nearest are watched, and one line says so', async () => {
      using site = await project(['app.py', 'a/x.py', 'a/b/x.py', 'a/b/c/x.py', 'a/b/d/x.py'], {
        engine,
        mostFolders: 3,
      });
      site.write('a/b/c/x.py', 'longer');
      site.write('a/b/x.py', 'longer');
      assert.deepEqual(await site.next(), ['a/b/x.py']);
      assert.equal(site.warnings().length, 1);
      assert.match(site.warnings()[0] ?? '', /^WARNING There are more than 3 folders below/);
    });
  });
}

suite('by the system’s events', () => {
  test('a folder that is moved away is not watched where it went', async () => {
    using site = await project(['app.py', 'shop/a/views.py'], {});
    renameSync(join(site.top, 'shop'), join(folder, 'gone'));
    assert.deepEqual(await site.next(), ['shop']);
    appendFileSync(join(folder, 'gone', 'a', 'views.py'), 'more');
    site.write('app.py', 'longer');
    assert.deepEqual(await site.next(), ['app.py']);
  });

  for (const code of ['ENOSPC', 'EMFILE']) {
    test(`without watches (${code}) it looks by itself, and one line says so`, async () => {
      const { watch } = fs;
      fs.watch = () => {
        throw Object.assign(new Error(`${code}: no more`), { code });
      };
      syncBuiltinESMExports();
      try {
        using site = await project(['app.py']);
        site.write('app.py', 'longer');
        assert.deepEqual(await site.next(), ['app.py']);
        assert.equal(site.warnings().length, 1);
        assert.match(site.warnings()[0] ?? '', /^WARNING The system can't watch all files/);
      } finally {
        fs.watch = watch;
        syncBuiltinESMExports();
      }
    });
  }

  test('so it does where they run out later', async () => {
    using site = await project(['app.py']);
    const { watch } = fs;
    fs.watch = () => {
      throw Object.assign(new Error('ENOSPC: no more'), { code: 'ENOSPC' });
    };
    syncBuiltinESMExports();
    try {
      site.write('shop/views.py');
      // What the first look finds is not new to it.
      while (site.warnings().length === 0) await new Promise(setImmediate);
      fs.watch = watch;
      syncBuiltinESMExports();
      let longer = '';
      while (site.told.length === 0) {
        site.write('shop/views.py', (longer += 'longer'));
        await new Promise(setImmediate);
      }
      assert.deepEqual(await site.next(), ['shop/views.py']);
      assert.equal(site.warnings().length, 1);
    } finally {
      fs.watch = watch;
      syncBuiltinESMExports();
    }
  });
});

test('what Python compiled of a changed source is removed, and of no other', async () => {
  const compiled = ['app.cpython-311.pyc', 'app.cpython-311.opt-1.pyc', 'apple.cpython-311.pyc'];
  using site = await project(['app.py', ...compiled.map((name) => `__pycache__/${name}`)]);
  site.write('app.py', 'y');
  await site.next();
  assert.deepEqual(fs.readdirSync(join(site.top, '__pycache__')), ['apple.cpython-311.pyc']);
});

test('a file that is not there yet is warned of, and told when it comes', async () => {
  using site = await project(['app.py'], { extra: ['limits.json'] });
  assert.match(site.warnings().join(), /^WARNING There is no .*limits\.json yet/);
  site.write('limits.json');
  assert.deepEqual(await site.next(), ['limits.json']);
});
