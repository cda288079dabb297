// A process whose terminal was closed, at its end: Node gives standard descriptors that are terminals back their first
// modes, takes the kernel's refusal (EIO) for a fault of its own, and aborts. Descriptors that are closed it leaves
// alone. hangup.ts calls this in the master, identity.ts in a worker; it runs last of all, on the main thread.

import { closeSync, fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Has the standard descriptors closed, when the process ends, whose terminal is gone by then. */
export function leaveLostTerminal(): void {
  process.once('exit', () => {
    for (const fd of [0, 1, 2]) {
      try {
        // What was a terminal is a character device still, and answers to nothing. /dev/null is one too: no loss.
        if (fstatSync(fd).isCharacterDevice() && !isatty(fd)) closeSync(fd);
      } catch {
        // Closed already.
      }
    }
  });
}
