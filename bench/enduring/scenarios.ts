// The scenarios of ../endure.ts: what is done to a server under load, and what its clients may see of it.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as netConnect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inRepository } from '../../test/helpers/repository.ts';
import {
  isAlive,
  startServer,
  startUnderShell,
  type ServerProcess,
} from '../../test/helpers/server-process.ts';
import { breakages } from './breakages.ts';
import { NamedRequests } from '../../test/helpers/named-requests.ts';
import { startWrk } from '../measuring/wrk.ts';

interface Outcome {
  readonly said: string;
  readonly passed: boolean;
}

const apps = ['--chdir', inRepository('fixtures', 'apps')];
const flask = ['--chdir', inRepository('fixtures', 'tutorial'), 'app:app'];

/** Milliseconds: beside a load, each process takes its time to start. */
const patience = 120_000;

/** A load during `action`, and for as long as it takes for 100,000 requests. */
async function underLoad(url: string, action: () => Promise<string>): Promise<Outcome> {
  const end = startWrk(url);
  await sleep(500);
  const said = await action();
  let { requests, errors, said: failures } = await end();
  while (requests < 100_000) {
    const endMore = startWrk(url);
    await sleep(10_000);
    const more = await endMore();
    requests += more.requests;
    errors += more.errors;
    failures += more.said;
  }
  const lost = failures === '' ? '' : ` (${failures})`;
  return { said: `${said}, ${requests} requests, ${errors} errors${lost}`, passed: errors === 0 };
}

function reloads(workers: number): (times: number) => Promise<Outcome> {
  return async (times) => {
    await using server = await startServer([`-w${workers}`, ...flask]);
    return await underLoad(server.url, async () => {
      for (let round = 1; round <= times; round++) {
        server.signal('SIGHUP');
        await server.waitForReadyWorkers(workers * (round + 1), { patience });
        await server.waitForOutput(/Worker exiting/, { count: workers * round, patience });
      }
      return `${times} reloads by HUP`;
    });
  };
}

async function upgrades(times: number): Promise<Outcome> {
  const args = ['--bind=127.0.0.1:0', '--log-level=debug', '-w2', ...flask];
  const server = startUnderShell(args);
  const listening = /Listening at: (\S+) \((\d+)\)/;
  const [, url = '', first] = await server.waitForOutput(listening);
  await server.waitForOutput(/Worker ready/, { count: 2 });
  let master = Number(first);
  try {
    return await underLoad(url, async () => {
      for (let round = 1; round <= times; round++) {
        process.kill(master, 'SIGUSR2');
        const [, , next] = await server.waitForOutput(listening, { count: round + 1, patience });
        await server.waitForOutput(/Worker ready/, { count: 2 * (round + 1), patience });
        process.kill(master, 'SIGTERM');
        while (isAlive(master)) await sleep(20);
        // Before that it refuses to start a third one.
        await server.waitForOutput(/Master has been promoted/, { count: round });
        master = Number(next);
      }
      return `${times} upgrades by USR2`;
    });
  } finally {
    process.kill(master, 'SIGTERM');
    while (isAlive(master)) await sleep(20);
    server.killGroup();
  }
}

function recycling(workers: number): () => Promise<Outcome> {
  return async () => {
    const args = [`-w${workers}`, '--max-requests', '200', '--max-requests-jitter', '50', ...flask];
    await using server = await startServer(args);
    return await underLoad(server.url, async () => {
      await server.waitForOutput(/Worker exiting/, { count: 20, patience });
      const count = [...server.stderr().matchAll(/Replacing worker/g)].length;
      return `--max-requests 200, ${count} workers replaced`;
    });
  };
}

/** Sends one request and tells what came of it. */
function ask(path: string | { port: number }): { socket: Socket; answer: Promise<string> } {
  const socket = typeof path === 'string' ? netConnect(path) : netConnect(path.port, '127.0.0.1');
  let text = '';
  const answer = new Promise<string>((resolve) => {
    socket.on('connect', () =>
      socket.write('GET /5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    );
    socket.setEncoding('latin1').on('data', (data: string) => (text += data));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(`error ${error.code ?? ''}`);
    });
    socket.on('close', () => {
      resolve(/^HTTP\/1.1 200/.test(text) ? 'answered' : `cut off after ${text.length} characters`);
    });
  });
  return { socket, answer };
}

