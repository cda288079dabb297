// Holds docs/settings.md equal to the settings' table it is written from.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { renderSettingsPage } from '../src/settings/render.ts';

it('docs/settings.md is what `npm run docs` writes', () => {
  const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  assert.equal(page, renderSettingsPage());
});
