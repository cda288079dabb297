// What a run leaves behind: plain values that are written as JSON after each scenario, so that nothing is lost when
// the next one fails, and from which text, chart and README are made.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Spread } from '../measuring/statistics.ts';
import type { Machine } from './machine.ts';
import type { Metric } from './scenarios.ts';
import type { ServerKey } from './servers.ts';

/** One round of one server. */
export type Sample = Readonly<Partial<Record<Metric, number>>>;

/** All rounds of one server. */
export interface EntryResult {
  /** The server's name, and the variant's behind a comma: what goals name it by. */
  readonly name: string;
  readonly server: ServerKey;
  readonly rounds: readonly Sample[];
  /** Why there is no number. */
  readonly failed: string | null;
}

/** One table. */
export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  readonly metric: Metric;
  readonly note: string | null;
  readonly at: string;
  readonly commit: string;
  /** Rounds and seconds of each, as they were asked for. */
  readonly rounds: number;
  readonly seconds: number;
  /** Load average of the minute before. */
  readonly busy: number;
  /** Requests a second of plain node:http, measured once a round: how much the machine's speed changed meanwhile. */
  readonly noise: Spread | null;
  readonly entries: readonly EntryResult[];
  /** Servers that are not in it, and why. */
  readonly absent: Readonly<Record<string, string>>;
}

/** A whole result. */
export interface BenchResult {
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioResult[];
}

/** The values of one metric, round by round; none of a server that failed or isn't there. */
export function valuesOf(
  result: ScenarioResult | undefined,
  name: string,
  metric: Metric,
): readonly number[] {
  const entry = result?.entries.find((each) => each.name === name && each.failed === null);
  return (entry?.rounds ?? []).map((sample) => sample[metric] ?? NaN);
}

/** Reads a result; undefined: there is none. */
export function readResult(path: string): BenchResult | undefined {
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as BenchResult;
}

/** The newest result of a folder. */
export function newestResult(folder: string): string | undefined {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const newest = names
    .filter((name) => name.endsWith('-bench.json'))
    .sort()
    .at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** The result with this scenario in place of what it had of it, in the order of `ids`. */
export function withScenario(
  result: BenchResult,
  scenario: ScenarioResult,
  ids: readonly string[],
): BenchResult {
  const others = result.scenarios.filter(({ id }) => id !== scenario.id);
  const all = [...others, scenario];
  return {
    ...result,
    scenarios: all.toSorted((one, other) => ids.indexOf(one.id) - ids.indexOf(other.id)),
  };
}
