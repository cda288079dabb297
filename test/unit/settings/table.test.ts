// Walks the settings' table: what must hold for every row, so that a new one needs no test of its own.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settingRows, type Settings } from '../../../src/settings/table.ts';
import { world } from './world.ts';

describe('every setting', () => {
  for (const [key, setting] of settingRows) {
    it(`${key} has a line of help without a full stop`, () => {
      assert.match(setting.doc, /^[A-Z].{10,}[^.]$/);
    });

    it(`${key} has well-formed flags, the main one in words and last`, () => {
      if (setting.flags.length === 0) return; // the app, and what the config file alone may say
      assert.ok(setting.flags.length >= 1 && setting.flags.length <= 2, 'what commander can hold');
      for (const flag of setting.flags)
        assert.match(flag, /^(-[a-zA-Z]|--[a-z]+\d?([-_][a-z]+)*)$/);
      assert.match(setting.flags.at(-1) ?? '', /^--/);
    });

    it(`${key} shows a placeholder exactly if it takes a value`, () => {
      if (setting.flags.length > 0 || key === 'app')
        assert.equal(setting.metavar === undefined, setting.type.use === 'switch');
    });

    it(`${key} accepts what its flag alone stands for, if it may stand alone`, () => {
      const { bare, metavar, type } = setting;
      if (bare === undefined) return;
      assert.equal(metavar === undefined, type.use === 'switch');
      assert.doesNotThrow(() => type.parse([bare], world()));
    });

    it(`${key} has a default that it accepts itself`, () => {
      assert.doesNotThrow(() => setting.type.parse(setting.default, world()));
    });
  }

  it('has a name and flags that no other one has', () => {
    const names = settingRows.flatMap(([, { name, flags }]) => [name, ...flags]);
    assert.deepEqual(names, [...new Set(names)]);
  });

  it('has the type that its row says, down to the words of a choice', () => {
    const typed = {
      app: null,
      bind: ['127.0.0.1:8000'],
      workers: 1,
      logLevel: 'info',
      pid: null,
      checkConfig: false,
    } satisfies Partial<Settings>;
    // @ts-expect-error: no such level.
    const wrong = { logLevel: 'verbose' } satisfies Partial<Settings>;
    assert.notDeepEqual(typed, wrong);
  });
});
