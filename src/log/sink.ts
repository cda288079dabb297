// One place that log lines go to: a file opened for appending, or an inherited descriptor (1, 2).
// The logger and the access log write here, on the event loop's thread of master and worker alike.
// Lines of one loop turn become one write(2) in libuv's thread pool, so a slow disk or a terminal that is
// held with ^S never stops a request (but for a `prompt` one: the access log's, which must know what is there). It must never use process.stdout or process.stderr: Node would set
// O_NONBLOCK on a pipe that the app's own print() shares, and Python would lose output with BlockingIOError.

import { fstatSync, openSync, writeSync } from 'node:fs';
import sonic from 'sonic-boom';
import { WsgiTsError } from '../errors.ts';

/** Where a sink writes to, and which setting to name when that fails. */
export interface SinkOptions {
  /** Path of a file, or `-` for `descriptor`. */
  readonly file: string;
  /** The inherited descriptor that `-` stands for. */
  readonly descriptor: 1 | 2;
  /** The command-line setting that holds `file`, for the error message. */
  readonly setting: string;
  /** Whether a regular file is written by this thread: each line is then known to be there, or not. */
  readonly prompt?: boolean;
}

/** Characters that may wait for a reader that doesn't read; what comes after is dropped. */
const maxWaiting = 16 * 1024 * 1024;
/** Milliseconds that flushSync gives a write which the thread pool is at, and a full pipe. */
const patience = 5;
const maxRetries = 200;

/** A buffered, ordered, append-only destination for log lines. */
export class Sink {
  readonly #options: SinkOptions;
  readonly #isPrompt: boolean;
  #boom: sonic.SonicBoom;
  #fd: number;
  #waiting = '';
  #writing = false;
  #scheduled = false;
  #closed = false;
  #idle: (() => void)[] = [];
  /** Who waits for the lines that wait, and for those that are being written. */
  #forWaiting: (() => void)[] = [];
  #forWriting: (() => void)[] = [];

  /** @throws WsgiTsError (operator, exit 1) when the file can't be opened. */
  constructor(options: SinkOptions) {
    this.#options = options;
    this.#fd = open(options);
    this.#boom = this.#attach();
    this.#isPrompt = options.prompt === true && fstatSync(this.#fd).isFile();
  }

  /** Takes whole lines, each with its line break. They are written in this order, soon. */
  write(lines: string): void {
    if (this.#closed || this.#waiting.length + lines.length > maxWaiting) return;
    this.#waiting += lines;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Resolves when all that was taken is written, however slowly it is read. */
  drain(): Promise<void> {
    if (!this.#pump()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Calls back when all that was taken so far is written, or can't be. */
  written(done: () => void): void {
    if (this.#waiting !== '') this.#forWaiting.push(done);
    else if (this.#writing) this.#forWriting.push(done);
    else done();
  }

  /**
   * Writes what waits before it returns; for the last line of a process. A write that the thread pool is at
   * can't be waited for (only {@link drain} can): it gets a moment, which is enough but for a full pipe.
   */
  flushSync(): void {
    if (this.#closed) return;
    if (this.#writing) pause(patience);
    const lines = this.#waiting;
    this.#waiting = '';
    if (lines !== '') writeAll(this.#fd, Buffer.from(lines));
  }

  /**
   * Opens the file anew: what was taken goes to the old one. Does nothing for an inherited descriptor.
   * @throws WsgiTsError when that fails; the old file stays in use.
   */
  reopen(): void {
    if (this.#closed || this.#options.file === '-') return;
    const fd = open(this.#options);
    this.flushSync();
    this.#boom.end();
    this.#fd = fd;
    this.#boom = this.#attach();
    this.#done();
  }

  /** Flushes and closes; later lines are dropped. An inherited descriptor stays open. */
  close(): void {
    if (this.#closed) return;
    this.flushSync();
    this.#closed = true;
    this.#boom.end();
    this.#done();
  }

  #attach(): sonic.SonicBoom {
    // One batch at a time is all that sonic-boom holds: its own flushSync would spin for ever on EPIPE.
    const boom = new sonic.SonicBoom({ fd: this.#fd, maxLength: maxWaiting });
    const current = (): void => {
      if (boom === this.#boom) this.#done();
    };
    boom.on('drain', current);
    // A log that can't be written (its reader is gone, the disk is full) must not end the server.
    boom.on('error', current);
    return boom;
  }

  /** Starts the next batch; says whether one is under way. */
  #pump(): boolean {
    if (this.#writing || this.#closed || this.#waiting === '') return this.#writing;
    this.#forWriting = this.#forWaiting.splice(0);
    const lines = this.#waiting;
    this.#waiting = '';
    if (this.#isPrompt) {
      writeAll(this.#fd, Buffer.from(lines));
      this.#done();
      return false;
    }
    this.#writing = true;
    this.#boom.write(lines);
    return true;
  }

  #done(): void {
    this.#writing = false;
    for (const written of this.#forWriting.splice(0)) written();
    if (this.#pump()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function open({ file, descriptor, setting }: SinkOptions): number {
  if (file === '-') return descriptor;
  try {
    return openSync(file, 'a');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WsgiTsError('ERR_WSGI_LOG_FILE', 'operator', `${setting}: can't open ${file}`, {
      exitCode: 1,
      remedy: `${reason}. Name a file in a folder that exists and that this user may write to, or '-'.`,
      cause,
    });
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  let offset = 0;
  for (let retries = 0; offset < bytes.length && retries < maxRetries;) {
    try {
      offset += writeSync(fd, bytes, offset);
      retries = 0;
    } catch (error) {
      // Anything but a full pipe is final: there is nobody left to tell.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return;
      retries += 1;
      pause(patience);
    }
  }
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
