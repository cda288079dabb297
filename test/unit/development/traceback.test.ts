import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceback } from '../../../src/development/traceback.ts';

void test('frames, their lines and the exception are found', () => {
  assert.deepEqual(
    parseTraceback(
      'Traceback (most recent call last):\n' +
        '  File "/srv/app.py", line 3, in <module>\n' +
        '    from shop import models\n' +
        '  File "/srv/shop/models.py", line 7, in load\n' +
        '    raise shop.errors.Broken("a: b\\nc")\n' +
        '          ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n' +
        'shop.errors.Broken: a: b\nc',
    ),
    {
      frames: [
        { file: '/srv/app.py', line: 3, name: '<module>', source: ['from shop import models'] },
        {
          file: '/srv/shop/models.py',
          line: 7,
          name: 'load',
          source: ['raise shop.errors.Broken("a: b\\nc")', '      ^^^^^^^^^^^^^^^^^^^^^^^^^^^'],
        },
      ],
      type: 'shop.errors.Broken',
    },
  );
});

void test('so they are of a syntax error, whose file has no function', () => {
  const { frames, type } = parseTraceback(
    '  File "/srv/a b.py", line 2\n    def f(:\n          ^\nSyntaxError: invalid syntax',
  );
  assert.deepEqual(frames, [
    { file: '/srv/a b.py', line: 2, name: '', source: ['def f(:', '      ^'] },
  ]);
  assert.equal(type, 'SyntaxError');
});

void test('of a chain the last exception counts', () => {
  const { frames, type } = parseTraceback(
    'Traceback (most recent call last):\n' +
      '  File "/srv/a.py", line 1, in <module>\n    {}["x"]\n' +
      "KeyError: 'x'\n\n" +
      'During handling of the above exception, another exception occurred:\n\n' +
      'Traceback (most recent call last):\n' +
      '  File "/srv/b.py", line 2, in <module>\n    raise ValueError\nValueError',
  );
  assert.deepEqual(
    frames.map(({ file }) => file),
    ['/srv/b.py'],
  );
  assert.equal(type, 'ValueError');
});

void test('a text without a traceback has none', () => {
  assert.deepEqual(parseTraceback(''), { frames: [], type: '' });
});
