// Holds docs/http.md equal to the rows that it is written from.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { renderHttpPage } from '../scripts/http-page.ts';
import { readHttpTable } from './helpers/http-table.ts';
import { inRepository } from './helpers/repository.ts';

it('docs/http.md is what `npm run docs` writes', () => {
  const page = readFileSync(inRepository('docs', 'http.md'), 'utf8');
  assert.equal(page, renderHttpPage(readHttpTable()));
});
