// What a client has not taken yet of a streamed answer: a ring in a file, so that the app's thread needn't wait for
// the client. Made by stream-writer.ts for each stream, on the event loop; it opens no file before it is needed.
// It must never change the order of bytes, nor close its file while the system still works on it.

import { SpoolFile } from './spool-file.ts';

/** Bytes that are read at once. */
const PIECE = 64 * 1024;

/** A queue of bytes in a file. */
export class ResponseSpool {
  readonly #capacity: number;
  readonly #folder: string | null;
  #file: Promise<SpoolFile> | null = null;
  #written = 0;
  #read = 0;
  /** The operations that were begun, one behind the other. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * @param limit - bytes that it keeps; 0: none
   * @param folder - where; null: the system's folder for temporary files
   */
  constructor(limit: number, folder: string | null = null) {
    this.#capacity = limit;
    this.#folder = folder;
  }

  /** Bytes that are kept. */
  get length(): number {
    return this.#written - this.#read;
  }

  /** Whether so many more bytes fit. */
  hasRoom(bytes: number): boolean {
    return !this.#closed && this.length + bytes <= this.#capacity;
  }

  /** Keeps `data`, for which there is room. @throws WsgiTsError where the file system doesn't want it */
  async put(data: Buffer): Promise<void> {
    this.#file ??= SpoolFile.open(this.#folder);
    await this.#do(async (file) => {
      const at = this.#written % this.#capacity;
      const first = data.subarray(0, this.#capacity - at);
      await file.write(first, at);
      if (first.length < data.length) await file.write(data.subarray(first.length), 0);
    });
    this.#written += data.length;
  }

  /** Takes the oldest bytes, as many as are convenient; none where nothing is kept. @throws WsgiTsError */
  async take(): Promise<Buffer> {
    if (this.length === 0) return Buffer.alloc(0);
    const at = this.#read % this.#capacity;
    const length = Math.min(PIECE, this.length, this.#capacity - at);
    const data = await this.#do((file) => file.read(length, at));
    this.#read += data.length;
    return data;
  }

  /** Closes the file, once what was begun is over. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const file = this.#file;
    if (file === null) return;
    void Promise.allSettled([this.#last]).then(async () => {
      (await file.catch(() => null))?.close();
    });
  }

  async #do<T>(work: (file: SpoolFile) => Promise<T>): Promise<T> {
    const file = this.#file ?? SpoolFile.open(this.#folder);
    const done = Promise.allSettled([this.#last]).then(async () => work(await file));
    this.#last = done;
    return await done;
  }
}
