// Asks something of an embedded Python in a process of its own (probe.ts). Called by python.ts and app.ts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
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
  readonly stderr: string;
}

const patience = 60_000;
const probe = fileURLToPath(new URL('./probe.js', import.meta.url));

/** Asks; waits for a minute at most. */
export async function runProbe(question: ProbeQuestion): Promise<ProbeAnswer | ProbeDeath> {
  const child = spawn(process.execPath, [probe, JSON.stringify(question)], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    timeout: patience,
    killSignal: 'SIGKILL',
  });
  const [answer, stderr, [code, signal]] = await Promise.all([
    text(child.stdio[3] as Readable),
    text(child.stderr as Readable),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ]);
  if (answer !== '') return JSON.parse(answer) as ProbeAnswer;
  const death = signal === 'SIGKILL' ? `no answer in ${patience / 1000} s` : signal;
  return { death: death ?? `exit code ${code ?? '?'}`, stderr };
}
