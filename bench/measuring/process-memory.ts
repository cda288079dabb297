// What the kernel says of one process's memory, descriptors and threads (proc(5)); of several: process-tree.ts.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

function status(pid: number, field: string): number {
  const text = readFileSync(`/proc/${String(pid)}/status`, 'latin1');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? NaN) * 1024;
}

/** Bytes in memory now. */
export function resident(pid: number): number {
  return status(pid, 'VmRSS');
}

/** The most bytes in memory since {@link resetPeak}, or since the start. */
export function peak(pid: number): number {
  return status(pid, 'VmHWM');
}

/** Begins a new peak (proc(5), clear_refs). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${String(pid)}/clear_refs`, '5');
}

/** Open descriptors. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/fd`).length;
}

/** Threads, Node's own included. */
export function threads(pid: number): number {
  return readdirSync(`/proc/${String(pid)}/task`).length;
}

/** A number of bytes to read. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
