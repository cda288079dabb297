// Requests that took too long, are answered, and whose threads are in the app still: how many, and since when. Kept
// by dispatcher.ts on the event loop. A thread that doesn't come out of it is lost to the worker.

/** The exchanges of which Node is done, and Python is not. */
export class Overruns {
  readonly #since = new Map<number, number>();

  get size(): number {
    return this.#since.size;
  }

  add(id: number, now: number): void {
    this.#since.set(id, now);
  }

  delete(id: number): void {
    if (this.#since.size > 0) this.#since.delete(id);
  }

  clear(): void {
    this.#since.clear();
  }

  /** How many there have been since before `time`. */
  olderThan(time: number): number {
    let count = 0;
    for (const since of this.#since.values()) if (since < time) count++;
    return count;
  }
}
