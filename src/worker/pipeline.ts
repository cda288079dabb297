// The requests of one HTTP/1 connection that are not over, in their order, and which of them may run. Held by
// http1-connection.ts, asked by http-server.ts for every request; runs on the event loop.
// Pure: it begins and answers nothing, and touches no socket.

import type { ServerResponse } from 'node:http';

/** RFC 9110 §9.2.1. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * RFC 9112 §9.3.2: pipelined requests may run at the same time if all of them have safe methods. Any other one waits
 * until those before it are over, and those behind it wait until it is.
 */
export class Pipeline {
  readonly #responses: ServerResponse[] = [];
  /** How many at the end of the line have not begun. */
  #held = 0;

  /** Of all that are not over, in the order of their requests. */
  get responses(): readonly ServerResponse[] {
    return this.#responses;
  }

  /** How many wait for those before them. */
  get held(): number {
    return this.#held;
  }

  /** Takes in the response to the newest request. Returns whether it may run now; if not, `next` will give it. */
  add(response: ServerResponse): boolean {
    this.#responses.push(response);
    this.#held++;
    return this.next() !== undefined;
  }

  /** Takes out one that is over. */
  remove(response: ServerResponse): void {
    this.#responses.splice(this.#responses.indexOf(response), 1);
  }

  /** The first that waits, if its turn has come; it counts as running from now on. */
  next(): ServerResponse | undefined {
    const running = this.#responses.length - this.#held;
    const response = this.#responses[running];
    // All that run have safe methods, or there is only one.
    if (
      response === undefined ||
      (running > 0 && !(isSafe(this.#responses[0]) && isSafe(response)))
    )
      return undefined;
    this.#held--;
    return response;
  }

  /** Takes all out, and gives those that have not begun. */
  clear(): { readonly count: number; readonly held: readonly ServerResponse[] } {
    const all = this.#responses.splice(0);
    const held = all.slice(all.length - this.#held);
    this.#held = 0;
    return { count: all.length, held };
  }
}

function isSafe(response: ServerResponse | undefined): boolean {
  return SAFE.has(response?.req.method ?? '');
}
