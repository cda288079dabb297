// Buffers that bytes on their way to a client are read into, again and again: a fresh one for each piece of a long
// answer keeps the garbage collector busier than anything else. Used by stream-writer.ts and response-writer.ts, on the
// event loop. Whoever takes one gives it back once, when nobody reads or writes it any more, or never.

/** Bytes of each. */
const SIZE = 64 * 1024;

/** How many are kept for the next one who wants some. */
const KEPT = 64;

const free: Buffer<ArrayBuffer>[] = [];

/** A buffer, whatever is in it. */
export function takeBuffer(): Buffer<ArrayBuffer> {
  return free.pop() ?? Buffer.allocUnsafeSlow(SIZE);
}

/** Gives back a buffer of {@link takeBuffer}'s. */
export function giveBuffer(buffer: Buffer<ArrayBuffer>): void {
  if (free.length < KEPT) free.push(buffer);
}
