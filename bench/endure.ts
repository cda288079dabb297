// Is anything lost while the server is reloaded, upgraded, recycled, broken, killed and stopped? Each scenario runs
// the real command under load, and counts by what the clients saw: `npm run bench:endure`; exit code 1 where one
// loses more than it may. Options: names of scenarios (all without one), --times N (20) for what is repeated.

import { parseArgs } from 'node:util';
import { scenarios } from './enduring/scenarios.ts';

const { values, positionals } = parseArgs({
  options: { times: { type: 'string', default: '20' } },
  allowPositionals: true,
});

const times = Number(values.times);
for (const [name, run] of Object.entries(scenarios)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const { said, passed } = await run(times);
  process.stdout.write(`${passed ? 'pass' : 'FAIL'}  ${name}: ${said}\n`);
  if (!passed) process.exitCode = 1;
}
