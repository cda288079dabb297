import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppFiles } from '../../../src/integrations/vite-files.ts';

describe('AppFiles', () => {
  it("counts code, templates and configuration in the app's folder", () => {
    const files = new AppFiles(['/site'], []);
    for (const path of ['app.py', 'shop/models.py', 'shop/templates/list.html', 'settings.toml'])
      assert.equal(files.count(`/site/${path}`, '/site'), true, path);
    for (const path of ['src/main.js', 'data.json', '.venv/lib/x.py', 'node_modules/a/b.py'])
      assert.equal(files.count(`/site/${path}`, '/site'), false, path);
    assert.equal(files.count('/elsewhere/app.py', '/site'), false);
  });

  it("leaves the front end's own pages to Vite", () => {
    const files = new AppFiles(['/site/backend'], []);
    assert.equal(new AppFiles(['/site'], []).count('/site/index.html', '/site'), false);
    assert.equal(files.count('/site/backend/mail.html', '/site/front'), true);
  });

  it('counts what is named besides, and watches it where Vite does not', () => {
    const files = new AppFiles(['/site/backend'], ['/data/*.json', '/etc/app.conf']);
    assert.equal(files.count('/data/a.json', '/site'), true);
    assert.equal(files.count('/data/b/a.json', '/site'), false);
    assert.equal(files.count('/etc/app.conf', '/site'), true);
    assert.deepEqual(files.outside('/site').sort(), ['/data', '/etc']);
    assert.deepEqual(files.outside('/site/front').sort(), ['/data', '/etc', '/site/backend']);
  });

  it('has Vite leave virtual environments and caches alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-files-'));
    try {
      mkdirSync(join(folder, 'env'));
      writeFileSync(join(folder, 'env', 'pyvenv.cfg'), '');
      const { ignored } = new AppFiles([folder], []);
      for (const path of ['env', 'env/lib/a.py', 'shop/__pycache__', '.venv/bin'])
        assert.equal(ignored(join(folder, path)), true, path);
      for (const path of ['environment.py', 'src/main.js'])
        assert.equal(ignored(join(folder, path)), false, path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
