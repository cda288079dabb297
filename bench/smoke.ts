// What a smoke test of the tutorial app takes, from the start of the command to its end: `npm run bench:smoke` prints
// median and quartiles, and of each run what passed until the first answer. Options: --rounds N (10), --under SECONDS: fails
// where the median is not below.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { activatedEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, under: { type: 'string' } },
});
const command = [inRepository('dist', 'src', 'cli.js'), 'smoke', 'app:app'];

interface Run {
  readonly total: number;
  /** Until a worker served. */
  readonly started: number;
}

/** Milliseconds of one run. */
function run(): Run {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: inRepository('fixtures', 'tutorial'),
    env: activatedEnvironment(),
    encoding: 'utf8',
  });
  const total = performance.now() - began;
  if (status !== 0) throw new Error(stdout + stderr);
  return { total, started: Number(/after ([\d.]+) s/.exec(stdout)?.[1]) * 1000 };
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}

run(); // files are read once, bytecode is written
const runs = Array.from({ length: Number(values.rounds) }, run);
for (const name of ['started', 'total'] as const) {
  const times = runs.map((one) => one[name]);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(times, share).toFixed(0));
  console.log(
    `${name.padEnd(8)} median ${middle} ms (quartiles ${low}, ${high}; ${runs.length} runs)`,
  );
}
const median = quantile(
  runs.map(({ total }) => total),
  0.5,
);
if (values.under !== undefined && median >= Number(values.under) * 1000) process.exitCode = 1;
