// Buffers that bytes on their way to a client are read into, again and again: a fresh one for each piece of a long
// answer keeps the garbage collector busier than anything else. Used by stream-writer.ts and file-writer.ts, on the
// event loop. Whoever takes one gives it back once, when nobody reads or writes it any more, or never.

/** Bytes that are kept for those who want some next. */
const KEPT = 4 * 1024 * 1024;

/** Buffers of one size. */
export class ReadBuffers {
  readonly #size: number;
  readonly #free: Buffer<ArrayBuffer>[] = [];

  /** @param size - bytes of each */
  constructor(size: number) {
    this.#size = size;
  }

  /** A buffer, whatever is in it. */
  take(): Buffer<ArrayBuffer> {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size);
  }

  /** Gives back a buffer of {@link take}'s. */
  give(buffer: Buffer<ArrayBuffer>): void {
    if ((this.#free.length + 1) * this.#size <= KEPT) this.#free.push(buffer);
  }
}
