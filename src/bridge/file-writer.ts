// A body that is part of a file, on its way to the client: one piece is read while the one before is written. Made by
// reply.ts for each file response, on the event loop. Must never close the file while the system reads it.

import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import type { FileRange } from './frame.ts';
import { ReadBuffers } from './read-buffers.ts';
import { asWritable, whenOver, type ServerReply } from './transaction.ts';

const readAt = promisify(read);
const buffers = new ReadBuffers(256 * 1024);

/** Sends a file's bytes, and closes the file. */
export class FileWriter {
  readonly #response: ServerReply;
  readonly #range: FileRange;
  readonly #over: Promise<never>;
  #bytes = 0;

  /**
   * Sends `range` behind the head that has been written.
   *
   * @param done - told null, or why the body is not complete: the client left, or the file is shorter than it was
   */
  constructor(response: ServerReply, range: FileRange, done: (error: Error | null) => void) {
    this.#response = response;
    this.#range = range;
    this.#over = new Promise((_, reject) => {
      whenOver(response, () => {
        reject(new Error('the client left'));
      });
    });
    this.#over.catch(() => undefined);
    this.#send().then(
      () => {
        close(range.fd);
        response.end();
        done(null);
      },
      (error: unknown) => {
        close(range.fd);
        done(error as Error);
      },
    );
  }

  /** How many bytes have been given to the client's connection so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async #send(): Promise<void> {
    const { fd, offset, length } = this.#range;
    let written: Promise<void> = Promise.resolve();
    while (this.#bytes < length) {
      const buffer = buffers.take();
      const wanted = Math.min(buffer.length, length - this.#bytes);
      const { bytesRead } = await readAt(fd, buffer, 0, wanted, offset + this.#bytes);
      if (bytesRead === 0) {
        throw new Error(`the file ended after ${this.#bytes} of ${length} bytes`);
      }
      await Promise.race([written, this.#over]);
      this.#bytes += bytesRead;
      written = this.#write(buffer, bytesRead);
    }
    await Promise.race([written, this.#over]);
  }

  #write(buffer: Buffer<ArrayBuffer>, length: number): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      asWritable(this.#response).write(buffer.subarray(0, length), (error) => {
        buffers.give(buffer);
        if (error) reject(error);
        else resolve();
      });
    });
    // Heard of when it is waited for, which is behind the next read.
    written.catch(() => undefined);
    return written;
  }
}
