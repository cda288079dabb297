// What is seen best when a server runs by itself: the time it takes to start, and the memory that it takes. Each server
// several times, in turn.

import { setTimeout as pause } from 'node:timers/promises';
import { start, type Contender } from '../measuring/contender.ts';
import { proportionalAlone } from '../measuring/process-tree.ts';
import { wrk } from '../measuring/wrk.ts';
import type { Entry } from './entries.ts';
import type { EntryResult, Sample } from './results.ts';
import { check, fail, mebibyte, type Extent, type Measured, type Runner } from './runner.ts';
import type { Scenario } from './scenarios.ts';

/** Measures a scenario of kind `start` or `memory`: each server alone, several times, in turn. */
export async function measureAlone(
  scenario: Scenario,
  entries: readonly Entry[],
  { rounds }: Extent,
): Promise<Measured> {
  const runners: Runner[] = entries.map((entry) => ({
    ...{ entry, contender: undefined, rounds: [], failed: null },
  }));
  // The first time fills the caches of the disk and of Python's bytecode.
  for (let round = -1; round < rounds; round++) {
    for (const runner of runners) {
      if (runner.failed !== null) continue;
      const seen = await alone(runner, scenario);
      if (round >= 0 && seen !== undefined) runner.rounds.push(seen);
    }
  }
  const result = ({ entry, rounds: samples, failed }: Runner): EntryResult => ({
    ...{ name: entry.name, server: entry.server, failed },
    rounds: samples,
  });
  return { entries: runners.map(result), noise: [] };
}

async function alone(runner: Runner, scenario: Scenario): Promise<Sample | undefined> {
  let contender: Contender | undefined;
  try {
    contender = await start(runner.entry.recipe, scenario.checks[0]?.path);
    await check({ ...runner, contender }, scenario);
    if (scenario.kind === 'start') return { milliseconds: contender.startedIn };
    // Every worker has worked, and what that took is given back where the server gives it back.
    await wrk(contender.url, { ...runner.entry.load, connections: 64 }, 1);
    await pause(1000);
    return { memory: proportionalAlone(contender.pid) / mebibyte };
  } catch (error) {
    fail(runner, scenario, error, contender);
    return undefined;
  } finally {
    await contender?.stop();
  }
}
