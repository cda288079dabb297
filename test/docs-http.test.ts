// Holds docs/http.md equal to the rows that it is written from.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { renderHttpPage } from '../scripts/http-page.ts';
import { readHttpTable } from './helpers/http-table.ts';
import { inRepository } from './helpers/repository.ts';

it('docs/http.md is what `npm run docs` writes', () => {
  const page = readFileSync(inRepository('docs', 'http.md'), 'utf8');
  assert.equal(page, renderHttpPage(readHttpTable()));
});

it('docs/http.md names files that are there', () => {
  const page = readFileSync(inRepository('docs', 'http.md'), 'utf8');
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  assert.ok(links.length > 0);
  assert.deepEqual(
    links.filter((link) => !existsSync(inRepository('docs', link))),
    [],
  );
});
