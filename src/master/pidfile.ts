// The file that holds the master's pid (`--pid`): made at start, refused while another server lives by it,
// removed at the end. master.ts calls it, on the master's main thread, before anything else is opened.
// It must never remove or replace a file that tells of a process which runs.

import { readFileSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { WsgiTsError } from '../errors.ts';
import { putWholeFile } from './whole-file.ts';

/** The server's own pid file. */
export interface Pidfile {
  /** Removes the file if it still holds our pid; never throws. */
  release(): void;
  /**
   * Moves to another path: the file there is made, then ours is removed. (A successor's `.2` becomes the file proper.)
   *
   * @throws WsgiTsError as {@link claimPidfile} does; the file stays where it is
   */
  rename(path: string): void;
}

/**
 * Writes `pid` to `path`, atomically: nobody ever reads half a number. A file left by a process that is gone,
 * or that holds no number, is replaced.
 *
 * @param isAlive - whether a process of this pid runs
 * @throws WsgiTsError `ERR_WSGI_ALREADY_RUNNING` when the file's process is another one and runs,
 *   `ERR_WSGI_PIDFILE` when the file can't be read or written; both end the server with exit code 1
 */
export function claimPidfile(
  path: string,
  pid: number,
  isAlive: (pid: number) => boolean,
): Pidfile {
  let current = path;
  claim(current, pid, isAlive);
  return {
    release: () => {
      release(current, pid);
    },
    rename: (next) => {
      claim(next, pid, isAlive);
      if (resolve(next) !== resolve(current)) release(current, pid);
      current = next;
    },
  };
}

function claim(path: string, pid: number, isAlive: (pid: number) => boolean): void {
  const other = attempt(path, 'read', () => readPid(path));
  // Our own pid in it: a container's last run, where the master's pid is the same each time.
  if (other !== undefined && other !== pid && isAlive(other)) {
    throw new WsgiTsError(
      'ERR_WSGI_ALREADY_RUNNING',
      'operator',
      `Already running on PID ${other} (or pid file '${path}' is stale)`,
      { remedy: `Stop that server first, or remove ${path} if process ${other} is not one.` },
    );
  }
  attempt(path, 'write', () => {
    putWholeFile(path, `${pid}\n`);
  });
}

function release(path: string, pid: number): void {
  try {
    if (readPid(path) === pid) unlinkSync(path);
  } catch {
    // Gone, or no longer ours to touch: either way there is nothing left to do.
  }
}

/** Whether a process runs, be it another user's (EPERM). */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** The pid in a file; undefined where there is no file, or no pid in it. */
function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function attempt<T>(path: string, what: 'read' | 'write', action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WsgiTsError('ERR_WSGI_PIDFILE', 'operator', `--pid: can't ${what} ${path}`, {
      remedy: `${reason}. Name a file in a folder that exists and that this user may write to.`,
      cause,
    });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
