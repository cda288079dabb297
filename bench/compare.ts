// wsgi-ts beside gunicorn and beside plain node:http, on this machine, now: `npm run bench:compare`.
// All contenders run through the whole comparison and are loaded in turn, round after round in another order,
// so that what else the machine does hits them alike. Medians, spread and three ratios are printed, each ratio
// the median of the rounds' own; the exit code is 1 where one is not reached.
// Options: --rounds N (5), --seconds N of each run (4).

import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { testPythonEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';
import { gunicorn, start, wsgiTs } from './contender.ts';
import type { Contender, Recipe } from './contender.ts';
import { median, wrk } from './wrk.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const flask = 'Hello from Flask App\n';
const hello = 'Hello, World!\n';

const recipes = {
  oneThread: wsgiTs('wsgi-ts, Flask, 1 thread', 'tutorial', flask, '--threads', '1', 'app:app'),
  sixteen: wsgiTs('wsgi-ts, Flask, 16 threads', 'tutorial', flask, '--threads', '16', 'app:app'),
  gunicorn: gunicorn('gunicorn sync, Flask', 'tutorial', flask, 'app:app'),
  nothing: wsgiTs('wsgi-ts, an app that does nothing', 'apps', hello, 'does_nothing:app'),
  node: {
    name: 'node:http, no Python',
    program: process.execPath,
    args: [inRepository('dist', 'bench', 'hello-http.js')],
    cwd: inRepository(),
    answer: hello,
  },
} as const satisfies Record<string, Recipe>;

type Key = keyof typeof recipes;
const keys = Object.keys(recipes) as Key[];

/** What must be reached: requests a second of one over those of another. */
const goals: readonly (readonly [over: Key, under: Key, least: number])[] = [
  ['oneThread', 'gunicorn', 2.5],
  ['sixteen', 'oneThread', 0.9],
  ['nothing', 'node', 0.6],
];

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

function version(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' }).trim();
}

const python = testPythonEnvironment();
print(new Date().toISOString());
print(`${cpus()[0]?.model ?? 'unknown processor'}, ${String(cpus().length)} cores seen`);
print(
  `Node ${process.version}, ${version(python.python, '--version')}, ${version(`${python.bin}/gunicorn`, '--version')}`,
);
print(
  `load before: ${loadavg()
    .map((load) => load.toFixed(2))
    .join(' ')}`,
);
print(`wrk -t1 -c32 -d${String(seconds)}s, ${String(rounds)} rounds, one worker each`);
print();

const busy = (loadavg()[0] ?? 0) > cpus().length / 4;

const contenders = new Map<Key, Contender>();
const rates = Object.fromEntries(keys.map((key) => [key, []])) as unknown as Record<Key, number[]>;
try {
  for (const key of keys) contenders.set(key, await start(recipes[key]));
  for (const contender of contenders.values()) await wrk(contender.url, 1);
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another contender: nobody is always the one behind the strongest load.
    const order = [...contenders].map((_, index, all) => all[(index + round) % all.length]);
    for (const entry of order) if (entry) rates[entry[0]].push(await wrk(entry[1].url, seconds));
  }
} finally {
  await Promise.all([...contenders.values()].map((contender) => contender.stop()));
}

print(
  `${'requests a second'.padEnd(36)}${'median'.padStart(9)}${'least'.padStart(9)}${'most'.padStart(9)}   spread`,
);
for (const key of keys) {
  const [least, most] = [Math.min(...rates[key]), Math.max(...rates[key])];
  const middle = median(rates[key]);
  const spread = `${((100 * (most - least)) / middle).toFixed(0)} %`;
  const numbers = [middle, least, most].map((rate) => rate.toFixed(0).padStart(9)).join('');
  print(`${recipes[key].name.padEnd(36)}${numbers}${spread.padStart(9)}`);
}
print();
for (const [over, under, least] of goals) {
  // Round by round, since what else the machine does changes from one round to the next.
  const ratios = rates[over].map((rate, round) => rate / (rates[under][round] ?? NaN));
  const ratio = median(ratios);
  const passed = ratio >= least;
  if (!passed) process.exitCode = 1;
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  const names = `${recipes[over].name} / ${recipes[under].name}`;
  print(
    `${passed ? 'pass' : 'FAIL'}  ${ratio.toFixed(2)} (${range}), wanted ${String(least)}: ${names}`,
  );
}
if (busy)
  print('The machine was busy with something else before the start: these figures say little.');
