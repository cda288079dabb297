// How many system calls a process makes, by strace(1), all its threads counted.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpawnedProcess } from './spawned-process.ts';

/** Calls by the kernel's name of them. */
export type SystemCalls = ReadonlyMap<string, number>;

/**
 * Counts what a process asks of the kernel during `action`.
 *
 * @throws Error when there is no strace, or it may not look at that process
 */
export async function countSystemCalls(
  pid: number,
  action: () => Promise<void>,
): Promise<SystemCalls> {
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-strace-'));
  try {
    const table = join(folder, 'table');
    const args = ['-f', '-c', '-U', 'calls,name', '-o', table, '-p', String(pid)];
    const strace = new SpawnedProcess('strace', args, {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
    });
    await strace.waitForOutput(/attached/);
    await action();
    strace.signal('SIGINT');
    await strace.waitForEnd();
    const lines = readFileSync(table, 'utf8').matchAll(/^ *(\d+) +(\w+)$/gm);
    return new Map(
      [...lines]
        .map(([, count, name = '']) => [name, Number(count)] as const)
        .filter(([name]) => name !== 'total'),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
