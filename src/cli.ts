#!/usr/bin/env node
// The command `wsgi-ts`: which of its commands is meant, and how it ends. The only file that decides on an exit
// code. Runs once, in the process that becomes the master.

// First, because the imports of a module run in order and before its own statements.
import './sigusr1.ts';
import { CommanderError } from 'commander';
import { write } from './command/output.ts';
import { WsgiTsError } from './errors.ts';
import { escapeControls } from './log/escape.ts';

/** Exit codes are gunicorn's: 1 for a wrong value, 2 (argparse's) for a command line it can't read. */
const usageExitCode = 2;

async function main(argv: readonly string[], variables: NodeJS.ProcessEnv): Promise<number> {
  const [name, ...others] = argv;
  if (name === 'binding') return (await import('./command/binding.ts')).binding(others, variables);
  if (name === 'doctor') return (await import('./command/doctor.ts')).doctor(others, variables);
  if (name === 'smoke') return (await import('./command/smoke.ts')).smoke(others, variables);
  // Each command is imported when it is wanted: a short one shall not wait for what the others need.
  return (await import('./command/serve.ts')).serve(argv, variables);
}

/** Says on standard error why the command ends: traceback first, so that the reason is the last to read. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  if (error instanceof WsgiTsError) {
    const { traceback, message, remedy } = error;
    const lines = [traceback, `Error: ${message}`, remedy].filter((line) => line !== undefined);
    // An app may have raised any text, and a path may hold any: none of it may speak to the terminal.
    write(2, escapeControls(`${lines.join('\n')}\n`));
    return error.exitCode;
  }
  const fault = String(error instanceof Error ? error.stack : error);
  write(2, escapeControls(`Error: a fault in wsgi-ts itself: ${fault}\n`));
  return 1;
}

// What still waits for a reader that doesn't read must not keep the process.
process.exit(await main(process.argv.slice(2), process.env).catch(report));
