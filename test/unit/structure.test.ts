// Holds the repository to its own shape: where tests stand, how long files are, what the map of the house
// says. Reads files only.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { inRepository } from '../helpers/repository.ts';

/** Paths of all files below a folder, relative to it. */
function filesBelow(...folder: string[]): string[] {
  const top = inRepository(...folder);
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(top, join(entry.parentPath, entry.name)));
}

/** The names a test's source may have: `cli-check` is about `cli-check` or, as one of several, about `cli`. */
function candidates(name: string, separator: string): string[] {
  const words = name.split(separator);
  return words.map((_, index) => words.slice(0, words.length - index).join(separator));
}

/** The files of a folder that have more lines than they may. */
function tooLong(folder: string[], ending: string, most: number): string[] {
  return filesBelow(...folder)
    .filter((file) => file.endsWith(ending))
    .filter(
      (file) => readFileSync(inRepository(...folder, file), 'utf8').split('\n').length - 1 > most,
    );
}

describe('the shape of the repository', () => {
  it('has a source file for each unit test, in the folder of the same name', () => {
    const orphans = filesBelow('test', 'unit')
      .filter((file) => file.endsWith('.test.ts') && file !== 'structure.test.ts')
      .filter((file) =>
        candidates(basename(file, '.test.ts'), '-').every(
          (name) => !existsSync(inRepository('src', dirname(file), `${name}.ts`)),
        ),
      );
    assert.deepEqual(orphans, []);
  });

  it('has a module for each Python test', () => {
    const orphans = filesBelow('python', 'tests')
      .map((file) => /^test_(.+)\.py$/.exec(file)?.[1])
      .filter((name) => name !== undefined)
      .filter((name) =>
        candidates(name, '_').every(
          (module) => !existsSync(inRepository('python', 'wsgi_ts', `${module}.py`)),
        ),
      );
    assert.deepEqual(orphans, []);
  });

  it('has no source file of more than 300 lines', () => {
    assert.deepEqual(tooLong(['src'], '.ts', 300), []);
    assert.deepEqual(tooLong(['python', 'wsgi_ts'], '.py', 300), []);
  });
});

describe('docs/architecture.md', () => {
  const page = inRepository('docs', 'architecture.md');

  it('has at most 100 lines', () => {
    assert.ok(readFileSync(page, 'utf8').split('\n').length - 1 <= 100);
  });

  it('links to what exists', () => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target));
    assert.notEqual(links.length, 0);
    assert.deepEqual(
      links.filter((target) => !existsSync(join(dirname(page), decodeURI(target)))),
      [],
    );
  });
});
