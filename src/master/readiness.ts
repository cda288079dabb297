// --ready-fd and --ready-file: how a script learns that the server is up, and where. Opened by master.ts on the master's
// main thread, before anything else is: what can't be written is to be known then. A second master (SIGUSR2) has another
// socket at that descriptor, and must never write to it; its file is the first one's.

import {
  closeSync,
  fstatSync,
  lstatSync,
  readdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { isatty } from 'node:tty';
import type { Interpreter } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';
import type { Logger } from '../log/logger.ts';
import type { Settings } from '../settings/table.ts';
import { WholeFile } from './whole-file.ts';
import type { Recipient } from './launch.ts';

/** Where this process's descriptors are shown; nowhere but on Linux. */
const ownDescriptors = '/proc/self/fd';

/** Writes the addresses for whoever waits for them. */
export class Readiness implements Recipient {
  readonly #file: WholeFile | null;
  readonly #logger: Pick<Logger, 'error'>;
  #fd: number | null;

  /**
   * Makes sure that all can be written that is asked for, and takes away a file of the last server's.
   *
   * @param isSuccessor - whether this master takes another one's place
   * @throws WsgiTsError (operator, exit code 1): ERR_WSGI_READY_FD, ERR_WSGI_READY_FILE
   */
  constructor(
    { readyFd, readyFile }: Pick<Settings, 'readyFd' | 'readyFile'>,
    logger: Pick<Logger, 'error'>,
    isSuccessor: boolean,
  ) {
    this.#logger = logger;
    this.#fd = isSuccessor ? null : readyFd;
    this.#file = readyFile === null ? null : new WholeFile(readyFile);
    if (this.#fd !== null) checkReadyFd(this.#fd);
    if (this.#file !== null) prepareFile(this.#file, isSuccessor);
  }

  /** Keeps the descriptor from the processes that are started from now on: whoever reads it waits for its end, too. */
  keep(interpreter: Pick<Interpreter, 'call'>): void {
    if (this.#fd !== null) interpreter.call('sockets', 'keep', this.#fd);
  }

  serving(urls: readonly string[]): void {
    const text = urls.map((url) => `${url}\n`).join('');
    const [fd, file] = [this.#fd, this.#file];
    this.#fd = null;
    if (fd !== null) {
      this.#try(`--ready-fd=${fd}`, () => {
        try {
          writeSync(fd, text);
        } finally {
          closeSync(fd);
        }
      });
    }
    if (file !== null) {
      this.#try('--ready-file', () => {
        file.put(text);
      });
    }
  }

  /** Takes the file away. */
  close(): void {
    try {
      if (this.#file !== null) unlinkSync(this.#file.path);
    } catch {
      // Never written, or taken by whoever waited for it.
    }
  }

  /** The server serves; whoever has stopped waiting changes nothing about it. */
  #try(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#logger.error(`${what}: nobody could be told that the server is up: ${why}`);
    }
  }
}

/**
 * Whether a descriptor is one that was given to this process, and can be written to. Node has some of its own from 3 on:
 * what is none of a file, a pipe, a socket or a terminal is Node's, and so is a pipe of which both ends are here.
 *
 * @throws WsgiTsError ERR_WSGI_READY_FD (operator, exit code 1)
 */
export function checkReadyFd(fd: number): void {
  const why = whyNotWritable(fd);
  if (why === null) return;
  throw new WsgiTsError('ERR_WSGI_READY_FD', 'operator', `--ready-fd: descriptor ${fd} ${why}`, {
    remedy: `Open it for the command, as a shell does: wsgi-ts --ready-fd=${fd} … ${fd}>ready`,
  });
}

function whyNotWritable(fd: number): string | null {
  const closed = 'was not opened for the command';
  try {
    const stat = fstatSync(fd);
    const known = stat.isFIFO() || stat.isSocket() || stat.isFile() || isatty(fd);
    if (!known || (stat.isFIFO() && isNodesOwn(stat.ino)) || fd === channelFd()) return closed;
    writeSync(fd, Buffer.alloc(0));
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).syscall === 'write' ? "can't be written to" : closed;
  }
}

/** Both ends of it are in this process. */
function isNodesOwn(pipe: number): boolean {
  let descriptors: string[];
  try {
    descriptors = readdirSync(ownDescriptors);
  } catch {
    return false;
  }
  const same = descriptors.filter((name) => {
    try {
      const stat = statSync(`${ownDescriptors}/${name}`);
      return stat.isFIFO() && stat.ino === pipe;
    } catch {
      return false;
    }
  });
  return same.length > 1;
}

/** Node's IPC channel. */
function channelFd(): number | undefined {
  return (process.channel as { readonly fd?: number } | null | undefined)?.fd;
}

function prepareFile(file: WholeFile, isSuccessor: boolean): void {
  try {
    const there = lstatSync(file.path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile()) throw new Error('It is no plain file');
    file.try();
    // An old one would tell of a server that is not there yet.
    if (there !== undefined && !isSuccessor) unlinkSync(file.path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `--ready-file: can't write ${file.name}`;
    throw new WsgiTsError('ERR_WSGI_READY_FILE', 'operator', message, {
      remedy: `${reason}. Name a file in a folder that exists and that this user may write to.`,
      cause,
    });
  }
}
