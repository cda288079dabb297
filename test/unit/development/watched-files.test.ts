import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseGlob } from '../../../src/development/glob.ts';
import {
  describeChange,
  WatchedFiles,
  type Folder,
} from '../../../src/development/watched-files.ts';

function only(...project: string[]): WatchedFiles {
  return new WatchedFiles({ project, files: [], globs: [] });
}

/** The folder below the first root that the names lead to; null: it is not looked into. */
function descend(watched: WatchedFiles, ...names: string[]): Folder | null {
  let folder: Folder | null = watched.roots[0] ?? null;
  for (const name of names) folder = folder === null ? null : watched.below(folder, name);
  return folder;
}

function counts(watched: WatchedFiles, path: string): boolean {
  const names = path.split('/');
  const name = names.pop() ?? '';
  const folder = descend(watched, ...names);
  return folder !== null && watched.counts(folder, name);
}

suite('what counts in a project', () => {
  const watched = only('/home/ada/templates/site');
  for (const path of [
    ...[
      'app.py',
      'shop/models.py',
      'page.html',
      'page.HTM',
      'mail.j2',
      'x.jinja',
      'x.jinja2',
      'x.mako',
    ],
    ...[
      'settings.toml',
      'a.yml',
      'a.yaml',
      'setup.cfg',
      'alembic.ini',
      'prod.env',
      'de/LC/messages.mo',
    ],
    ...['.env', '.env.local', '.flaskenv'],
    ...['shop/templates/mail.txt', 'templates/feed.xml', 'templates/a/b.css', 'jinja2/x.json'],
  ])
    test(`${path} does`, () => {
      assert.equal(counts(watched, path), true);
    });
  for (const path of [
    // What apps write by themselves.
    ...['notes.txt', 'data.json', 'db.sqlite3', 'db.sqlite3-journal', 'app.log', 'upload.png'],
    // What editors leave: vim, Emacs, PyCharm, gedit, sed, Sublime, patch.
    ...['.app.py.swp', '.app.py.swx', '4913', 'app.py~', '#app.py#', '.#app.py', '.env.swp'],
    ...[
      'app.py___jb_tmp___',
      'app.py___jb_old___',
      '.goutputstream-8Z3P02',
      'sedw3xK1a',
      'app.py.orig',
    ],
    ...['templates/4913', 'templates/.page.html.swp', 'templates/page.html~', 'templates/x.tmp'],
    ...['templates/#page.html#', 'templates/README'],
    'app.pyc',
  ])
    test(`${path} does not`, () => {
      assert.equal(counts(watched, path), false);
    });
  for (const path of [
    ...['.git', '.venv', '.idea', 'node_modules', '__pycache__', 'lib/python3.11/site-packages'],
    'usr/lib/python3/dist-packages',
  ])
    test(`${path} is not looked into`, () => {
      assert.equal(descend(watched, ...path.split('/')), null);
    });
  test('of the root folder only what a container’s app has there is', () => {
    const root = only('/');
    assert.equal(descend(root, 'proc'), null);
    assert.equal(descend(root, 'usr'), null);
    assert.equal(descend(root, 'app', 'usr')?.path, '/app/usr');
  });
});

suite('what was asked for besides', () => {
  const watched = new WatchedFiles({
    project: ['/srv/site'],
    files: ['/etc/shop/limits.json', '/srv/site/data.json'],
    globs: [parseGlob('/var/shop/*.txt'), parseGlob('/var/**/*.rules')],
  });
  const folderOf = (path: string): Folder => {
    const found = watched.roots.find((folder) => folder.path === path);
    assert.ok(found);
    return found;
  };

  test('a file counts, wherever it is, and no other one beside it', () => {
    assert.equal(watched.counts(folderOf('/etc/shop'), 'limits.json'), true);
    assert.equal(watched.counts(folderOf('/etc/shop'), 'app.py'), false);
    assert.equal(watched.counts(folderOf('/srv/site'), 'data.json'), true);
    assert.equal(watched.below(folderOf('/etc/shop'), 'more'), null);
  });

  test('a pattern does, as deep as it reaches, the deepest first', () => {
    assert.deepEqual(
      watched.roots.map(({ path }) => path),
      ['/srv/site', '/var', '/var/shop', '/etc/shop', '/srv/site'],
    );
    const shop = folderOf('/var/shop');
    assert.equal(watched.counts(shop, 'a.txt'), true);
    assert.equal(watched.counts(shop, 'a.py'), false);
    assert.equal(watched.below(shop, 'more'), null);
    const deep = watched.below(folderOf('/var'), 'a');
    assert.ok(deep);
    assert.equal(watched.counts(deep, 'x.rules'), true);
    assert.equal(watched.counts(deep, 'x.txt'), false);
  });

  test('a link is followed but to what holds the project, or belongs to others', () => {
    assert.equal(watched.follows('/home/ada/shared'), true);
    for (const target of ['/', '/srv', '/srv/site', '/x/node_modules/y'])
      assert.equal(watched.follows(target), false, target);
  });
});

test('a change names three files, and how many more', () => {
  assert.equal(describeChange(['app.py']), 'app.py');
  assert.equal(describeChange(['a.py', 'b.py', 'c.py']), 'a.py, b.py, c.py');
  assert.equal(
    describeChange(['a.py', 'b.py', 'c.py', 'd.py', 'e.py']),
    'a.py, b.py, c.py and 2 more',
  );
  assert.equal(describeChange(['a\n[CRITICAL] b.py']), 'a?[CRITICAL] b.py');
});
