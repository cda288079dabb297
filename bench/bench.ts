// wsgi-ts beside every other server, on this machine, now: `make bench`, or `npm run bench -- OPTIONS`. The scenarios are
// in compare/scenarios.ts, the goals in compare/goals.ts; README.md says what is counted and how. After each scenario
// the result is written, so that none is lost. The exit code is 1 where wsgi-ts itself failed, never for a goal.

import { loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { inRepository } from '../test/helpers/repository.ts';
import { drawChart } from './compare/chart.ts';
import { makeData } from './compare/data.ts';
import { entriesOf } from './compare/entries.ts';
import { peerEnvironment } from './compare/environment.ts';
import { measureAlone } from './compare/alone.ts';
import { measureLoad } from './compare/load.ts';
import { commit, describeMachine } from './compare/machine.ts';
import { fillReadme } from './compare/readme.ts';
import type { Extent } from './compare/runner.ts';
import { describeGoals, describeResult, describeScenario } from './compare/report.ts';
import {
  newestResult,
  readResult,
  withScenario,
  writeWhole,
  type BenchResult,
  type ScenarioResult,
} from './compare/results.ts';
import { scenarios, type Scenario } from './compare/scenarios.ts';
import { servers } from './compare/servers.ts';
import { spread } from './measuring/statistics.ts';

const usage = `Usage: npm run bench -- [options]
  --only A,B       these scenarios; what the day's result has of others stays (--list shows them)
  --servers A,B    these servers only
  --rounds N       rounds of each scenario (5)
  --seconds N      seconds of each server in each round (3)
  --resume         leave out what the day's result has already, measured as long
  --out FOLDER     where results go (bench/results); the chart of bench/results is docs/bench.svg
  --readme         measure nothing: put the newest result's table into README.md
  --list           the scenarios' names`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    servers: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    resume: { type: 'boolean', default: false },
    out: { type: 'string', default: inRepository('bench', 'results') },
    readme: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Splits `A,B`, and refuses what there is not. */
function chosen(text: string | undefined, known: readonly string[]): readonly string[] | undefined {
  const names = text?.split(',');
  const unknown = names?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`there is no ${unknown.join(', ')}: ${known.join(', ')}`);
  }
  return names;
}

async function measure(
  scenario: Scenario,
  { entries, absent }: ReturnType<typeof entriesOf>,
  extent: Extent,
): Promise<ScenarioResult> {
  const busy = loadavg()[0] ?? 0;
  const at = `${new Date().toISOString().slice(0, 16)}Z`;
  const run = scenario.kind === 'load' ? measureLoad : measureAlone;
  const measured = await run(scenario, entries, extent);
  return {
    ...{ id: scenario.id, title: scenario.title, metric: scenario.metric },
    ...{ note: scenario.note ?? null, at, commit: commit(), busy, absent },
    ...{ rounds: extent.rounds, seconds: extent.seconds },
    noise: measured.noise.length > 0 ? spread(measured.noise) : null,
    entries: measured.entries,
  };
}

async function main(): Promise<void> {
  const { out } = values;
  if (values.help) {
    print(usage);
    return;
  }
  if (values.readme) {
    const newest = newestResult(out);
    const result = newest === undefined ? undefined : readResult(newest);
    if (newest === undefined || result === undefined) throw new Error(`${out} has no result`);
    fillReadme(basename(newest, '-bench.json'), result);
    return;
  }
  const ids = scenarios.map(({ id }) => id);
  if (values.list) {
    for (const { id, title } of scenarios) print(`${id.padEnd(18)}${title}`);
    return;
  }
  const only = chosen(values.only, ids);
  const wish = { servers: chosen(values.servers, Object.keys(servers)) };
  const peers = peerEnvironment();
  makeData(peers);
  const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUp: 2 };
  const name = new Date().toISOString().slice(0, 10);
  const path = join(out, `${name}-bench.json`);
  const machine = describeMachine(peers);
  let result: BenchResult = { ...(readResult(path) ?? { scenarios: [] }), machine };
  for (const scenario of scenarios) {
    const before = result.scenarios.find(({ id }) => id === scenario.id);
    const isDone = before?.rounds === extent.rounds && before.seconds === extent.seconds;
    if (only?.includes(scenario.id) === false || (values.resume && isDone)) continue;
    process.stderr.write(`bench: ${scenario.title}\n`);
    try {
      const measured = await measure(scenario, entriesOf(scenario, peers, wish), extent);
      print(describeScenario(measured));
      result = withScenario(result, measured, ids);
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`bench: ${scenario.id} was not measured: ${(error as Error).message}\n`);
      continue;
    }
    if (result.scenarios.some(hasFailed)) process.exitCode = 1;
    writeWhole(path, `${JSON.stringify(result, null, 1)}\n`);
    writeWhole(join(out, `${name}-bench.md`), describeResult(name, result));
    const isKept = out === inRepository('bench', 'results');
    writeWhole(
      isKept ? inRepository('docs', 'bench.svg') : join(out, 'bench.svg'),
      drawChart(result),
    );
  }
  print(describeGoals(result));
  print(`Written: ${path}, ${basename(path, '.json')}.md`);
}

const hasFailed = ({ entries }: ScenarioResult): boolean =>
  entries.some(({ server, failed }) => server === 'wsgi-ts' && failed !== null);

await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 2;
});