/** TERM while 200 connections have sent a request and most of them wait in the kernel's queue. */
function stops(kind: 'tcp' | 'unix'): (times: number) => Promise<Outcome> {
  return async (times) => {
    const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-'));
    const counts = new Map<string, number>();
    let accepted = 0;
    for (let round = 0; round < times; round++) {
      const path = join(folder, 's.sock');
      const bind = kind === 'unix' ? ['--bind', `unix:${path}`] : [];
      const server = await startServer(['-w2', ...bind, ...apps, 'timed_views:app']);
      const clients = Array.from({ length: 200 }, () => ask(kind === 'unix' ? path : server));
      await Promise.all(
        clients.map(({ socket }) => new Promise((done) => socket.once('connect', done))),
      );
      server.signal('SIGTERM');
      for (const { answer } of clients) {
        const what = await answer;
        counts.set(what, (counts.get(what) ?? 0) + 1);
      }
      await server.waitForEnd();
      accepted += Number(/Served (\d+)/.exec(server.stderr())?.[1] ?? 0);
    }
    rmSync(folder, { recursive: true });
    const said = [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
    return {
      said: `${times} stops, ${said}; ${accepted} by the server's own count`,
      passed: counts.size === 1 && counts.has('answered'),
    };
  };
}

async function broken(): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-'));
  try {
    const steps = breakages(folder);
    await using server: ServerProcess = await startServer(['-c', 'gunicorn.conf.py'], {
      cwd: folder,
      bind: 'none', // the command line's would win over the file's
    });
    return await underLoad(server.url, async () => {
      let failures = 0;
      for (const { name, apply, restore } of steps) {
        apply();
        server.signal('SIGHUP');
        failures++;
        await server
          .waitForOutput(/The reload failed/, { count: failures, patience })
          .catch((error: unknown) => {
            throw new Error(`${name} was no failure`, { cause: error });
          });
        restore();
      }
      return `${steps.length} breakages followed by HUP`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Workers killed at random; every request has a name of its own, by which its access line is found. */
async function kills(times: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-'));
  const log = join(folder, 'access.log');
  const names = join(folder, 'names');
  const app = ['--env', `NAMES=${names}`, ...apps, 'names_kept:app'];
  const logged = ['--access-logfile', log];
  await using server = await startServer(['-w4', '--threads', '4', ...logged, ...app]);
  const clients = new NamedRequests(server.port);
  const ended = Promise.all(Array.from({ length: 32 }, () => clients.run()));
  let killed = 0;
  const until = performance.now() + times * 1500;
  while (performance.now() < until) {
    await sleep(200);
    const pids = server.workerPids();
    const pid = pids[Math.floor(Math.random() * pids.length)];
    if (pid !== undefined) killed++;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
  clients.stop();
  await ended;
  await server.stop();
  const lines = readFileSync(log, 'utf8').split('\n');
  const statuses = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, status] = /"GET \/\?(\d+) HTTP\/1.1" (\d+)/.exec(line) ?? [];
    if (name !== undefined) statuses.set(name, [...(statuses.get(name) ?? []), status ?? '']);
  }
  const { answered, failed, refused } = clients;
  const twice = [...statuses.values()].filter((all) => all.length > 1).length;
  const silent = answered.filter((name) => !statuses.has(name)).length;
  const begun = readFileSync(names, 'utf8').split('\n').filter(Boolean);
  const unlogged = begun.filter((name) => !statuses.has(name)).length;
  rmSync(folder, { recursive: true });
  return {
    said:
      `${killed} kills, ${answered.length} answered, ${failed.length} failed, ${refused} refused; ` +
      `the app was called for ${begun.length}, of which without an access line: ${unlogged}; ` +
      `of the answered without: ${silent}; with two lines: ${twice}`,
    passed: refused === 0 && silent === 0 && unlogged === 0 && failed.length <= killed * 32,
  };
}

export const scenarios: Readonly<Record<string, (times: number) => Promise<Outcome>>> = {
  'reload-1': reloads(1),
  'reload-4': reloads(4),
  upgrade: upgrades,
  'recycle-1': recycling(1),
  'recycle-4': recycling(4),
  kill: kills,
  'stop-tcp': stops('tcp'),
  'stop-unix': stops('unix'),
  broken,
};
