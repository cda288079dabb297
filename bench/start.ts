// What the choice of a binding costs: `npm run bench:start` starts Python and loads an app that does nothing
// (`--check-config`), with the binding that npm has installed and with one from the cache, in turn, and prints medians
// and quartiles. Option: --rounds N (40).

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { activatedEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';
import { quantile } from './measuring/statistics.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' } } });
const rounds = Number(values.rounds);
const cli = inRepository('dist', 'src', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-bench-'));
const environments = {
  installed: activatedEnvironment({ XDG_CACHE_HOME: join(folder, 'empty') }),
  cached: activatedEnvironment({ XDG_CACHE_HOME: join(folder, 'built') }),
};

/** Milliseconds of one start. */
function start(env: Record<string, string>): number {
  const args = [cli, '--no-build', '--check-config', '--chdir', inRepository('fixtures', 'apps')];
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [...args, 'does_nothing:app'], { env });
  if (status !== 0) throw new Error(stderr.toString());
  return performance.now() - began;
}

try {
  execFileSync(process.execPath, [cli, 'binding', 'build', '--force'], {
    env: environments.cached,
  });
  const times = { installed: [] as number[], cached: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const name of ['installed', 'cached'] as const)
      times[name].push(start(environments[name]));
  }
  for (const [name, list] of Object.entries(times)) {
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(list, share).toFixed(1));
    console.log(
      `${name.padEnd(10)} median ${middle} ms (quartiles ${low}, ${high}; ${rounds} starts)`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
