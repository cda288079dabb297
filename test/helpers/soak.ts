// A server that is asked for long, over mixed paths, and looked at now and then with its garbage collected. Used by the
// short soak of the tests and by the long one of the bench.

import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { descriptors, mebibytes, resident, threads } from '../../bench/measuring/process-memory.ts';
import { inRepository } from './repository.ts';
import { startServer } from './server-process.ts';

/** What is seen of a worker. */
export interface Look {
  /** Resident, garbage collected. */
  readonly bytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** What is asked of a server. */
export interface SoakOptions {
  readonly requests: number;
  readonly workers: number;
  /** Looks behind each tenth, of which the least count: what is in use for a moment only is not what has grown. */
  readonly looksEach: number;
  readonly onLook?: (done: number, looks: readonly Look[]) => void;
}

/** A thing that must hold, and whether it does. */
export interface SoakResult {
  readonly passed: boolean;
  readonly what: string;
}

const connections = 16;
/** Bytes that a worker may have grown by. */
const mayGrow = 2 * 1024 * 1024;
/** Requests behind which the app has collected its garbage, in each worker. */
const appCollectsEach = 1000;
/** One in so many clients leaves in the middle. */
const leaving = 50;

/** What clients ask for, in turn. */
const paths = ['/', '/stream', '/file', '/upload', '/error', '/missing'] as const;

/** Asks, looks after each tenth, and compares what was seen from the end of the first tenth to that of the last. */
export async function soak({
  requests,
  workers,
  looksEach,
  onLook,
}: SoakOptions): Promise<SoakResult[]> {
  const collect = pathToFileURL(inRepository('dist', 'test', 'helpers', 'collect-on-signal.js'));
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-soak-'));
  const socketPath = join(folder, 'soak.sock');
  await using server = await startServer(
    [
      ...['--bind', `unix:${socketPath}`, '-w', String(workers), '--threads', '2'],
      ...['--error-logfile', '/dev/null', '--access-logfile', '/dev/null'],
      ...['--chdir', inRepository('fixtures', 'apps'), 'mixed:app'],
    ],
    {
      // A young generation of ten megabytes or more, as full as chance has it, would hide what grows.
      nodeOptions: ['--expose-gc', '--max-semi-space-size=1', '--import', collect.href],
      // The C library gives back what is freed, instead of keeping it for later.
      env: {
        MALLOC_ARENA_MAX: '1',
        MALLOC_TRIM_THRESHOLD_: '65536',
        MALLOC_MMAP_THRESHOLD_: '65536',
      },
      ready: 'spawned',
    },
  );
  await server.waitForOutput(/collects: \d+/, { count: workers + 1 });
  const pids = [...server.output().matchAll(/collects: (\d+)/g)]
    .map(([, pid]) => Number(pid))
    .filter((pid) => pid !== server.pid);
  while (!existsSync(socketPath)) await turn();
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const looks: Look[][] = [];
  let asked = 0;
  let collections = 0;
  const askUntil = async (until: number): Promise<void> => {
    const client = async (): Promise<void> => {
      while (asked < until) {
        const number = asked++;
        if (number % leaving === 0) await leave(socketPath);
        else await ask(agent, socketPath, paths[number % paths.length] ?? '/');
      }
    };
    await Promise.all(Array.from({ length: connections }, client));
  };
  const look = async (): Promise<Look[]> => {
    for (let round = 0; round < 3; round++) {
      for (const pid of pids) process.kill(pid, 'SIGURG');
      collections += pids.length;
      await server.waitForOutput(/collected/, { count: collections });
    }
    return pids.map((pid) => ({
      bytes: resident(pid),
      descriptors: descriptors(pid),
      threads: threads(pid),
    }));
  };
  for (let tenth = 1; tenth <= 10; tenth++) {
    const until = Math.round((requests * tenth) / 10);
    const between = Math.min(appCollectsEach, requests / 10 / looksEach);
    const seen: Look[][] = [];
    for (let left = looksEach - 1; left >= 0; left--) {
      await askUntil(until - left * between);
      seen.push(await look());
    }
    const least = pids.map((_, index) => leastOf(seen.flatMap((one) => one[index] ?? [])));
    looks.push(least);
    onLook?.(until, least);
  }
  agent.destroy();
  rmSync(folder, { recursive: true });
  return pids.flatMap((_, index) =>
    compare(
      looks.flatMap((look) => look[index] ?? []),
      index + 1,
    ),
  );
}

function leastOf(looks: readonly Look[]): Look {
  const least = (name: keyof Look): number => Math.min(...looks.map((look) => look[name]));
  return {
    bytes: least('bytes'),
    descriptors: least('descriptors'),
    threads: least('threads'),
  };
}

/** What is true of one worker's looks, one behind each tenth. */
function compare(looks: readonly Look[], worker: number): SoakResult[] {
  const all = (name: keyof Look): number[] => looks.map((look) => look[name]);
  const rise = riseOf(all('bytes'));
  const change = (name: 'descriptors' | 'threads'): SoakResult => {
    const [first = NaN, ...others] = all(name);
    const last = others.at(-1) ?? NaN;
    return { passed: last <= first, what: `worker ${worker}: ${name} ${first} → ${last}` };
  };
  const shown = `${mebibytes(Math.min(...all('bytes')))} to ${mebibytes(Math.max(...all('bytes')))}`;
  return [
    {
      passed: rise < mayGrow,
      what: `worker ${worker}: memory rises by ${mebibytes(rise)} (looks: ${shown})`,
    },
    change('descriptors'),
    change('threads'),
  ];
}

/** By how much values rise from the first to the last: the median of all pairs' slopes (Theil and Sen), since each is noisy. */
function riseOf(values: readonly number[]): number {
  const slopes = values.flatMap((earlier, index) =>
    values.slice(index + 1).map((later, distance) => (later - earlier) / (distance + 1)),
  );
  slopes.sort((one, other) => one - other);
  const middle = (slopes.length - 1) / 2;
  const median = ((slopes[Math.floor(middle)] ?? NaN) + (slopes[Math.ceil(middle)] ?? NaN)) / 2;
  return median * (values.length - 1);
}

/** One request, whose answer is read to its end. */
async function ask(agent: Agent, socketPath: string, path: string): Promise<void> {
  const isUpload = path === '/upload';
  const request = httpRequest({ agent, socketPath, path, method: isUpload ? 'POST' : 'GET' });
  request.end(isUpload ? Buffer.alloc(100_000) : undefined);
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, 'end');
}

/** A client that goes away in the middle of a long answer. */
async function leave(socketPath: string): Promise<void> {
  const socket = connect(socketPath);
  socket.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  socket.destroy();
}
