// A scenario under load: all of its servers run, each is asked whether it answers what it should, and then they are
// loaded in turn, round after round, each round beginning with another one: what else the machine does hits them alike.
// A server that fails anywhere is out, with the reason; the others go on.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { inRepository } from '../../test/helpers/repository.ts';
import { start, type Contender } from '../measuring/contender.ts';
import { processorSeconds, proportional, proportionalAlone } from '../measuring/process-tree.ts';
import { rate, wrk, type Load } from '../measuring/wrk.ts';
import { findFault } from './checks.ts';
import type { Entry } from './entries.ts';
import { workFolder } from './environment.ts';
import type { EntryResult, Sample } from './results.ts';
import type { Scenario } from './scenarios.ts';
import { servers } from './servers.ts';

/** How much is measured. */
export interface Extent {
  readonly rounds: number;
  /** Of each server in each round. */
  readonly seconds: number;
}

/** What came of a scenario. */
export interface Measured {
  readonly entries: readonly EntryResult[];
  /** Requests a second of plain node:http, each round. */
  readonly noise: readonly number[];
}

/** An entry on its way. */
interface Runner {
  readonly entry: Entry;
  readonly contender: Contender | undefined;
  readonly rounds: Sample[];
  failed: string | null;
}

const mebibyte = 1024 * 1024;

/** Notes why a server is out; what it wrote goes to a file. */
function fail(
  runner: Runner,
  scenario: Scenario,
  error: unknown,
  contender = runner.contender,
): void {
  const said = (error as Error).message;
  runner.failed = said.split('\n')[0] ?? '';
  const folder = join(workFolder, 'logs');
  const file = join(folder, `${scenario.id}-${runner.entry.name.replaceAll(/\W+/g, '-')}.log`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${said}\n\n${contender?.output ?? ''}`);
  process.stderr.write(`bench: ${runner.entry.name} failed: ${runner.failed} (${file})\n`);
}

const measuresLoop = (entry: Entry): boolean => entry.server === 'ceiling';

/** Asks all that the scenario wants to be answered rightly. */
async function check({ entry, contender }: Runner, scenario: Scenario): Promise<void> {
  if (contender === undefined) return;
  if (measuresLoop(entry)) {
    const { body } = await loop(contender, entry.load, 0.01);
    const fault = scenario.checks[0]?.expected.body(Buffer.from(body, 'latin1'));
    if (fault !== undefined) throw new Error(`in the loop: ${fault}`);
    return;
  }
  for (const each of scenario.checks) {
    const fault = await findFault(contender, each);
    if (fault !== undefined) throw new Error(fault);
  }
}

interface Looped {
  readonly calls: number;
  readonly seconds: number;
  readonly status: string;
  readonly body: string;
}

async function loop(contender: Contender, load: Load, seconds: number): Promise<Looped> {
  const { path, cookie } = load;
  const answer = await contender.ask({
    path: `${path}?seconds=${seconds}`,
    ...(cookie !== undefined && { headers: { Cookie: cookie } }),
  });
  const said = answer.body.toString('utf8');
  if (answer.status !== 200) throw new Error(`the loop answered ${answer.status}: ${said}`);
  return JSON.parse(said) as Looped;
}

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
export function startProbe(): Promise<Contender> {
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
  { rounds, seconds }: Extent,
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
    for (const runner of runners) await run(runner, 1);
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
    await Promise.all(
      [probe, ...runners.map(({ contender }) => contender)].map((one) => one?.stop()),
    );
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
