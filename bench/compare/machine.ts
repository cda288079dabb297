// Where a result comes from: the machine, as far as it says, and the versions of all that was measured.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { inRepository } from '../../test/helpers/repository.ts';
import type { PeerEnvironment } from './environment.ts';

/** What is known of it. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly gibibytes: number;
  readonly kernel: string;
  /** What decides on the processor's speed; null: the machine doesn't say. */
  readonly governor: string | null;
  /** Whether the processor's clock may go above its nominal one; null: the machine doesn't say. */
  readonly boost: boolean | null;
  /** Load averages of 1, 5 and 15 minutes at the start. */
  readonly busy: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
}

function say(program: string, ...args: string[]): string {
  try {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    return execFileSync(program, args, {
      encoding: 'utf8',
      cwd: inRepository(),
      stdio: [...stdio],
    });
  } catch (error) {
    // wrk says its version and fails.
    return (error as { stdout?: string }).stdout ?? '';
  }
}

function fact(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

/** The commit that is measured; a `+` says that files differ from it. */
export function commit(): string {
  const changed = say('git', 'status', '--porcelain', '--', 'src', 'python') === '' ? '' : '+';
  return say('git', 'rev-parse', '--short', 'HEAD').trim() + changed;
}

/** Looks at it. */
export function describeMachine(peers: PeerEnvironment): Machine {
  const system = '/sys/devices/system/cpu';
  const boost = fact(`${system}/cpufreq/boost`);
  const own = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as { version: string };
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    gibibytes: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    governor: fact(`${system}/cpu0/cpufreq/scaling_governor`),
    boost: boost === null ? null : boost === '1',
    busy: loadavg(),
    versions: {
      'wsgi-ts': `${own.version} (${commit()})`,
      Node: process.version,
      Python: say(peers.python, '-c', 'import platform; print(platform.python_version())').trim(),
      wrk: /wrk (\S+)/.exec(say('wrk', '--version'))?.[1] ?? 'unknown',
      ...Object.fromEntries(peers.versions),
    },
  };
}
