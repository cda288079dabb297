// How settings are shown: defaults, --print-config and the page of the documents.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  renderConfiguration,
  renderDefault,
  renderFlags,
  renderSettingsPage,
} from '../../../src/settings/render.ts';
import { resolveSettings } from '../../../src/settings/resolve.ts';
import { settingRows, settingsTable } from '../../../src/settings/table.ts';
import { world } from './world.ts';

describe('renderFlags and renderDefault', () => {
  it('show a setting with a value, a short flag and an environment variable', () => {
    assert.equal(renderFlags(settingsTable.workers), '-w, --workers <INT>');
    assert.equal(renderDefault(settingsTable.workers), '1, or $WEB_CONCURRENCY');
    assert.equal(renderDefault(settingsTable.bind), '127.0.0.1:8000, or 0.0.0.0:$PORT');
  });

  it('show a value that may be left out', () => {
    assert.equal(renderFlags(settingsTable.proxyProtocol), '--proxy-protocol [WORD]');
  });

  it('show a switch', () => {
    assert.equal(renderFlags(settingsTable.checkConfig), '--check-config');
    assert.equal(renderDefault(settingsTable.checkConfig), null);
  });
});

describe('renderConfiguration', () => {
  it('prints every setting as a line of Python, by name, with where it came from', () => {
    const resolved = resolveSettings({
      argv: { app: ['app:app'], pythonpath: ['a,b'], printConfig: ['true'] },
      env: { PORT: '5000' },
      world: world(),
    });
    const text = renderConfiguration(resolved).trimEnd();
    const lines = text.split('\n').map((line) => line.replace(/ +=/, ' ='));
    assert.equal(lines.length, settingRows.length);
    assert.deepEqual(lines, lines.toSorted());
    assert.equal(new Set(text.split('\n').map((line) => line.indexOf('='))).size, 1, 'aligned');
    for (const expected of [
      'bind = ["0.0.0.0:5000"]  # environment PORT',
      'check_config = False  # default',
      'pidfile = None  # default',
      'print_config = True  # command line',
      'pythonpath = ["a", "b"]  # command line',
      'workers = 1  # default',
      'wsgi_app = "app:app"  # command line',
    ]) {
      assert.ok(lines.includes(expected), expected);
    }
  });
});

describe('renderSettingsPage', () => {
  it('has a heading, the flags and the help of every setting', () => {
    const page = renderSettingsPage();
    for (const [, { name, flags, doc }] of settingRows) {
      assert.ok(page.includes(`\n### ${name}\n`), name);
      for (const flag of flags) assert.match(page, new RegExp(`\`${flag}[\` ]`));
      assert.ok(page.includes(doc));
    }
  });
});
