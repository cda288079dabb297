// One run of wrk: one thread, 32 connections that are kept where the server keeps them.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Loads a URL for some seconds.
 *
 * @returns requests a second
 * @throws Error when wrk is missing, or when any answer was an error or a connection failed
 */
export async function wrk(url: string, seconds: number): Promise<number> {
  const args = ['-t1', '-c32', `-d${String(seconds)}s`, `${url}/`];
  const { stdout } = await run('wrk', args).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('wrk is missing: `apt install wrk` installs it.');
  });
  const failures = /Non-2xx or 3xx responses: \d+|Socket errors: connect .*/.exec(stdout);
  // A server that closes each connection behind its answer can look like read errors: gunicorn's sync does not.
  if (failures) throw new Error(`wrk ${args.join(' ')}: ${failures[0]}`);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`wrk ${args.join(' ')} said:\n${stdout}`);
  return Number(rate);
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [
    sorted[sorted.length % 2 === 1 ? middle : middle - 1],
    sorted[middle],
  ];
  return (low + high) / 2;
}
