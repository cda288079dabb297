// docs/errors.md lists every error's code, and no other.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadFailure } from '../src/bridge/load-failure.ts';
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

test('who is to blame for what Python refuses, is as docs/errors.md says', () => {
  const page = readFileSync(inRepository('docs', 'errors.md'), 'utf8');
  const blames = new Map(
    [...page.matchAll(/^\| `(\w+)` *\| (\w+)/gm)].map(([, code, blame]) => [code, blame]),
  );
  const nothing = { remedy: null, traceback: null, python: null };
  for (const code of new Set(codesBelow(inRepository('python', 'wsgi_ts'), '.py'))) {
    const { blame } = loadFailure({ ok: false, code, exit_code: 1, message: '', ...nothing });
    assert.equal(blame, blames.get(code), code);
  }
});
