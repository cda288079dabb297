// A scenario under load: all of its servers run, each is asked whether it answers what it should, and then they are
// loaded in turn, round after round, each round beginning with another one: what else the machine does hits them alike.
// A server that fails anywhere is out, with the reason; the others go on.

import { inRepository } from '../../test/helpers/repository.ts';
import { start, type Contender } from '../measuring/contender.ts';
import { processorSeconds, proportional } from '../measuring/process-tree.ts';
import { rate, wrk } from '../measuring/wrk.ts';
import type { Entry } from './entries.ts';
import type { EntryResult, Sample } from './results.ts';
import { check, fail, loop, mebibyte, measuresLoop } from './runner.ts';
import type { Extent, Measured, Runner } from './runner.ts';
import type { Scenario } from './scenarios.ts';
import { servers } from './servers.ts';

/** One round of one server. */
async function sample(entry: Entry, contender: Contender, seconds: number): Promise<Sample> {
  const before = processorSeconds(contender.pid);
  const used = (requests: number): number =>
    ((processorSeconds(contender.pid) - before) / requests) * 1e6;
  if (measuresLoop(entry)) {
    const looped = await loop(contender, entry.load, seconds);
    return { rate: looped.calls / looped.seconds, processor: used(looped.calls) };
  }
  const { requests, seconds: took, p50, p99 } = await wrk(contender.url, entry.load, seconds);
  return { rate: requests / took, processor: used(requests), p50, p99 };
}

async function runnerOf(entry: Entry, scenario: Scenario): Promise<Runner> {
  let runner: Runner = { entry, contender: undefined, rounds: [], failed: null };
  try {
    runner = { ...runner, contender: await start(entry.recipe, scenario.checks[0]?.path) };
    await check(runner, scenario);
  } catch (error) {
    fail(runner, scenario, error);
  }
  return runner;
}

/** Plain node:http, as the measure of what the machine gives at that moment. */
function startProbe(): Promise<Contender> {
  const program = inRepository('dist', 'bench', 'programs', 'node-http.js');
  return start({
    name: 'node:http',
    command: (port) => [process.execPath, program, String(port)],
    cwd: inRepository(),
  });
}

/** Measures a scenario of kind `load`. */
export async function measureLoad(
  scenario: Scenario,
  entries: readonly Entry[],
  { rounds, seconds, warmUp }: Extent,
): Promise<Measured> {
  const runners: Runner[] = [];
  const noise: number[] = [];
  let probe: Contender | undefined;
  /** One round of one server; where it fails, it is out. */
  const run = async (runner: Runner, length: number): Promise<Sample | undefined> => {
    const { entry, contender } = runner;
    if (contender === undefined || runner.failed !== null) return undefined;
    try {
      return await sample(entry, contender, length);
    } catch (error) {
      fail(runner, scenario, error);
      return undefined;
    }
  };
  try {
    probe = await startProbe();
    for (const entry of entries) runners.push(await runnerOf(entry, scenario));
    await rate(probe.url, '/', 1);
    for (const runner of runners) await run(runner, warmUp);
    for (let round = 0; round < rounds; round++) {
      noise.push(await rate(probe.url, '/', 1));
      for (let turn = 0; turn < runners.length; turn++) {
        const runner = runners[(turn + round) % runners.length];
        if (runner === undefined) continue;
        const taken = await run(runner, seconds);
        if (taken !== undefined) runner.rounds.push(taken);
      }
    }
    return { entries: runners.map(resultOf), noise };
  } finally {
    const all = [probe, ...runners.map(({ contender }) => contender)];
    await Promise.all(all.map(async (one) => one?.stop()));
  }
}

/** What is left of a runner; its memory is looked at last, when all servers have done the same. */
function resultOf({ entry, contender, rounds, failed }: Runner): EntryResult {
  const memory =
    failed === null && contender !== undefined && servers[entry.server].kind !== 'limit'
      ? proportional(contender.pid) / mebibyte
      : NaN;
  return {
    ...{ name: entry.name, server: entry.server, failed },
    rounds: rounds.map((each) => (Number.isNaN(memory) ? each : { ...each, memory })),
  };
}
