// Standard output and error of the command, written at once. Used by everything in this folder and by cli.ts.
// Node's own streams must never be used while an app may print: they would set O_NONBLOCK on a pipe that
// Python writes to as well.

import { writeSync } from 'node:fs';

/** Writes all of it before it returns; a reader that went away is no error (`wsgi-ts --help | head -1`). */
export function write(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE' || code === 'ENOSPC') return; // nobody reads it, or there is no room
      if (code !== 'EAGAIN') throw error;
      // Somebody else made the pipe non-blocking, and it is full: give its reader 5 ms.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
