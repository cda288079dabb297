// Everything that the server and the app write, in the order in which they wrote it. Made by the command, read by run.ts.
// It is a file, so that a worker's write(2) is over when its bytes are there: a pipe would have to be emptied by
// somebody in time, and the text would come some time later. The file has no name any more when it is written to.

import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escapeControls } from '../log/escape.ts';

/** Bytes that are kept of the output of one case, half from its start and half from its end. */
const mostBytes = 64 * 1024;

/** Standard output and error of the server, in one. */
export class CapturedOutput {
  /** The descriptor to be inherited; whatever is written goes to the end. */
  readonly fd: number;
  #offset = 0;

  /** @throws Error (Node's own) where no temporary file can be made */
  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-smoke-'));
    try {
      this.fd = openSync(join(folder, 'output'), 'a+', 0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** What came since the last call, harmless to a terminal. */
  take(): string {
    const from = this.#offset;
    const { size } = fstatSync(this.fd);
    this.#offset = size;
    if (size - from <= mostBytes) return escapeControls(this.#read(from, size));
    const half = mostBytes / 2;
    const leftOut = `\n[${size - from - mostBytes} bytes left out]\n`;
    const [start, end] = [this.#read(from, from + half), this.#read(size - half, size)];
    return escapeControls(`${start}${leftOut}${end}`);
  }

  close(): void {
    closeSync(this.fd);
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
