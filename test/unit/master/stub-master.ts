// Runs the real master with stub workers: the arguments are settings in JSON. The process under test of
// master.test.ts.

import { runMaster } from '../../../src/master/master.ts';
import type { Settings } from '../../../src/settings/table.ts';

const settings = JSON.parse(process.argv[2] ?? '') as Settings;
const worker = new URL('./stub-worker.js', import.meta.url);
process.exitCode = await runMaster(settings, '9.9.9', { worker });
