// Cores and memory of this machine, and what a container's control groups leave of them. Read by the doctor, and by
// the command for `--workers auto`. Reads /proc and /sys, of which systems other than Linux have none: there the
// machine's own numbers count. It must never judge them.

import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';

/** What there is, and what may be used of it. */
export interface Quotas {
  /** Cores of the machine that this process may run on (sched_setaffinity(2)). */
  readonly cores: number;
  /** Cores that may be kept busy; a fraction where there is a quota. */
  readonly cpu: number;
  /** Bytes of memory of the machine. */
  readonly total: number;
  /** Bytes that may be used. */
  readonly memory: number;
}

/**
 * Looks at them.
 *
 * @param system - where control groups are mounted: cgroups(7)
 * @param proc - where proc(5) is mounted
 */
export function readQuotas(system = '/sys/fs/cgroup', proc = '/proc'): Quotas {
  const cores = availableParallelism();
  const total = totalmem();
  const folders = cgroupFolders(system, proc);
  return {
    cores,
    cpu: Math.min(cores, ...folders.map(cpuQuota)),
    total,
    memory: Math.min(total, ...folders.map(memoryLimit)),
  };
}

/** The control groups of this process that may have a limit: its own, and those above. cgroups(7) */
function cgroupFolders(system: string, proc: string): string[] {
  const [, own = '/'] = /^0::(.*)$/m.exec(readText(proc, 'self', 'cgroup')) ?? [];
  const names = own.split('/').filter((name) => name !== '');
  const above = names.map((_, index) => join(system, ...names.slice(0, index + 1)));
  return [system, ...above];
}

/** Cores that a control group may use. */
function cpuQuota(folder: string): number {
  const [most = '', every = ''] = readText(folder, 'cpu.max').trim().split(' ');
  const quota = most === '' ? Number(readText(folder, 'cpu', 'cpu.cfs_quota_us')) : Number(most);
  const period =
    every === '' ? Number(readText(folder, 'cpu', 'cpu.cfs_period_us')) : Number(every);
  return quota > 0 && period > 0 ? quota / period : Infinity;
}

/** Bytes that a control group may use. */
function memoryLimit(folder: string): number {
  const text =
    readText(folder, 'memory.max') || readText(folder, 'memory', 'memory.limit_in_bytes');
  const limit = Number(text);
  return limit > 0 ? limit : Infinity;
}

/** A file's text; '' where it can't be read. */
export function readText(...path: readonly string[]): string {
  try {
    return readFileSync(join(...path), 'latin1');
  } catch {
    return '';
  }
}
