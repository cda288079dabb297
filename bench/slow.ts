// What 1,000 slow clients cost the others: `npm run bench:slow`. They send a byte a second of a head or a body, or
// read one of a response of 1 MB. At half of the server's capacity, offered at a fixed rate, the others may lose
// nothing, and their p99 may be 1.5 times the undisturbed one; at full load they keep 0.9 of their requests.
// Option: --seconds N of each measurement (5).

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type Contender, start, wsgiTs } from './measuring/contender.ts';
import { median } from './measuring/statistics.ts';
import { rate as rateOf } from './measuring/wrk.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } });
const seconds = Number(values.seconds);
const script = fileURLToPath(new URL('./programs/slow-client.js', import.meta.url));
const run = promisify(execFile);

/** Milliseconds until the server has produced what slow readers will read. */
const settling = 10_000;

/** What became of the requests that were offered; milliseconds. */
interface Offered {
  readonly p50: number;
  readonly p99: number;
  readonly lost: number;
}

async function offer(port: string, rate: number): Promise<Offered> {
  const args = [script, 'offer', port, String(rate), String(seconds)];
  return JSON.parse((await run(process.execPath, args)).stdout) as Offered;
}

/** Requests a second at full load. */
const load = (url: string): Promise<number> => rateOf(url, '/write?20', seconds);

async function attack(kind: string, port: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, 'attack', kind, port, '1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  // 1,000 new connections, and as many answers of 1 MB, are work once; what they cost then is what is measured.
  await pause(kind === 'read' ? settling : settling / 3);
  return child;
}

function print(passed: boolean, text: string): void {
  if (!passed) process.exitCode = 1;
  process.stdout.write(`${passed ? 'pass' : 'FAIL'}  ${text}\n`);
}

async function measure(server: Contender, threads: number): Promise<void> {
  const { port } = new URL(server.url);
  await load(server.url);
  const full = await load(server.url);
  const rate = full / 2;
  const quiet = [await offer(port, rate), await offer(port, rate), await offer(port, rate)];
  const p99 = median(quiet.map((each) => each.p99));
  process.stdout.write(
    `${threads} threads: ${full.toFixed(0)} a second at full load; half of it, undisturbed: p50 ` +
      `${median(quiet.map((each) => each.p50)).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms\n`,
  );
  for (const kind of ['head', 'body', 'read']) {
    const attacker = await attack(kind, port);
    const disturbed = await offer(port, rate);
    const ratio = disturbed.p99 / p99;
    print(disturbed.lost === 0, `slow ${kind}: ${disturbed.lost} requests lost, wanted 0`);
    print(
      ratio <= 1.5,
      `slow ${kind}: p99 ${disturbed.p99.toFixed(2)} ms, ${ratio.toFixed(2)} of undisturbed, wanted 1.5`,
    );
    const kept = await load(server.url);
    attacker.kill('SIGKILL');
    await once(attacker, 'exit');
    // Right behind it, since the machine's speed changes.
    const share = kept / (await load(server.url));
    print(
      share >= 0.9,
      `slow ${kind}: ${kept.toFixed(0)} a second at full load, ${share.toFixed(2)} of without, wanted 0.9`,
    );
  }
}

for (const threads of [1, 16]) {
  const server = await start(
    wsgiTs(`wsgi-ts, ${threads} threads`, 'apps', '--threads', `${threads}`, 'downloads:app'),
  );
  try {
    await measure(server, threads);
  } finally {
    await server.stop();
  }
}
