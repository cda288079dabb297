// What wsgi-ts wants to reach, as a table: what is divided by what, and how much of it is wanted. Ratios are made round
// by round, since what else the machine does changes from one round to the next, and their median is compared.

import { median } from '../measuring/statistics.ts';
import { valuesOf, type BenchResult } from './results.ts';
import type { Metric } from './scenarios.ts';
import { servers, type Server } from './servers.ts';

/** A goal: at least, or at most, so much. */
export interface Goal {
  readonly scenario: string;
  readonly what: string;
  readonly wanted: number;
  readonly sense: 'least' | 'most';
  /** What was reached, round by round; nothing where it was not measured. */
  readonly reached: (result: BenchResult) => readonly number[];
}

/** A goal beside what was reached. */
export interface Verdict {
  readonly goal: Goal;
  readonly median: number;
  readonly passed: boolean;
}

/** Which column of which table. */
interface Figure {
  readonly name: string;
  readonly metric: Metric;
}

const ours = (metric: Metric, variant = ''): Figure => ({
  ...{ name: variant === '' ? 'wsgi-ts' : `wsgi-ts, ${variant}`, metric },
});
const theirs = (name: string, metric: Metric): Figure => ({ name, metric });

type Reached = Goal['reached'];

const series = (
  result: BenchResult,
  scenario: string,
  { name, metric }: Figure,
): readonly number[] => valuesOf(find(result, scenario), name, metric);

const find = (result: BenchResult, id: string): BenchResult['scenarios'][number] | undefined =>
  result.scenarios.find((scenario) => scenario.id === id);

const divide = (over: readonly number[], under: readonly number[]): number[] =>
  over.slice(0, under.length).map((value, round) => value / (under[round] ?? NaN));

/** One figure over another of the same table, or over a number. */
const ratio =
  (scenario: string, over: Figure, under: Figure | number): Reached =>
  (result) => {
    const values = series(result, scenario, over);
    return typeof under === 'number'
      ? values.map((value) => value / under)
      : divide(values, series(result, scenario, under));
  };

/** A figure by itself. */
const plain = (scenario: string, figure: Figure): Reached => ratio(scenario, figure, 1);

/** Our requests a second over those of the best peer of that table, by its median. */
const overBestPeer =
  (scenario: string, counts: (peer: Server) => boolean = () => true): Reached =>
  (result) => {
    const table = find(result, scenario);
    const peers = (table?.entries ?? [])
      .filter(({ server }) => servers[server].kind === 'peer' && counts(servers[server]))
      .map(({ name }) => series(result, scenario, theirs(name, 'rate')))
      .filter((values) => values.length > 0);
    const best = peers.toSorted((one, other) => median(other) - median(one))[0];
    return best ? divide(series(result, scenario, ours('rate')), best) : [];
  };

const levels = [1, 8, 32, 256, 1024].map((count) => ({
  count,
  variant: `${count} connection${count === 1 ? '' : 's'}`,
}));

const transposed = (columns: readonly (readonly number[])[]): number[][] =>
  (columns[0] ?? []).map((_, round) => columns.map((column) => column[round] ?? NaN));

/** From the best number of connections on: the least requests a second over the most. */
const keptWithConnections: Reached = (result) => {
  const columns = levels.map(({ variant }) => series(result, 'connections', ours('rate', variant)));
  return transposed(columns).map((rates) => {
    const most = Math.max(...rates);
    return Math.min(...rates.slice(rates.indexOf(most))) / most;
  });
};

/** The largest growth of p99 over the growth of connections, from one number of them to the next. */
const growthOfLatency: Reached = (result) => {
  const columns = levels.map(({ variant }) => series(result, 'connections', ours('p99', variant)));
  return transposed(columns).map((p99s) =>
    Math.max(
      ...levels.slice(1).map(({ count }, index) => {
        const grown = (p99s[index + 1] ?? NaN) / (p99s[index] ?? NaN);
        return grown / (count / (levels[index]?.count ?? NaN));
      }),
    ),
  );
};

const [ceiling, node] = [servers.ceiling.name, servers.node.name];
const least = { sense: 'least' } as const;
const most = { sense: 'most' } as const;
const bestOfAll = 'requests a second of the best peer';

