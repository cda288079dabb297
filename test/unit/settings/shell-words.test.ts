// Words as Python's shlex.split has them; each row was checked with it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { splitWords } from '../../../src/settings/shell-words.ts';
import { execFileSync } from 'node:child_process';
import { testPythonEnvironment } from '../../helpers/python-environment.ts';

const rows: readonly (readonly [string, readonly string[] | null])[] = [
  ['', []],
  [' \t\r\n', []],
  ['--workers 4', ['--workers', '4']],
  [" -w4   --bind ':80' ", ['-w4', '--bind', ':80']],
  [`a'b c'd"e f"`, ['ab cde f']],
  [`''`, ['']],
  [`-c "" x`, ['-c', '', 'x']],
  ['a\\ b', ['a b']],
  ['a\\\nb', ['a\nb']],
  [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
  [`'a\\'`, ['a\\']],
  ['# no comment', ['#', 'no', 'comment']],
  ['$HOME ~ *', ['$HOME', '~', '*']],
  [`"a`, null],
  [`'a`, null],
  [`a\\`, null],
  [`"a\\"`, null],
  ['😀\\😀', ['😀😀']],
];

const program = `
import json, shlex, sys
def split(text):
    try: return shlex.split(text)
    except ValueError: return None
print(json.dumps([split(text) for text in json.load(sys.stdin)]))
`;

/** What Python makes of these texts. */
function python(texts: readonly string[]): unknown {
  const { python: executable } = testPythonEnvironment();
  const input = JSON.stringify(texts);
  return JSON.parse(execFileSync(executable, ['-c', program], { input, encoding: 'utf8' }));
}

describe('splitWords', () => {
  for (const [text, words] of rows) {
    it(`makes ${JSON.stringify(words)} of ${JSON.stringify(text)}`, () => {
      assert.deepEqual(splitWords(text), words);
    });
  }

  it('agrees with Python on those, and on any others', () => {
    const unit = fc.constantFrom('a', ' ', '"', "'", '\\', '\n', '\t', '=', 'é');
    const texts = [
      ...rows.map(([text]) => text),
      ...fc.sample(fc.string({ unit, maxLength: 12 }), 2000),
    ];
    assert.deepEqual(texts.map(splitWords), python(texts));
  });
});
