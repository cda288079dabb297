// A result as text: a table for each scenario, the goals, the machine. The same text is printed and written (Markdown
// that reads well as it is).

import { median, spread } from '../measuring/statistics.ts';
import type { Verdict } from './goals.ts';
import { verdicts } from './goals.ts';
import type { Machine } from './machine.ts';
import type { BenchResult, EntryResult, ScenarioResult } from './results.ts';
import type { Metric } from './scenarios.ts';
import { servers } from './servers.ts';

/** How a metric is called and written. */
const metrics: Readonly<Record<Metric, { title: string; better: 'more' | 'less' }>> = {
  rate: { title: 'requests/s', better: 'more' },
  processor: { title: 'CPU µs/request', better: 'less' },
  p50: { title: 'p50 ms', better: 'less' },
  p99: { title: 'p99 ms', better: 'less' },
  milliseconds: { title: 'ms', better: 'less' },
  memory: { title: 'MiB', better: 'less' },
};

/** The columns behind the scenario's own metric. */
const besides: readonly Metric[] = ['rate', 'processor', 'p50', 'p99', 'memory'];

/** A number with as many digits as mean something; latencies have three, however small. */
export function figure(value: number, metric?: Metric): string {
  if (Number.isNaN(value)) return '–';
  if (value < 10 && (metric === 'p50' || metric === 'p99')) return value.toPrecision(3);
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function values(entry: EntryResult, metric: Metric): number[] {
  return entry.rounds
    .map((sample) => sample[metric] ?? NaN)
    .filter((value) => !Number.isNaN(value));
}

/** The best peer of a table by its metric: of what is served by others. */
export function bestPeer({ metric, entries }: ScenarioResult): EntryResult | undefined {
  const sign = metrics[metric].better === 'more' ? -1 : 1;
  return entries
    .filter((entry) => servers[entry.server].kind === 'peer' && entry.failed === null)
    .filter((entry) => values(entry, metric).length > 0)
    .toSorted(
      (one, other) => sign * (median(values(one, metric)) - median(values(other, metric))),
    )[0];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Columns of equal width, so that the text can be read as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((cells) => (cells[column] ?? '').length), title.length, 3),
  );
  const line = (cells: readonly string[]): string =>
    row(
      widths.map((width, column) => {
        const cell = cells[column] ?? '';
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      }),
    );
  const rule = row(
    widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)),
  );
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** One scenario. */
export function describeScenario(result: ScenarioResult): string {
  const { metric, entries, noise } = result;
  const others = besides.filter(
    (each) => each !== metric && entries.some((entry) => values(entry, each).length > 0),
  );
  const best = bestPeer(result);
  const bestValue = best ? median(values(best, metric)) : NaN;
  const rows = entries.map((entry) => {
    if (entry.failed !== null) return [entry.name, 'failed'];
    const { median: middle, least, most } = spread(values(entry, metric));
    return [
      ...[
        entry.name,
        figure(middle, metric),
        `${figure(least, metric)} to ${figure(most, metric)}`,
      ],
      figure(middle / bestValue),
      ...others.map((each) => figure(median(values(entry, each)), each)),
    ];
  });
  const head = [
    ...['', metrics[metric].title, 'least to most', 'over best peer'],
    ...others.map((each) => metrics[each].title),
  ];
  const failures = entries
    .filter(({ failed }) => failed !== null)
    .map(({ name, failed }) => `- ${name} failed: ${failed ?? ''}`);
  const absent = Object.entries(result.absent).map(([name, why]) => `- Without ${name}: ${why}.`);
  const quiet =
    noise === null
      ? ''
      : `, node:http beside it ${figure(noise.median)} a second (${figure(noise.least)} to ${figure(noise.most)})`;
  return [
    `## ${result.title}`,
    '',
    `\`${result.id}\`, ${result.at}, commit ${result.commit}: ${result.rounds} rounds of ${result.seconds} s; load ` +
      `before ${result.busy.toFixed(2)}${quiet}.${result.note === null ? '' : ` ${result.note}`}`,
    '',
    table(head, rows),
    ...(failures.length + absent.length > 0 ? [''] : []),
    ...failures,
    ...absent,
    '',
  ].join('\n');
}

/** One goal in words: `0.85 of the ceiling: short of 0.92 by 8 %`. */
function judge({ goal, median: reached, passed }: Verdict): string {
  if (Number.isNaN(reached)) return 'not measured';
  if (passed) return 'reached';
  return `${goal.sense === 'least' ? 'short' : 'over'} by ${figure(Math.abs(reached / goal.wanted - 1) * 100)} %`;
}

/** The goals beside what was reached. */
export function describeGoals(result: BenchResult): string {
  const titles = new Map(result.scenarios.map(({ id, title }) => [id, title]));
  const rows = verdicts(result).map((verdict) => {
    const { goal, median: reached } = verdict;
    const sign = goal.sense === 'least' ? '≥' : '≤';
    return [
      ...[titles.get(goal.scenario) ?? goal.scenario, goal.what],
      ...[`${sign} ${figure(goal.wanted)}`, figure(reached), judge(verdict)],
    ];
  });
  return ['## Goals', '', table(['', 'measure', 'wanted', 'got', ''], rows), ''].join('\n');
}

function describeMachine(machine: Machine): string {
  const { processor, cores, gibibytes, kernel, governor, boost, busy, versions } = machine;
  const facts = [
    `${processor}, ${cores} cores, ${gibibytes} GiB, ${kernel}`,
    `governor ${governor ?? 'not told'}, boost ${boost === null ? 'not told' : boost ? 'on' : 'off'}`,
    `load before the start ${busy.map((load) => load.toFixed(2)).join(' ')}`,
  ];
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${facts.join('; ')}.\n\n${listed.join(', ')}.\n`;
}

/** All of it. */
export function describeResult(name: string, result: BenchResult): string {
  return [
    `# Bench of ${name}`,
    '',
    'By `make bench`; what the columns mean is in [bench/README.md](../README.md).',
    '',
    describeMachine(result.machine),
    describeGoals(result),
    ...result.scenarios.map(describeScenario),
  ].join('\n');
}
