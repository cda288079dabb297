import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { globExpression, isGlob, parseGlob } from '../../../src/development/glob.ts';

suite('patterns as Python’s glob has them', () => {
  test('a text with one of *, ? and [ is a pattern', () => {
    assert.deepEqual(['/a/*.yml', '/a/?', '/a/[ab]', '/a/b.yml', '/a/{b}'].map(isGlob), [
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test('the folder before the first of them is where to look, as deep as the rest says', () => {
    assert.deepEqual(parseGlob('/srv/conf/*/x-?.yml'), {
      folder: '/srv/conf',
      pattern: '*/x-?.yml',
      depth: 1,
    });
    assert.deepEqual(parseGlob('/*.yml'), { folder: '/', pattern: '*.yml', depth: 0 });
    assert.equal(parseGlob('/srv/**/*.yml').depth, Infinity);
  });

  const matches: readonly [pattern: string, path: string, fits: boolean][] = [
    ['*.yml', 'a.yml', true],
    ['*.yml', 'a.yml~', false],
    ['*.yml', 'axyml', false],
    ['*.yml', '.a.yml', false],
    ['.*.yml', '.a.yml', true],
    ['*.yml', 'b/a.yml', false],
    ['?.yml', 'a.yml', true],
    ['?.yml', '..yml', false],
    ['[ab].yml', 'a.yml', true],
    ['[!ab].yml', 'a.yml', false],
    ['[!ab].yml', 'c.yml', true],
    ['[a-c]x', 'bx', true],
    ['[]]x', ']x', true],
    ['[^]x', '^x', true],
    ['[x', '[x', true],
    ['a+(b).*', 'a+(b).c', true],
    ['**/*.yml', 'a.yml', true],
    ['**/*.yml', 'b/c/a.yml', true],
    ['**/*.yml', 'b/.c/a.yml', false],
    ['b/**', 'b/c/a', true],
    ['b/**', 'c/a', false],
  ];
  for (const [pattern, path, fits] of matches) {
    test(`${pattern} ${fits ? 'matches' : 'does not match'} ${path}`, () => {
      assert.equal(globExpression(pattern).test(path), fits);
    });
  }
});
