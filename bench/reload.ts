// How long a developer waits: `npm run bench:reload` saves the tutorial's app again and again, and measures from
// before the write to the first answer of the new code, with a request every 5 ms. Beside it gunicorn, where the
// environment has it. It prints medians, quartiles and the longest. Options: --rounds N (20), --engine auto|poll.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { activatedEnvironment, testPythonEnvironment } from '../test/helpers/python-environment.ts';
import { inRepository } from '../test/helpers/repository.ts';
import { quantile } from './measuring/statistics.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    engine: { type: 'string', default: 'auto' },
  },
});
const rounds = Number(values.rounds);
const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-bench-'));
const file = join(folder, 'app.py');
cpSync(inRepository('fixtures', 'tutorial'), folder, { recursive: true });
const original = readFileSync(file, 'utf8');

const options = ['--reload', '--chdir', folder, '--log-level', 'critical', 'app:app'];
const contenders = {
  'wsgi-ts': [
    process.execPath,
    inRepository('dist', 'src', 'cli.js'),
    '--reload-engine',
    values.engine,
  ],
  gunicorn: [join(testPythonEnvironment().bin, 'gunicorn')],
};

/** Asks until `text` is in the answer; a refused or broken connection is asked again. */
async function until(port: number, text: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } })
      .then((response) => response.text())
      .catch(() => '');
    if (answer.includes(text)) return;
    await sleep(5);
  }
}

async function measure(command: readonly string[], port: number): Promise<number[]> {
  const [program = '', ...args] = command;
  writeFileSync(file, original);
  const server: ChildProcess = spawn(program, [...args, '-b', `127.0.0.1:${port}`, ...options], {
    env: activatedEnvironment(),
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  try {
    await until(port, 'Hello');
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      // Nobody saves as soon as the last change is served; each at another moment of a second, for who polls.
      await sleep(1000 + ((round * 137) % 1000));
      const greeting = `Greeting ${'x'.repeat(round)} ${round}`;
      const began = performance.now();
      writeFileSync(file, original.replace('Hello', greeting));
      await until(port, greeting);
      times.push(performance.now() - began);
    }
    return times;
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

try {
  let port = 18_400;
  for (const [name, command] of Object.entries(contenders)) {
    const times = await measure(command, port++);
    const [low, middle, high, most] = [0.25, 0.5, 0.75, 1].map((share) =>
      quantile(times, share).toFixed(0),
    );
    console.log(
      `${name.padEnd(10)} median ${middle} ms (quartiles ${low}, ${high}; longest ${most}; ${rounds} saves)`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
