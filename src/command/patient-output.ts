// Standard output and error of a command that must hear signals while it tells: a pipe that is full, since its reader does not
// read, holds up neither the event loop nor an end. Made by smoke.ts. Only for a process in which nothing but this writes.

import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { write } from './output.ts';

/** Milliseconds that a reader gets to make room. */
const pause = 10;

/** What is written waits here for room, in order. */
export class PatientOutput {
  readonly #fd: number;
  /** The pipe, opened once more, not blocking: who has the other one, such as a shell, keeps it as it is. */
  readonly #pipe: number | null;
  readonly #signal: AbortSignal;
  #rest: Buffer = Buffer.alloc(0);
  #sending: Promise<void> = Promise.resolve();

  /** @param signal - ends all waiting */
  constructor(fd: number, signal: AbortSignal) {
    this.#fd = fd;
    this.#signal = signal;
    this.#pipe = openPipe(fd);
  }

  /** Writes at once what there is room for. */
  write(text: string): void {
    if (this.#pipe === null) {
      write(this.#fd, text);
      return;
    }
    const isSending = this.#rest.length > 0;
    this.#rest = Buffer.concat([this.#rest, Buffer.from(text)]);
    if (isSending) return;
    this.#sending = this.#send(this.#pipe);
    this.#sending.catch(() => undefined);
  }

  /** Resolves when all is written. @throws AbortError when the signal is aborted before */
  drained(): Promise<void> {
    return this.#sending;
  }

  close(): void {
    if (this.#pipe !== null) closeSync(this.#pipe);
  }

  async #send(pipe: number): Promise<void> {
    while (this.#rest.length > 0) {
      try {
        this.#rest = this.#rest.subarray(writeSync(pipe, this.#rest));
      } catch (error) {
        // EPIPE: nobody reads it.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#rest = Buffer.alloc(0);
        else await sleep(pause, undefined, { signal: this.#signal });
      }
    }
  }
}

/** Null where it is no pipe, or one that can't be opened so. */
function openPipe(fd: number): number | null {
  try {
    if (!fstatSync(fd).isFIFO()) return null;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
