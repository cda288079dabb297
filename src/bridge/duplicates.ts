// dup(2) by way of Python's control thread, which alone can make descriptors that children of the app don't
// inherit. Used by dispatcher.ts, on the event loop. It keeps who waits for which descriptor, and no descriptor.

import { close } from 'node:fs';
import { NO_DESCRIPTOR } from './frame.ts';

/** Duplicates that were asked for and haven't come. */
export class Duplicates {
  readonly #waiting = new Map<number, ((duplicate: number) => void)[]>();

  /**
   * Waits for a duplicate of `fd`; `ask` sends for it.
   *
   * @throws Error when no descriptor could be made
   */
  order(fd: number, ask: () => void): Promise<number> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(fd) ?? [];
      this.#waiting.set(fd, waiting);
      waiting.push((duplicate) => {
        if (duplicate === NO_DESCRIPTOR)
          reject(new Error('there are no descriptors left (raise `ulimit -n`)'));
        else resolve(duplicate);
      });
      ask();
    });
  }

  /** A duplicate of `fd` has come, or the word that there is none. */
  deliver(fd: number, duplicate: number): void {
    const resolve = this.#waiting.get(fd)?.shift();
    if (resolve !== undefined) resolve(duplicate);
    else if (duplicate !== NO_DESCRIPTOR) close(duplicate);
  }

  /** No more will come. */
  giveUp(): void {
    for (const waiting of this.#waiting.values())
      for (const resolve of waiting.splice(0)) resolve(NO_DESCRIPTOR);
  }
}
