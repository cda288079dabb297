// The doctor's look at the machine: Node, npm, limits and quotas. Called by checkup.ts. It reads /proc and /sys, of
// which systems other than Linux have none: what can't be known is left out.

import { execFileSync } from 'node:child_process';
import { readText, readQuotas } from '../quotas.ts';
import type { Settings } from '../settings/table.ts';
import type { Finding } from './finding.ts';

/** package.json, "engines". */
const oldestNode = [20, 19] as const;
/** Descriptors that a worker needs besides its connections. */
const otherDescriptors = 64;
/** MiB that a worker with a small Flask app takes. */
const workerMemory = 60;
const mebibyte = 1024 * 1024;

/** Node itself. */
export function lookAtNode(): Finding {
  const { node, openssl } = process.versions;
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  const text = `Node ${node} (${process.execPath}), OpenSSL ${openssl}, ${process.platform} ${process.arch}`;
  if (isNew) return { name: 'node', state: 'good', text };
  return {
    name: 'node',
    state: 'problem',
    text,
    remedy: `Install Node ${oldestNode.join('.')} or newer.`,
  };
}

/** npm, which only the building of a binding needs, and only where pymport is not installed. */
export function lookAtNpm(isNeeded: boolean): Finding {
  const version = versionOf('npm');
  if (version !== null) return { name: 'npm', state: 'good', text: `npm ${version}` };
  if (!isNeeded) return { name: 'npm', state: 'good', text: 'No npm on PATH, and no need of it' };
  return {
    name: 'npm',
    state: 'warning',
    text: 'No npm on PATH: pymport, from which a binding is built, could not be fetched',
    remedy: 'Install npm; it comes with Node.',
  };
}

/** What `command --version` says, its first line; null where it doesn't run. */
export function versionOf(command: string): string | null {
  try {
    const text = execFileSync(command, ['--version'], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: 'pipe',
    });
    return text.split('\n', 1)[0] ?? '';
  } catch {
    return null;
  }
}

/** How many files a process may have open, against --worker-connections. */
export function lookAtDescriptors({ workerConnections }: Settings, proc = '/proc'): Finding[] {
  const [, soft, hard] =
    /^Max open files\s+(\w+)\s+(\w+)/m.exec(readText(proc, 'self', 'limits')) ?? [];
  if (soft === undefined || hard === undefined) return [];
  const wanted = workerConnections + otherDescriptors;
  const text = `Open files: ${soft} for a process (${hard} can be set), ${workerConnections} connections a worker`;
  if (soft === 'unlimited' || Number(soft) >= wanted)
    return [{ name: 'descriptors', state: 'good', text }];
  return [
    {
      ...{ name: 'descriptors', state: 'warning', text },
      remedy: `ulimit -n ${wanted} before the start, LimitNOFILE= in systemd, or a lower --worker-connections`,
    },
  ];
}

/** How many connections may wait, against --backlog: the kernel cuts it down without a word (listen(2)). */
export function lookAtBacklog({ backlog }: Settings, proc = '/proc'): Finding[] {
  const most = Number(readText(proc, 'sys', 'net', 'core', 'somaxconn'));
  if (!(most > 0)) return [];
  const text = `Connections that may wait: ${Math.min(backlog, most)} (--backlog ${backlog}, somaxconn ${most})`;
  if (most >= backlog) return [{ name: 'backlog', state: 'good', text }];
  return [
    { name: 'backlog', state: 'warning', text, remedy: `sysctl net.core.somaxconn=${backlog}` },
  ];
}

/** Cores and memory, and what a container leaves of them, against --workers. */
export function lookAtQuotas(
  { workers }: Settings,
  system = '/sys/fs/cgroup',
  proc = '/proc',
): Finding {
  const { cores, cpu, total, memory } = readQuotas(system, proc);
  const quota = cpu < cores ? `${round(cpu)} of ${cores} cores (quota)` : `${cores} cores`;
  const room =
    memory < total
      ? `${Math.round(memory / mebibyte)} MiB (quota)`
      : `${Math.round(total / mebibyte)} MiB`;
  const text = `${quota}, ${room} of memory, for ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  const tooMany = workers > 2 * Math.max(1, cpu) + 1;
  const tooLittle = workers * workerMemory * mebibyte > memory;
  if (!tooMany && !tooLittle) return { name: 'quotas', state: 'good', text };
  return {
    ...{ name: 'quotas', state: 'warning', text },
    remedy: tooLittle
      ? `A worker takes ${workerMemory} MiB and more: fewer --workers, with more --threads.`
      : 'More workers than the cores can keep busy only cost memory: fewer --workers, with more --threads.',
  };
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}
