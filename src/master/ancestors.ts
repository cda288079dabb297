// The processes above a server that npm, npx, yarn, pnpm or bun has started: the package manager, and what is between (a
// shell, concurrently). Nobody passes a signal on when one of them dies, so the server looks whether they are there.
// Used by master.ts on the master's main thread. A server that is to outlive them is left alone: one with nohup, in a
// session of its own (setsid, --daemon), or whose shell has ended before it looked (`wsgi-ts app:app &`).

import { readFileSync, readlinkSync } from 'node:fs';

/** A process as proc(5) shows it. */
export interface Ancestor {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** When it began, in the kernel's ticks: with the pid it is unique. */
  readonly began: string;
  /** Its command line, words separated by spaces. */
  readonly command: string;
}

/** Looks at a process; null: it does not run. */
export type Look = (pid: number) => Ancestor | null;

type Variables = Readonly<Record<string, string | undefined>>;

/** What package managers tell the programs that they start. */
const marks = ['npm_lifecycle_event', 'npm_command', 'npm_execpath'];
/** The manager's own process: `npm run dev`, `node /usr/bin/yarn.js`. */
const manager =
  /(?:^|[\s/])(?:npm|npx|pnpm|pnpx|yarn|yarnpkg|bun|bunx)(?:-cli)?(?:\.c?js)?(?:\s|$)/;
/** Far more than there ever are; a safeguard. */
const highest = 64;
/** Milliseconds between two looks. */
const lookEvery = 250;

/**
 * The ancestors up to the outermost package manager (`npm run dev` may run `npm run api`), the nearest first; empty where
 * none is to be watched.
 */
export function ancestorsToWatch(self: number, variables: Variables, look: Look): Ancestor[] {
  if (!marks.some((name) => variables[name] !== undefined)) return [];
  const me = look(self);
  const chain: Ancestor[] = [];
  let next = me === null ? null : look(me.parent);
  while (next !== null && next.session === me?.session && chain.length < highest) {
    chain.push(next);
    next = next.parent > 0 ? look(next.parent) : null;
  }
  const outermost = chain.findLastIndex(({ command }) => manager.test(command));
  return chain.slice(0, outermost + 1);
}

/** Whether the server was started with nohup(1): by the shell's word, or by the file that it makes. */
export function isKeptByNohup(variables: Variables, outputs: readonly string[]): boolean {
  if (/(?:^|\/)nohup$/.test(variables['_'] ?? '')) return true;
  return outputs.some((path) => path.endsWith('/nohup.out'));
}

/**
 * Calls `onGone` when one of them is gone.
 *
 * @returns ends the watch
 */
export function watchAncestors(variables: Variables, onGone: (why: string) => void): () => void {
  const isKept = isKeptByNohup(variables, [1, 2].map(pathOf));
  const chain = isKept ? [] : ancestorsToWatch(process.pid, variables, lookAt);
  if (chain.length === 0) return () => undefined;
  const timer = setInterval(() => {
    const gone = chain.find(({ pid, began }) => lookAt(pid)?.began !== began);
    if (gone === undefined) return;
    clearInterval(timer);
    const name = JSON.stringify(gone.command.split(' ').slice(0, 3).join(' '));
    onGone(`The process that this server belongs to is gone (pid ${gone.pid}: ${name})`);
  }, lookEvery).unref();
  return () => {
    clearInterval(timer);
  };
}

/** One that has ended and was not waited for does not run any more. */
function lookAt(pid: number): Ancestor | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; fields 3, 4, 6 and 22 are behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = 'X', parent, , session] = fields;
    if ('ZXx'.includes(state)) return null;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    return {
      pid,
      parent: Number(parent),
      session: Number(session),
      began: fields[19] ?? '',
      command,
    };
  } catch {
    return null;
  }
}

function pathOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
