// A Python program of fixtures/fuzz that is asked again and again: bytes in, a line of JSON out, in order.
// For the fuzz tests, which compare it with what TypeScript makes of the same bytes.

import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { after } from 'node:test';
import { activatedEnvironment, testPythonEnvironment } from './python-environment.ts';
import { inRepository } from './repository.ts';

/** Somebody else's reading. */
export class PythonOpinion<Reading> {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: { resolve: (reading: Reading) => void; reject: (error: Error) => void }[] = [];

  /** @param script - a file of fixtures/fuzz */
  constructor(script: string, ...args: string[]) {
    this.#child = spawn(
      testPythonEnvironment().python,
      [inRepository('fixtures', 'fuzz', script), ...args],
      { env: activatedEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] },
    );
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line) as Reading);
    });
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting)
        reject(new Error(`${script} ended (${String(code)})`));
    });
    after(async () => {
      if (this.#child.exitCode !== null) return;
      this.#child.stdin.end();
      await once(this.#child, 'exit');
    });
  }

  /** What it makes of some bytes, in the form that the script wants. */
  async ask(bytes: Uint8Array): Promise<Reading> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(bytes);
    });
  }
}

/** A u32 as these programs take it. */
export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32LE(value, 4 * index));
  return bytes;
}
