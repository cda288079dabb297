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
/** One in so many clients leaves in the middle. */
const leaving = 50;

/** What clients ask for, in turn. */
const paths = ['/', '/stream', '/file', '/upload', '/error', '/missing'] as const;

/** Asks, looks after each tenth, and compares the last look with the one after the first tenth. */
export async function soak({ requests, workers, onLook }: SoakOptions): Promise<SoakResult[]> {
  const collect = pathToFileURL(inRepository('dist', 'test', 'helpers', 'collect-on-signal.js'));
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-soak-'));
  const socketPath = join(folder, 'soak.sock');
  await using server = await startServer(
    [
      ...['--bind', `unix:${socketPath}`, '-w', String(workers), '--threads', '2'],
      ...['--error-logfile', '/dev/null', '--access-logfile', '/dev/null'],
      ...['--chdir', inRepository('fixtures', 'apps'), 'mixed:app'],
    ],
    { nodeOptions: ['--expose-gc', '--import', collect.href], ready: 'spawned' },
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
  for (let tenth = 1; tenth <= 10; tenth++) {
    const until = Math.round((requests * tenth) / 10);
    const client = async (): Promise<void> => {
      while (asked < until) {
        const number = asked++;
        if (number % leaving === 0) await leave(socketPath);
        else await ask(agent, socketPath, paths[number % paths.length] ?? '/');
      }
    };
    await Promise.all(Array.from({ length: connections }, client));
    for (let round = 0; round < 3; round++) {
      for (const pid of pids) process.kill(pid, 'SIGURG');
      collections += pids.length;
      await server.waitForOutput(/collected/, { count: collections });
    }
    const seen = pids.map((pid) => ({
      bytes: resident(pid),
      descriptors: descriptors(pid),
      threads: threads(pid),
    }));
    looks.push(seen);
    onLook?.(until, seen);
  }
  agent.destroy();
  rmSync(folder, { recursive: true });
  return pids.flatMap((_, index) => compare(looks[0]?.[index], looks[9]?.[index], index + 1));
}

function compare(first: Look | undefined, last: Look | undefined, worker: number): SoakResult[] {
  if (first === undefined || last === undefined) throw new Error('a worker was not looked at');
  const change = (name: 'descriptors' | 'threads'): SoakResult => ({
    passed: last[name] <= first[name],
    what: `worker ${worker}: ${name} ${first[name]} → ${last[name]}`,
  });
  return [
    {
      passed: last.bytes - first.bytes < mayGrow,
      what: `worker ${worker}: memory ${mebibytes(first.bytes)} → ${mebibytes(last.bytes)}`,
    },
    change('descriptors'),
    change('threads'),
  ];
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
