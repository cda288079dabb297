// What a process and all those below it have used of processor and memory (proc(5)). Shared pages count by their
// share (PSS), so that the sum over a tree counts each page once.

import { readdirSync, readFileSync } from 'node:fs';

/** Ticks of a second in /proc/PID/stat: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

function read(pid: number | 'self', file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, 'latin1');
}

/** The processes that a process has started and that run still. */
export function children(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    read(pid, `task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** A process and all those below it. */
function tree(pid: number): number[] {
  return [pid, ...children(pid).flatMap(tree)];
}

/** Seconds of the processor that a tree has used, in user and in system mode, by its dead too. */
export function processorSeconds(pid: number): number {
  let ticks = 0;
  for (const each of tree(pid)) {
    // Behind the command's name, which may itself hold parentheses and spaces. utime, stime, and those of the children
    // that have been waited for: fields 14 to 17.
    const [fields = ''] = read(each, 'stat').split(') ').slice(-1);
    for (const field of fields.split(' ').slice(11, 15)) ticks += Number(field);
  }
  return ticks / TICKS;
}

/** Bytes that a tree holds. */
export function proportional(pid: number): number {
  return tree(pid).reduce((sum, each) => sum + kibibytes(read(each, 'smaps_rollup'), 'Pss'), 0);
}

/**
 * Bytes that a tree would hold if this process did not run: pages of a file that both have mapped (node's own program)
 * count half here, and whole there.
 */
export function proportionalAlone(pid: number): number {
  const files = new Set(tree(pid).flatMap(mappedFiles));
  let lent = 0;
  for (const [, file = '', facts = ''] of read('self', 'smaps').matchAll(
    /^[\da-f]+-[\da-f]+ .{4} \S+ \S+ \d+ *(.*)\n((?:[A-Z]\w+:.*\n)+)/gm,
  )) {
    if (!files.has(file)) continue;
    const own = kibibytes(facts, 'Private_Clean') + kibibytes(facts, 'Private_Dirty');
    lent += kibibytes(facts, 'Pss') - own;
  }
  return proportional(pid) + lent;
}

function mappedFiles(pid: number): string[] {
  return [...read(pid, 'maps').matchAll(/ (\/.*)$/gm)].map(([, file = '']) => file);
}

function kibibytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}
