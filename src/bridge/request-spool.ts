// A request's body on its way in: a short one stays in memory, a longer one goes to a file, several blocks at a time,
// since each write wakes a thread. Used by request-body.ts on the event loop. Must never close the file while it is
// written: its descriptor's number may be another file's a moment later.

import { SpoolFile } from './spool-file.ts';

/** Bytes of a body that travel inside the request's frame; longer ones are stored in a file. */
const INLINE_LIMIT = 64 * 1024;
/** Pieces of a short body that are kept by themselves; a client that sends byte by byte must not fill the heap. */
const PIECES_AT_MOST = 16;
/** Memory is taken by the block and used again: V8 would count what is made anew as growth of its heap. */
const BLOCK = 64 * 1024;
/** Full blocks that are worth a write. */
const WORTH_A_WRITE = 4;
/** Bytes of a body that may wait for the file system before its client is read no further. */
const WAITING_AT_MOST = 1024 * 1024;
/** Blocks that all bodies together may fill at their leisure (32 MiB); beyond that, what comes is written at once. */
const BLOCKS_AT_MOST = 512;
/** Blocks that are kept for the next body (4 MiB). */
const SPARES_AT_MOST = 64;

/** A body that has been received whole. */
export type ReceivedBody =
  | { readonly kind: 'inline'; readonly pieces: readonly Buffer[]; readonly length: number }
  /** The receiver has to close `fd`. */
  | { readonly kind: 'file'; readonly fd: number; readonly length: number };

/** Who is told how the writing goes. */
export interface SpoolEvents {
  /** Something has been written, and there may be room again. */
  readonly onWritten: () => void;
  /** It can't be stored. @param error - WsgiTsError, see SpoolFile */
  readonly onError: (error: Error) => void;
}

const spares: Buffer[] = [];
let blocksInUse = 0;

/** Keeps one body. */
export class RequestSpool {
  readonly #folder: string | null;
  readonly #events: SpoolEvents;
  #file: SpoolFile | null = null;
  #length = 0;
  #written = 0;
  /** The pieces of a body that is short so far. */
  #pieces: Buffer[] = [];
  /** What has not been given to the file; all are full but the last, which has so many bytes. */
  #blocks: Buffer[] = [];
  #inLast = 0;
  #ended = false;
  #discarded = false;
  #writing: Promise<void> | null = null;
  #error: Error | null = null;

  /** @param folder - see SpoolFile */
  constructor(folder: string | null, events: SpoolEvents) {
    this.#folder = folder;
    this.#events = events;
  }

  /** Whether the next piece should wait until more has been written. */
  get isFull(): boolean {
    return this.#length - this.#written >= WAITING_AT_MOST && this.#writing !== null;
  }

  /** Keeps a copy of `piece`. */
  put(piece: Buffer): void {
    this.#length += piece.length;
    const isNew = this.#blocks.length === 0 && this.#file === null && this.#writing === null;
    if (isNew && this.#length <= INLINE_LIMIT && this.#pieces.length < PIECES_AT_MOST) {
      this.#pieces.push(Buffer.from(piece));
      return;
    }
    for (const each of this.#pieces.splice(0)) this.#append(each);
    this.#append(piece);
    if (this.#isWorthAWrite) this.#writing ??= this.#write();
  }

  /** Gives what there was: there is no more. @throws WsgiTsError, see SpoolFile */
  async finish(): Promise<ReceivedBody> {
    this.#ended = true;
    const length = this.#length;
    if (this.#file === null && this.#writing === null && length <= INLINE_LIMIT) {
      // At most one: short as it is, it has come in many pieces.
      const copies = this.#filled(this.#blocks).map((block) => Buffer.from(block));
      giveBack(this.#blocks);
      return { kind: 'inline', pieces: [...this.#pieces, ...copies], length };
    }
    if (this.#error === null) await (this.#writing ??= this.#write());
    if (this.#file === null || this.#error !== null) throw this.#error as Error;
    return { kind: 'file', fd: this.#file.fd, length };
  }

  /** Forgets a body that `finish` has not given. */
  async discard(): Promise<void> {
    this.#discarded = true;
    await this.#writing;
    giveBack(this.#blocks);
    this.#blocks = [];
    this.#file?.close();
  }

  get #isWorthAWrite(): boolean {
    const { length } = this.#blocks;
    if (this.#discarded || this.#error !== null || length === 0) return false;
    return this.#ended || length > WORTH_A_WRITE || blocksInUse > BLOCKS_AT_MOST;
  }

  /** What the bytes of `blocks`, the last ones, are. */
  #filled(blocks: readonly Buffer[]): Buffer[] {
    const last = blocks.length - 1;
    return blocks.map((block, at) => (at === last ? block.subarray(0, this.#inLast) : block));
  }

  #append(piece: Buffer): void {
    let at = 0;
    while (at < piece.length) {
      let last = this.#blocks.at(-1);
      if (last === undefined || this.#inLast === BLOCK) {
        last = spares.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
        blocksInUse++;
        this.#blocks.push(last);
        this.#inLast = 0;
      }
      const copied = piece.copy(last, this.#inLast, at);
      this.#inLast += copied;
      at += copied;
    }
  }

  async #write(): Promise<void> {
    try {
      this.#file ??= await SpoolFile.open(this.#folder);
      while (this.#isWorthAWrite) {
        const blocks = this.#blocks;
        this.#blocks = [];
        const data = this.#filled(blocks);
        const length = (blocks.length - 1) * BLOCK + this.#inLast;
        try {
          await this.#file.writeAll(data, this.#written);
        } finally {
          giveBack(blocks);
        }
        this.#written += length;
        this.#events.onWritten();
      }
    } catch (error) {
      this.#error = error as Error;
      this.#events.onError(this.#error);
    } finally {
      this.#writing = null;
    }
  }
}

function giveBack(blocks: readonly Buffer[]): void {
  blocksInUse -= blocks.length;
  for (const block of blocks) if (spares.length < SPARES_AT_MOST) spares.push(block);
}
