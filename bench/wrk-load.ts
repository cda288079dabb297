// wrk as a load that goes on until it is told to end, and says what went wrong meanwhile.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What wrk has seen. */
export interface LoadResult {
  readonly requests: number;
  /** Connections that could not be made, broke, or were silent, and answers that were no success. */
  readonly errors: number;
  /** The lines that say so. */
  readonly said: string;
}

/** Loads a URL with 32 connections; the returned function ends it. */
export function startWrk(url: string, connections = 32): () => Promise<LoadResult> {
  const child = spawn('wrk', ['-t1', `-c${connections}`, '-d600s', '--timeout', '10s', url]);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'close');
  return async () => {
    child.kill('SIGINT');
    await ended;
    const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? 0);
    const socket = /Socket errors: .*/.exec(output)?.[0] ?? '';
    const status = /Non-2xx or 3xx responses: \d+/.exec(output)?.[0] ?? '';
    const counted = /(?:connect|read|write|timeout|responses:) (\d+)/g;
    const errors = [...`${socket} ${status}`.matchAll(counted)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    return { requests, errors, said: `${socket} ${status}`.trim() };
  };
}
