// Asks something of an embedded Python in a process of its own (probe.ts). Called by python.ts and service.ts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Plain } from '../bridge/interpreter.ts';

/** Which Python, prepared how; and for which app, where its loading is asked for, else null. */
export interface ProbeQuestion {
  readonly python: string | null;
  /** The app's directory, absolute. */
  readonly chdir: string;
  readonly pythonpath: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly app: string | null;
}

/** What the embedded Python has answered, or why it could not. */
export type ProbeAnswer =
  | { readonly result: Plain }
  | { readonly problem: { readonly message: string; readonly remedy: string | null } };

/** How the process has ended without an answer, and its last words. */
export interface ProbeDeath {
  /** `SIGSEGV`, `exit code 1`, or `no answer in 60 s`. */
  readonly death: string;
  /** Whether Python had started by then. */
  readonly started: boolean;
  readonly stderr: string;
}

const patience = 60_000;
/** Milliseconds that pipes are read after the process has ended. */
const lastWords = 500;
const probe = fileURLToPath(new URL('./probe.js', import.meta.url));

/** Asks; waits for a minute at most. */
export async function runProbe(question: ProbeQuestion): Promise<ProbeAnswer | ProbeDeath> {
  const child = spawn(process.execPath, [probe], { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] });
  const said = { stderr: '', answer: '' };
  const stdin = child.stdin as Writable;
  const stderr = child.stderr as Readable;
  const answer = child.stdio[3] as Readable;
  stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  answer.setEncoding('utf8').on('data', (text: string) => (said.answer += text));
  stdin.on('error', () => undefined); // it died before it has read
  stdin.end(JSON.stringify(question)); // not its arguments, which everybody can read
  const late = AbortSignal.timeout(patience);
  late.addEventListener('abort', () => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  // Children of the app's may keep the pipes open for ever.
  await Promise.race([closed, sleep(lastWords, undefined, { ref: false })]);
  stderr.destroy();
  answer.destroy();
  const lines = said.answer.split('\n');
  const json = lines.find((line) => line.startsWith('{'));
  if (json !== undefined) return JSON.parse(json) as ProbeAnswer;
  const death = late.aborted
    ? `no answer in ${patience / 1000} s`
    : (signal ?? `exit code ${code ?? '?'}`);
  return { death, started: lines[0] === 'started', stderr: said.stderr };
}
