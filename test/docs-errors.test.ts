// docs/errors.md lists every error's code, and no other.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inRepository } from './helpers/repository.ts';

const CODE = /ERR_WSGI_[A-Z_]*[A-Z]/g;

function codesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .flatMap((entry) => [
      ...readFileSync(join(entry.parentPath, entry.name), 'utf8').matchAll(CODE),
    ])
    .map(([code]) => code);
}

test('docs/errors.md lists every code that the sources have, in order, and no other', () => {
  const used = new Set([
    ...codesBelow(inRepository('src'), '.ts'),
    ...codesBelow(inRepository('python', 'wsgi_ts'), '.py'),
  ]);
  const listed = [
    ...readFileSync(inRepository('docs', 'errors.md'), 'utf8').matchAll(/^\| `(\w+)`/gm),
  ];
  assert.deepEqual(
    listed.map(([, code]) => code),
    [...used].sort(),
  );
});
