// Runs the real master with stub workers: the arguments are settings in JSON. The process under test of
// master.test.ts.

import { existsSync, readFileSync } from 'node:fs';
import { Launch } from '../../../src/master/launch.ts';
import { runMaster } from '../../../src/master/master.ts';
import type { ResolvedSettings } from '../../../src/settings/resolve.ts';
import type { Settings } from '../../../src/settings/table.ts';

const settings = JSON.parse(process.argv[2] ?? '') as Settings;
const worker = new URL('./stub-worker.js', import.meta.url);
const resolved = (changes: object): ResolvedSettings => ({
  settings: { ...settings, ...changes },
  sources: {} as ResolvedSettings['sources'],
  warnings: [],
  notes: [],
  configFile: null,
});
/** What the file `changes.json` holds, in the folder that the master serves. */
const reread = (): Promise<ResolvedSettings> => {
  const changes = existsSync('changes.json') ? readFileSync('changes.json', 'utf8') : '{}';
  return Promise.resolve(resolved(JSON.parse(changes) as object));
};
process.exitCode = await runMaster(resolved({}), '9.9.9', {
  ...{ reread, worker, launch: new Launch(process, process.env) },
});
