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
  let isOpen = false;
  const closeLine = (text: string): void => {
    if (isOpen) write(`${text}\n`);
    isOpen = false;
  };
  return {
    begin(text) {
      closeLine('');
      isOpen = isTerminal;
      write(`wsgi-ts: ${text}${isTerminal ? ' …' : '\n'}`);
    },
    // Dots, and nothing that is written over: the line may be longer than the terminal is wide.
    step() {
      if (isOpen) write('.');
    },
    end(text) {
      closeLine(` ${text}`);
    },
  };
}
