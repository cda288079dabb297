// The bench of every day: `make bench-quick`, in less than two minutes. A few figures of wsgi-ts, each as a ratio to
// something that is measured in turn with it, so that they mean the same on a busy machine and on another one; beside
// those of bench/results/quick.json, and which of them are worse. Options: --save keeps these as the ones to compare
// with, --seconds N of each server in each round (2), --rounds N (3).

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { existsSync, readFileSync } from 'node:fs';
import { inRepository } from '../test/helpers/repository.ts';
import { makeData } from './compare/data.ts';
import { entriesOf } from './compare/entries.ts';
import { peerEnvironment } from './compare/environment.ts';
import { measureAlone } from './compare/alone.ts';
import { measureLoad } from './compare/load.ts';
import { commit } from './compare/machine.ts';
import { figure, table } from './compare/report.ts';
import { writeWhole, type EntryResult } from './compare/results.ts';
import { scenarios, type Metric, type Scenario, type Variant } from './compare/scenarios.ts';
import { servers } from './compare/servers.ts';
import { median, spread, type Spread } from './measuring/statistics.ts';

const { values } = parseArgs({
  options: {
    save: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
  },
});
const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUp: 1 };

/** What is measured: scenarios of the long bench, with few servers. */
const measured: Readonly<Record<string, Partial<Scenario> & { readonly of: string }>> = {
  flask: {
    of: 'flask',
    servers: ['wsgi-ts'],
    variants: [{ name: '' }, { name: '16 threads', threads: 16 } satisfies Variant],
  },
  nothing: { of: 'nothing', servers: ['wsgi-ts'] },
  oneConnection: { of: 'nothing', servers: ['wsgi-ts'], load: { connections: 1, path: '/' } },
  start: { of: 'start', servers: ['wsgi-ts', 'sync'] },
  memory: { of: 'memory', servers: ['wsgi-ts'] },
};

/** A ratio, and whether more of it is better. */
interface Row {
  readonly title: string;
  readonly better: 'more' | 'less';
  readonly from: string;
  readonly metric: Metric;
  readonly over: string;
  /** What it is divided by; nothing: it is a number of its own. */
  readonly under?: string;
}

const own = servers['wsgi-ts'].name;
const less = { better: 'less' } as const;
const more = { better: 'more' } as const;
const ceiling = { from: 'flask', over: own, under: servers.ceiling.name } as const;
const node = { over: own, under: servers.node.name } as const;

const rows: readonly Row[] = [
  { title: 'Flask, requests a second / the app in a loop', ...more, ...ceiling, metric: 'rate' },
  { title: 'Flask, CPU time / the app in a loop', ...less, ...ceiling, metric: 'processor' },
  {
    ...{ title: 'Flask, 16 threads / one thread', ...more, from: 'flask', metric: 'rate' },
    ...{ over: `${own}, 16 threads`, under: own },
  },
  {
    title: 'an app that does nothing / node:http',
    ...more,
    ...node,
    from: 'nothing',
    metric: 'rate',
  },
  { title: 'its CPU time / node:http', ...less, ...node, from: 'nothing', metric: 'processor' },
  {
    title: 'one connection, p50 / node:http',
    ...less,
    ...node,
    from: 'oneConnection',
    metric: 'p50',
  },
  ...(['1 worker', '4 workers'].map((workers) => ({
    ...{ title: `start of ${workers} / gunicorn`, ...less, from: 'start' },
    ...{ metric: 'milliseconds', over: `${own}, ${workers}`, under: `gunicorn sync, ${workers}` },
  })) satisfies Row[]),
  { title: 'memory of 4 workers, MiB', ...less, from: 'memory', metric: 'memory', over: own },
];

/** What a run leaves for the next one. */
interface Kept {
  readonly at: string;
  readonly commit: string;
  readonly figures: Readonly<Record<string, Spread>>;
}

/** Worse by less than this is what a machine does by itself. */
const TOLERANCE = 0.05;

const peers = peerEnvironment();
makeData(peers);
const results = new Map<string, readonly EntryResult[]>();
process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2) ?? ''}\n`);
for (const [name, { of, ...changes }] of Object.entries(measured)) {
  const base = scenarios.find(({ id }) => id === of);
  if (base === undefined) throw new Error(`there is no scenario ${of}`);
  const scenario = { ...base, ...changes };
  const run = scenario.kind === 'load' ? measureLoad : measureAlone;
  const { entries } = entriesOf(scenario, peers, {});
  results.set(name, (await run(scenario, entries, extent)).entries);
}

function seriesOf(from: string, name: string, metric: Metric): number[] {
  const entry = results.get(from)?.find((each) => each.name === name);
  return (entry?.rounds ?? []).map((sample) => sample[metric] ?? NaN);
}

const figures = Object.fromEntries(
  rows.map(({ title, from, metric, over, under }) => {
    const above = seriesOf(from, over, metric);
    const below = under === undefined ? above.map(() => 1) : seriesOf(from, under, metric);
    return [title, spread(above.map((value, round) => value / (below[round] ?? NaN)))];
  }),
);
const path = inRepository('bench', 'results', 'quick.json');
const kept = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Kept) : undefined;

/** By how much it is worse, in shares; below 0: it is better. */
function loss({ title, better }: Row): number {
  const [now, then] = [figures[title]?.median ?? NaN, kept?.figures[title]?.median ?? NaN];
  return better === 'more' ? 1 - now / then : now / then - 1;
}

/** Whether it is outside of what was seen before, and by enough. */
function verdict(row: Row): string {
  const [now, then] = [figures[row.title], kept?.figures[row.title]];
  if (now === undefined || Number.isNaN(now.median)) return 'FAILED';
  if (then === undefined) return 'new';
  const worse = loss(row);
  const [isBelow, isAbove] = [now.most < then.least, now.least > then.most];
  const isWorse = row.better === 'more' ? isBelow : isAbove;
  const isBetter = row.better === 'more' ? isAbove : isBelow;
  if (isWorse && worse > TOLERANCE) return `SLOWER by ${(worse * 100).toFixed(0)} %`;
  if (isBetter && worse < -TOLERANCE) return `better by ${(-worse * 100).toFixed(0)} %`;
  return 'as before';
}

const lines = rows.map((row) => {
  const { median: middle, least, most } = figures[row.title] ?? spread([]);
  const before = figure(kept?.figures[row.title]?.median ?? NaN);
  return [
    ...[row.title, figure(middle), `${figure(least)} to ${figure(most)}`],
    ...[before, verdict(row)],
  ];
});
const since = kept === undefined ? 'before' : `${kept.commit}, ${kept.at.slice(0, 10)}`;
process.stdout.write(`${table(['', 'now', 'least to most', since, ''], lines)}\n`);
const rate = figure(median(seriesOf('flask', own, 'rate')));
process.stdout.write(`Flask on this machine now: ${rate} requests a second.\n`);
if (values.save || kept === undefined) {
  const next: Kept = { at: new Date().toISOString(), commit: commit(), figures };
  writeWhole(path, `${JSON.stringify(next, null, 2)}\n`);
  process.stdout.write(`Kept in ${path}.\n`);
}
if (lines.some((line) => line.at(-1) === 'FAILED')) process.exitCode = 1;
