// A server on its way through a scenario: whether it answers what it should, and what becomes of one that fails.
// Used by load.ts and alone.ts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../measuring/contender.ts';
import type { Load } from '../measuring/wrk.ts';
import { findFault } from './checks.ts';
import type { Entry } from './entries.ts';
import { workFolder } from './environment.ts';
import type { EntryResult, Sample } from './results.ts';
import type { Scenario } from './scenarios.ts';

/** How much is measured. */
export interface Extent {
  readonly rounds: number;
  /** Of each server in each round. */
  readonly seconds: number;
  /** Seconds of load before the first round: until caches are full and V8 has compiled what it will. */
  readonly warmUp: number;
}

/** What came of a scenario. */
export interface Measured {
  readonly entries: readonly EntryResult[];
  /** Requests a second of plain node:http, each round. */
  readonly noise: readonly number[];
}

/** An entry on its way. */
export interface Runner {
  readonly entry: Entry;
  readonly contender: Contender | undefined;
  readonly rounds: Sample[];
  failed: string | null;
}

export const mebibyte = 1024 * 1024;

/** Notes why a server is out; what it wrote goes to a file. */
export function fail(
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

/** Whether it is no server, but the app in a loop. */
export const measuresLoop = (entry: Entry): boolean => entry.server === 'ceiling';

/** Asks all that the scenario wants to be answered rightly. */
export async function check({ entry, contender }: Runner, scenario: Scenario): Promise<void> {
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

/** What the loop has done. */
export interface Looped {
  readonly calls: number;
  readonly seconds: number;
  readonly status: string;
  readonly body: string;
}

/** Calls the app in a loop. */
export async function loop(contender: Contender, load: Load, seconds: number): Promise<Looped> {
  const { path, cookie } = load;
  const answer = await contender.ask({
    path: `${path}?seconds=${seconds}`,
    ...(cookie !== undefined && { headers: { Cookie: cookie } }),
  });
  const said = answer.body.toString('utf8');
  if (answer.status !== 200) throw new Error(`the loop answered ${answer.status}: ${said}`);
  return JSON.parse(said) as Looped;
}
