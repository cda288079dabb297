// Starts the command as a child process that talks to the program which has started it (launch-words.ts). Used by serve.ts
// and by the smoke test, which have their own ways to say what is to be served. It waits for nothing.

import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { launchVariable } from '../launch-words.ts';
import type { LaunchedBy } from '../launch-words.ts';

/** Where the server's output goes. */
export type ServerOutput = 'inherit' | 'ignore' | Writable;

const command = fileURLToPath(new URL('../cli.js', import.meta.url));

/**
 * The process, in a group of its own: what a Ctrl-C ends is for the program to say.
 *
 * @param args - the command line behind `wsgi-ts`
 * @param env - all of its variables
 * @param outputs - standard output and error; a number is a descriptor of this process
 */
export function startServer(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  outputs: readonly [ServerOutput | number, ServerOutput | number],
): ChildProcess {
  const [stdout, stderr] = outputs.map((output) => (typeof output === 'object' ? 'pipe' : output));
  const child = spawn(process.execPath, [command, ...args], {
    detached: true,
    env: { ...env, [launchVariable]: 'serve' satisfies LaunchedBy },
    stdio: ['ignore', stdout, stderr, 'ipc'] as StdioOptions,
  });
  for (const [index, stream] of [child.stdout, child.stderr].entries()) {
    const output = outputs[index];
    if (stream !== null && typeof output === 'object') pour(stream, output);
  }
  return child;
}

/** What nobody takes any more is thrown away: a pipe that is full would hold the whole server up. */
function pour(stream: Readable, output: Writable): void {
  const discard = (): void => {
    stream.unpipe(output);
    stream.resume();
  };
  if (output.destroyed || output.writableEnded) {
    discard();
    return;
  }
  stream.pipe(output, { end: false });
  output.once('close', discard);
  output.once('error', discard);
  stream.once('close', () => {
    output.off('close', discard);
    output.off('error', discard);
  });
}
