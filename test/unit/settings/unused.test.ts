// gunicorn's settings that have no use here: which values are passed over, told or refused; and that with those that
// have a use, every setting of gunicorn's is known.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import type { Plain } from '../../../src/bridge/interpreter.ts';
import type { GivenFile } from '../../../src/settings/layers.ts';
import { resolveSettings, type ResolvedSettings } from '../../../src/settings/resolve.ts';
import { unusedSettings } from '../../../src/settings/rows/unused.ts';
import { hookNames } from '../../../src/settings/hook-names.ts';
import { settingRows } from '../../../src/settings/table.ts';
import { testPythonEnvironment } from '../../helpers/python-environment.ts';
import { world } from './world.ts';

function resolve(
  values: Readonly<Record<string, Plain>>,
  argvUnused: Readonly<Record<string, string>> = {},
  objects: Readonly<Record<string, string>> = {},
): ResolvedSettings {
  const file: GivenFile = { name: '/srv/gunicorn.conf.py', values, lines: {}, objects };
  return resolveSettings({ argv: {}, argvUnused, env: {}, world: world(), file });
}

describe('a setting without a use', () => {
  it('is told with what does it here, and where it was given', () => {
    const { warnings } = resolve({ http_parser: 'fast' }, { spew: 'true' });
    assert.equal(warnings.length, 2);
    assert.match(warnings.join('\n'), /^--spew has no use here \(command line\)\. Tracing/m);
    assert.match(warnings.join('\n'), /^http_parser has no use here \(config file \/srv/m);
  });

  it('is told once, for the strongest place, as that counts', () => {
    const { warnings } = resolve({ http_parser: 'fast' }, { http_parser: 'python' });
    assert.deepEqual(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^--http-parser .* \(command line\)/);
    assert.deepEqual(resolve({ http_parser: 'fast' }, { http_parser: 'auto' }).warnings, []);
  });

  it("is passed over where it is at gunicorn's default, or asks for what is so anyhow", () => {
    const byDefault = unusedSettings.flatMap(({ name, default: value }): [string, Plain][] =>
      value === undefined
        ? []
        : [[name, value === 'true' || value === 'false' ? value === 'true' : value]],
    );
    const { warnings } = resolve(
      {
        ...Object.fromEntries(byDefault),
        ...{ control_socket_mode: 0o600, ssl_version: 2, dirty_apps: [], paste: null },
        ...{ control_socket_disable: true, root_path: '' },
      },
      { control_socket_mode: '0o600' },
    );
    assert.deepEqual(warnings, []);
  });

  it('is told of a hook too', () => {
    const { warnings } = resolve({}, {}, { on_dirty_starting: 'function' });
    assert.match(warnings.join('\n'), /^on_dirty_starting has no use here/);
  });

  for (const [name, value] of [
    ['paste', 'development.ini'],
    ['protocol', 'uwsgi'],
    ['dirty_apps', ['tasks:App']],
    ['permit_obsolete_folding', true],
    ['casefold_http_method', true],
  ] as const) {
    it(`is refused where to ignore it would serve something else: ${name}`, () => {
      assert.throws(() => resolve({ [name]: value }), {
        code: 'ERR_WSGI_SETTINGS',
        exitCode: 1,
        message: `${name} is not supported (config file /srv/gunicorn.conf.py)`,
      });
    });
  }
});

/** Settings of gunicorn's whose rows are still to come. */
describe("gunicorn's settings", () => {
  it('are all known, with all their flags', () => {
    const { python } = testPythonEnvironment();
    const program =
      'import json; from gunicorn import config; ' +
      'print(json.dumps([[s.name, s.cli or []] for s in config.KNOWN_SETTINGS]))';
    const theirs = JSON.parse(execFileSync(python, ['-c', program], { encoding: 'utf8' })) as [
      string,
      string[],
    ][];
    assert.ok(theirs.length >= 120);
    const flags = new Map<string, readonly string[]>([
      ...settingRows.map(([, row]): [string, readonly string[]] => [row.name, row.flags]),
      ...unusedSettings.map((row): [string, readonly string[]] => [row.name, row.flags]),
      ...hookNames.map((name): [string, readonly string[]] => [name, []]),
    ]);
    const unknown = theirs.filter(([name]) => !flags.has(name));
    assert.deepEqual(unknown, []);
    const flagless = theirs.filter(
      ([name, cli]) => flags.has(name) && !cli.every((flag) => flags.get(name)?.includes(flag)),
    );
    assert.deepEqual(flagless, []);
  });
});

describe('the table of settings without a use', () => {
  it('has sentences that say what to do, and well-formed flags', () => {
    for (const { name, flags, sentence } of unusedSettings) {
      assert.match(name, /^[a-z][a-z0-9_]*$/);
      assert.match(sentence, /^[A-Z].*\.$/, name);
      for (const flag of flags) assert.match(flag, /^--[a-z0-9-]+$/);
    }
  });

  it('has no name and no flag that a setting in use has', () => {
    const used = settingRows.flatMap(([, { name, flags }]) => [name, ...flags]);
    const unused = unusedSettings.flatMap(({ name, flags }) => [name, ...flags]);
    assert.deepEqual(
      unused.filter((one) => used.includes(one)),
      [],
    );
    assert.equal(new Set(unused).size, unused.length);
  });
});