/** All goals, in the order of the scenarios. */
const goals: readonly Goal[] = [
  {
    ...{ ...least, scenario: 'flask', what: 'of the ceiling', wanted: 0.92 },
    reached: ratio('flask', ours('rate'), theirs(ceiling, 'rate')),
  },
  {
    ...{ ...least, scenario: 'flask-threads', what: 'of one thread', wanted: 0.95 },
    reached: ratio('flask-threads', ours('rate'), ours('rate', '1 thread')),
  },
  {
    ...{ ...least, scenario: 'flask-2-workers', what: 'of the best peer with threads', wanted: 1 },
    reached: overBestPeer('flask-2-workers', ({ threaded }) => threaded),
  },
  {
    ...{ ...most, scenario: 'flask-2-workers', what: "of bjoern's CPU time", wanted: 1.1 },
    reached: ratio('flask-2-workers', ours('processor'), theirs('bjoern', 'processor')),
  },
  {
    ...{
      ...least,
      scenario: 'django',
      what: bestOfAll,
      wanted: 1,
      reached: overBestPeer('django'),
    },
  },
  {
    ...{ ...least, scenario: 'nothing', what: 'of node:http', wanted: 0.85 },
    reached: ratio('nothing', ours('rate'), theirs(node, 'rate')),
  },
  {
    ...{ ...least, scenario: 'sleep', what: 'of the ideal 1,600 a second', wanted: 0.95 },
    reached: ratio('sleep', ours('rate'), 1600),
  },
  {
    ...{ ...most, scenario: 'mixed', what: 'ms, p99 of the others', wanted: 8 },
    reached: plain('mixed', ours('p99')),
  },
  {
    ...{ ...least, scenario: 'mixed', what: bestOfAll, wanted: 1, reached: overBestPeer('mixed') },
  },
  ...['json-post', 'upload', 'from-memory', 'from-generator', 'from-file'].map((scenario) => ({
    ...{ ...least, scenario, what: bestOfAll, wanted: 1, reached: overBestPeer(scenario) },
  })),
  {
    ...{ ...least, scenario: 'from-file', what: 'of node:http streaming that file', wanted: 0.8 },
    reached: ratio('from-file', ours('rate'), theirs(node, 'rate')),
  },
  {
    ...{ ...least, scenario: 'connections', what: 'of the best, with more', wanted: 0.95 },
    reached: keptWithConnections,
  },
  {
    ...{ ...most, scenario: 'connections', what: 'growth of p99 over theirs', wanted: 1 },
    reached: growthOfLatency,
  },
  {
    ...{ ...most, scenario: 'one-connection', what: "of bjoern's p50", wanted: 1.2 },
    reached: ratio('one-connection', ours('p50'), theirs('bjoern', 'p50')),
  },
  {
    ...{ ...most, scenario: 'one-connection', what: 'ms, p99', wanted: 1 },
    reached: plain('one-connection', ours('p99')),
  },
  {
    ...{ ...least, scenario: 'access-log', what: 'of without', wanted: 0.95 },
    reached: ratio('access-log', ours('rate', 'access log'), ours('rate')),
  },
  ...['1 worker', '4 workers'].map((workers) => ({
    ...{ ...most, scenario: 'start', what: `of gunicorn's time, ${workers}`, wanted: 1.5 },
    reached: ratio(
      'start',
      ours('milliseconds', workers),
      theirs(`gunicorn sync, ${workers}`, 'milliseconds'),
    ),
  })),
  {
    ...{ ...most, scenario: 'memory', what: "of granian's", wanted: 1.5 },
    reached: ratio('memory', ours('memory'), theirs('granian', 'memory')),
  },
];

/** What was reached of the goals of a result; those of scenarios that it hasn't are left out. */
export function verdicts(result: BenchResult): Verdict[] {
  return goals.flatMap((goal) => {
    const table = find(result, goal.scenario);
    if (table === undefined) return [];
    const middle = median(goal.reached(result));
    const passed = goal.sense === 'least' ? middle >= goal.wanted : middle <= goal.wanted;
    return [{ goal, median: middle, passed }];
  });
}
