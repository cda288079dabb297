// What a Flask app costs the Express app that it is mounted in, and what Express costs the Flask app: `npm run bench:express`.
//  1. Express' own routes keep 0.95 of their requests a second while Flask views sleep.
//  2. The event loop's p99 delay stays under 10 ms while a Flask view computes for a second in pure Python.
//  3. The tutorial's Flask app does 0.8 of the requests a second through Express that it does through the command, with
//     one worker and one thread each.
// All of a round is measured close together, and what counts is the median of the rounds' ratios: machines change their
// speed. This file is also the Express app, with --serve. Options: --seconds N of each measurement (4), --rounds N (5).

import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import express from 'express';
import { wsgi } from '../src/integrations/express.ts';
import { activatedEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';
import { start, wsgiTs } from './contender.ts';
import { median, wrk } from './wrk.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    serve: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);

/** Flask requests that sleep at the same time, and how long each does. */
const sleepers = 8;
const nap = '0.5';

/** Nanoseconds in a millisecond; and the milliseconds between two looks at the event loop. */
const NANO = 1e6;
const RESOLUTION = 1;

/** The Express app: a route of its own, the busy Flask app, and the tutorial's. Says its port, and obeys its parent. */
async function serve(): Promise<void> {
  const busy = wsgi(
    { module: 'flask_busy', callable: 'app', chdir: inRepository('fixtures', 'apps') },
    { threads: sleepers },
  );
  const tutorial = wsgi({
    ...{ module: 'app', callable: 'app', chdir: inRepository('fixtures', 'tutorial') },
  });
  const app = express();
  app.get('/own/', (_request, response) => {
    response.send('Hello from Express\n');
  });
  app.use('/busy', busy);
  app.use('/tutorial', tutorial);
  await Promise.all([busy.ready, tutorial.ready]);
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  process.on('message', (order) => {
    if (order === 'watch') {
      delay.reset();
      delay.enable();
    } else {
      delay.disable();
      process.send?.(delay.percentile(99) / NANO);
    }
  });
  process.once('disconnect', () => process.exit());
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
}

function print(passed: boolean, text: string): void {
  if (!passed) process.exitCode = 1;
  process.stdout.write(`${passed ? 'pass' : 'FAIL'}  ${text}\n`);
}

const spread = (found: readonly number[], digits: number): string =>
  `${Math.min(...found).toFixed(digits)}–${Math.max(...found).toFixed(digits)}`;

/** Keeps Flask views asleep until it is stopped. */
function sleepMeanwhile(url: string): ChildProcess {
  const args = ['-t1', `-c${sleepers}`, '-d1h', `${url}/busy/sleep/${nap}`];
  return execFile('wrk', args);
}

async function whileViewsSleep(url: string): Promise<void> {
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = await wrk(`${url}/own`, seconds);
    const load = sleepMeanwhile(url);
    const meanwhile = await wrk(`${url}/own`, seconds);
    load.kill();
    await once(load, 'exit');
    const after = await wrk(`${url}/own`, seconds);
    rates.push(meanwhile);
    ratios.push((2 * meanwhile) / (before + after));
  }
  const ratio = median(ratios);
  print(
    ratio >= 0.95,
    `Express routes while ${sleepers} Flask views sleep: ${median(rates).toFixed(0)} a second, ` +
      `${ratio.toFixed(3)} of without (${spread(ratios, 3)}), wanted 0.95`,
  );
}

async function whileAViewComputes(url: string, child: ChildProcess): Promise<void> {
  const delays: number[] = [];
  for (let round = 0; round < rounds; round++) {
    child.send('watch');
    await (await fetch(`${url}/busy/compute/1.0`)).text();
    child.send('tell');
    const [delay] = (await once(child, 'message')) as [number];
    delays.push(delay);
  }
  const p99 = median(delays);
  print(
    p99 < 10,
    `event loop delay while a Flask view computes for 1 s: p99 ${p99.toFixed(2)} ms ` +
      `(${spread(delays, 2)}), of which ${RESOLUTION} ms is the measurement's own, wanted 10`,
  );
}

async function againstTheCommand(url: string): Promise<void> {
  const server = await start(wsgiTs('wsgi-ts', 'tutorial', 'Hello from Flask App\n', 'app:app'));
  const ratios: number[] = [];
  const rates: number[] = [];
  await wrk(server.url, 1);
  await wrk(`${url}/tutorial`, 1);
  for (let round = 0; round < rounds; round++) {
    const before = await wrk(server.url, seconds);
    const embedded = await wrk(`${url}/tutorial`, seconds);
    const after = await wrk(server.url, seconds);
    rates.push(embedded);
    ratios.push((2 * embedded) / (before + after));
  }
  await server.stop();
  const ratio = median(ratios);
  print(
    ratio >= 0.8,
    `Flask through Express: ${median(rates).toFixed(0)} a second, ${ratio.toFixed(3)} of the command ` +
      `(${spread(ratios, 3)}), wanted 0.8`,
  );
}

async function measure(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['--serve'], { env: activatedEnvironment() });
  const [port] = (await once(child, 'message')) as [number];
  const url = `http://127.0.0.1:${String(port)}`;
  await wrk(`${url}/own`, 1);
  await whileViewsSleep(url);
  await whileAViewComputes(url, child);
  await againstTheCommand(url);
  child.disconnect();
}

await (values.serve ? serve() : measure());
