// docs/recipes.md: its code is that of the examples, and its links lead somewhere.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inRepository } from './helpers/repository.ts';

const text = readFileSync(inRepository('docs', 'recipes.md'), 'utf8');

describe('docs/recipes.md', () => {
  it("shows the examples' own files", () => {
    const shown = [...text.matchAll(/<!-- (examples\/\S+) -->\n\n```\w+\n([^]*?)```/g)];
    assert.ok(shown.length >= 6);
    for (const [, file = '', code] of shown)
      assert.equal(code, readFileSync(inRepository(file), 'utf8'), file);
  });

  it('links to what exists', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target = '']) => target);
    assert.deepEqual(
      links.filter((target) => !existsSync(join(inRepository('docs'), target))),
      [],
    );
  });

  it('links to headings of its own that exist', () => {
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\d\s-]/gu, '')
        .replaceAll(' ', '-'),
    );
    for (const [, target = ''] of text.matchAll(/\]\(#([^)]+)\)/g))
      assert.ok(headings.includes(target), target);
  });
});
