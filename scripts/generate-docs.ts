// Writes the documents that derive from the code; `npm run docs` calls it, after a build.
// A test holds the files equal to what this writes. It never decides what a document says.

import { writeFileSync } from 'node:fs';
import { renderSettingsPage } from '../src/settings/render.ts';
import { readHttpTable } from '../test/helpers/http-table.ts';
import { renderHttpPage } from './http-page.ts';

// Two folders up from dist/scripts/.
writeFileSync(new URL('../../docs/settings.md', import.meta.url), renderSettingsPage());
writeFileSync(new URL('../../docs/http.md', import.meta.url), renderHttpPage(readHttpTable()));
