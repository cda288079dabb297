// Holds docs/http.md equal to the table of fixtures/http that it is written from.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { renderHttpPage } from '../scripts/http-page.ts';
import { inRepository } from './helpers/repository.ts';

const page = readFileSync(inRepository('docs', 'http.md'), 'utf8');

it('docs/http.md is what `npm run docs` writes', () => {
  assert.equal(page, renderHttpPage());
});

it('docs/http.md names files that are there', () => {
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  assert.deepEqual(
    links.filter((link) => !existsSync(inRepository('docs', link))),
    [],
  );
});
