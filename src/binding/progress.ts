// How the building of a binding looks to the person who waits for it: on a terminal one line that grows,
// elsewhere (a log, CI) one line at the beginning. Given to buildBinding by the composition roots. It writes to
// one descriptor, at once, and never to Node's streams: an app may write to the same place.

import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { BuildListener } from './build.ts';

/** Tells a person at `fd` how a building goes. */
export function showProgress(
  fd: number,
  isTerminal: boolean = isatty(fd),
  write: (text: string) => void = (text) => {
    try {
      writeSync(fd, text);
    } catch {
      // Nobody reads it.
    }
  },
): BuildListener {
  let open = '';
  const closeLine = (text: string): void => {
    if (open !== '') write(`\r${open}${text}\x1b[K\n`);
    open = '';
  };
  return {
    begin(text) {
      closeLine('');
      if (isTerminal) {
        open = `wsgi-ts: ${text}`;
        write(`${open} …`);
      } else {
        write(`wsgi-ts: ${text}\n`);
      }
    },
    progress(share) {
      if (open !== '') write(`\r${open} … ${Math.round(share * 100)} %\x1b[K`);
    },
    end(text) {
      closeLine(` … ${text}`);
    },
  };
}
