// Debian's wrk, the load of everything here: for some seconds, or until it is told to end. It is a closed loop: a
// connection asks again when it is answered, so that what it calls a latency leaves out those who would have come
// meanwhile (the coordinated omission). bench/slow.ts offers requests at a fixed rate instead.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { inRepository } from '../../test/helpers/repository.ts';

const run = promisify(execFile);

/** What wrk sends. */
export interface Load {
  readonly connections: number;
  readonly path: string;
  readonly method?: string;
  readonly cookie?: string;
  /** A file whose bytes are the body, and their media type. */
  readonly body?: { readonly file: string; readonly type: string };
  /** Another path for one request in so many; its latencies are left out, and must be the longest of all. */
  readonly seldom?: { readonly path: string; readonly every: number };
}

/** What wrk has seen; latencies in milliseconds. */
export interface LoadReport {
  readonly requests: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly slowest: number;
}

interface Told extends LoadReport {
  readonly microseconds: number;
  /** Latencies that its percentiles are made of. */
  readonly counted: number;
  readonly errors: Readonly<Record<string, number>>;
}

/**
 * Loads a server for some seconds.
 *
 * @param origin - `http://127.0.0.1:8000`
 * @throws Error when wrk is missing, when any answer was no success, or when a connection failed, was cut or silent
 */
export async function wrk(origin: string, load: Load, seconds: number): Promise<LoadReport> {
  const { connections, path, method, cookie, body, seldom } = load;
  const plan = {
    BENCH_CONNECTIONS: String(connections),
    BENCH_METHOD: method,
    BENCH_COOKIE: cookie,
    BENCH_BODY: body?.file,
    BENCH_TYPE: body?.type,
    BENCH_SELDOM: seldom?.path,
    BENCH_EVERY: seldom && String(seldom.every),
  };
  const args = [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency'],
    ...['-s', inRepository('bench', 'load.lua'), `${origin}${path}`],
  ];
  const { stdout } = await run('wrk', args, { env: { ...process.env, ...plan } }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new Error('wrk is missing: `apt-get install wrk` installs it.');
    },
  );
  const line = /^JSON (.*)$/m.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`wrk said:\n${stdout}`);
  const { microseconds, counted, errors, ...report } = JSON.parse(line) as Told;
  const wrong = Object.entries(errors).filter(([, count]) => count > 0);
  if (wrong.length > 0 || report.requests === 0) {
    const counts = wrong.map(([kind, count]) => `${count} × ${kind}`).join(', ');
    if (counts === '') throw new Error(`wrk had no answer within ${seconds} s`);
    throw new Error(`wrk saw errors beside ${report.requests} answers: ${counts}`);
  }
  if (counted !== report.requests) {
    throw new Error(`load.lua does not know this wrk: ${counted} latencies of ${report.requests}`);
  }
  return { ...report, seconds: microseconds / 1e6 };
}

/** Requests a second to a path, of 32 connections. */
export async function rate(origin: string, path: string, seconds: number): Promise<number> {
  const report = await wrk(origin, { connections: 32, path }, seconds);
  return report.requests / report.seconds;
}

/** What a load of no fixed length has seen. */
export interface LoadResult {
  readonly requests: number;
  /** Connections that could not be made, broke, or were silent, and answers that were no success. */
  readonly errors: number;
  /** The lines that say so. */
  readonly said: string;
}

/** Loads a URL with 32 connections; the returned function ends it. */
export function startWrk(url: string): () => Promise<LoadResult> {
  const child = spawn('wrk', ['-t1', '-c32', '-d600s', '--timeout', '10s', url]);
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
