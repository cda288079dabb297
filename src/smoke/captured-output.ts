// Everything that the server and the app write, in the order in which they wrote it. Made by the command, read by run.ts.
// It is a file, so that a worker's write(2) is over when its bytes are there: a pipe would have to be emptied by
// somebody in time, and the text would come some time later. The file has no name any more when it is written to.

import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escapeControls } from '../log/escape.ts';

/** Bytes that are kept of the output of one case, half from its start and half from its end. */
const mostBytes = 64 * 1024;
const half = mostBytes / 2;
/** Bytes of the file at which it is emptied, how often that is looked at, in milliseconds. */
const largestFile = 64 * 1024 * 1024;
const lookEvery = 100;

/** Standard output and error of the server, in one. */
export class CapturedOutput {
  /** The descriptor to be inherited; whatever is written goes to the end. */
  readonly fd: number;
  readonly #timer: NodeJS.Timeout;
  /** Where in the file begins what was not taken yet. */
  #offset = 0;
  /** Of that, what stood before it in the file and was emptied out of it: its first bytes, and how many there were. */
  #start = '';
  #emptied = 0;

  /** @throws Error (Node's own) where no temporary file can be made */
  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-smoke-'));
    try {
      this.fd = openSync(join(folder, 'output'), 'a+', 0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
    // An app that prints without an end shall not fill the disk.
    this.#timer = setInterval(() => {
      this.#empty();
    }, lookEvery).unref();
  }

  /** What came since the last call, harmless to a terminal. */
  take(): string {
    const from = this.#offset;
    const { size } = fstatSync(this.fd);
    const emptied = this.#emptied;
    this.#offset = size;
    this.#emptied = 0;
    if (emptied === 0 && size - from <= mostBytes) return escapeControls(this.#read(from, size));
    const start = emptied === 0 ? this.#read(from, from + half) : this.#start;
    const endsFrom = Math.max(from, size - half);
    const leftOut = emptied + endsFrom - from - half;
    const end = this.#read(endsFrom, size);
    return escapeControls(`${start}\n[${leftOut} bytes left out]\n${end}`);
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.fd);
  }

  /** Empties a large file; who writes meanwhile goes on at its new end, since it is open for appending. */
  #empty(): void {
    const { size } = fstatSync(this.fd);
    const untaken = size - this.#offset;
    // A little that was not taken yet is kept whole: it grows, or is taken soon.
    if (size <= largestFile || (untaken > 0 && untaken <= mostBytes)) return;
    if (this.#emptied === 0 && untaken > 0) {
      this.#start = this.#read(this.#offset, this.#offset + half);
    }
    this.#emptied += untaken;
    ftruncateSync(this.fd);
    this.#offset = 0;
  }

  #read(from: number, to: number): string {
    const buffer = Buffer.alloc(to - from);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(this.fd, buffer, length, buffer.length - length, from + length);
      if (count === 0) break;
      length += count;
    }
    return buffer.toString('utf8', 0, length);
  }
}
