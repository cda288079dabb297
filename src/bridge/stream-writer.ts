// A streamed response on its way: the bytes come from a socket whose other end Python writes to, and go to the
// client as fast as it takes them; what it doesn't take is kept (response-spool.ts), and beyond that the app waits.
// Made by reply.ts for each streamed response, on the event loop. Must never let a body that was cut off look
// complete.

import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import { ReadBuffers } from './read-buffers.ts';
import { ResponseSpool } from './response-spool.ts';
import {
  asWritable,
  cutOff,
  cutOffBehind,
  isFull,
  isHttp2,
  pendingBytes,
  whenOver,
  type ServerReply,
} from './transaction.ts';

/** What a stream's writer needs. */
export interface StreamOptions {
  /** Bytes that are kept for a client that is slower than the app. */
  readonly limit: number;
  /** Where; null: the system's folder for temporary files. */
  readonly folder: string | null;
  /** They can't be kept: told once. The app then waits for the client. */
  readonly onSpoolError: (error: Error) => void;
  /** Told once whether the client was given everything. */
  readonly onDone: (complete: boolean) => void;
}

/** Bytes that wait in memory for a client to take them, before any go to a file. */
const IN_MEMORY = 64 * 1024;

/**
 * Milliseconds that the app waits before the first byte goes to a file: a client that takes 64 KiB in this time is
 * not slow, and the file would cost more than the wait.
 */
const PATIENCE = 10;

const EMPTY = Buffer.alloc(0);

const buffers = new ReadBuffers(64 * 1024);

/** Takes a stream to its client. */
export class StreamWriter {
  readonly #response: ServerReply;
  readonly #source: Socket;
  readonly #options: StreamOptions;
  readonly #spool: ResponseSpool;
  /** What is not kept yet, or can't be: the spool is full, or broken. It follows when that is empty. */
  #overflow: Buffer | null = null;
  /** What the source is read into. */
  #reading: Buffer<ArrayBuffer> = EMPTY;
  #patience: NodeJS.Timeout | undefined;
  #broken = false;
  #keeping = false;
  #pumping = false;
  #drained = false;
  /** Whether the body is complete, as Python has said; null: it hasn't said anything yet. */
  #complete: boolean | null = null;
  #settled = false;
  #bytes = 0;

  /** Sends the head that has been written, and from then on what arrives on `fd`, which it closes. */
  constructor(response: ServerReply, fd: number, options: StreamOptions) {
    this.#response = response;
    this.#options = options;
    this.#spool = new ResponseSpool(options.limit, options.folder);
    // Half open, so that Node leaves the end of the response to us.
    const source = new Socket({
      ...{ fd, readable: true, writable: true, allowHalfOpen: true },
      onread: {
        buffer: () => (this.#reading = buffers.take()),
        callback: (length) => {
          this.#receive(this.#reading, length);
          return true;
        },
      },
    } as SocketConstructorOpts & { onread: OnReadOpts });
    this.#source = source;
    source.once('close', () => {
      buffers.give(this.#reading);
    });
    source.on('end', () => {
      this.#drained = true;
      this.#finish();
    });
    source.on('error', () => {
      this.abort();
    });
    response.on('drain', () => {
      void this.#pump();
    });
    whenOver(response, () => {
      this.abort();
    });
    if (!isHttp2(response)) response.flushHeaders();
  }

  /** Bytes of the body that were given to the client's connection so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Python is done with the body, which is complete or cut off; what is on its way still arrives. */
  end(complete: boolean): void {
    this.#complete ??= complete;
    this.#finish();
  }

  /** There is nobody to send to, or nothing more to wait for: cuts it off where it is. */
  abort(): void {
    if (this.#settled) return;
    this.#settle(false);
    cutOff(this.#response);
  }

  /** Whether nothing is between the source and the client's connection. */
  get #direct(): boolean {
    return !this.#keeping && !this.#pumping && this.#spool.length === 0 && this.#overflow === null;
  }

  get #spooling(): boolean {
    return this.#options.limit > 0 && !this.#broken;
  }

  /** Whether what comes now can go to the client's connection. */
  get #open(): boolean {
    return this.#direct && (!this.#spooling || pendingBytes(this.#response) < IN_MEMORY);
  }

  /** Takes in what was read into `buffer`, and gives the buffer back. */
  #receive(buffer: Buffer<ArrayBuffer>, length: number): void {
    const data = buffer.subarray(0, length);
    if (this.#open) {
      this.#send(data, () => {
        buffers.give(buffer);
      });
    } else {
      this.#take(Buffer.from(data));
      buffers.give(buffer);
    }
  }

  #take(data: Buffer): void {
    if (this.#open) {
      this.#send(data);
      return;
    }
    const spooling = this.#spooling;
    // One at a time, so that the order is kept; the socket pair holds what comes meanwhile.
    this.#source.pause();
    const { length } = data;
    if (this.#overflow !== null) this.#overflow = Buffer.concat([this.#overflow, data]);
    else if (spooling && !this.#keeping && !this.#direct && this.#spool.hasRoom(length))
      void this.#keep(data);
    else this.#holdBack(data, spooling);
  }

  /** Holds `data` back; it is kept unless the client has soon taken what is before it. */
  #holdBack(data: Buffer, spooling: boolean): void {
    const soon = spooling && this.#direct;
    this.#overflow = data;
    if (!soon) return;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      const late = this.#overflow;
      if (late === null || this.#settled || this.#keeping || this.#pumping) return;
      if (!this.#roomForOverflow()) return;
      this.#overflow = null;
      void this.#keep(late);
    }, PATIENCE);
  }

  async #keep(data: Buffer): Promise<void> {
    this.#keeping = true;
    try {
      await this.#spool.put(data);
      if (!this.#settled) this.#source.resume();
    } catch (error) {
      this.#broken = true;
      this.#overflow = this.#overflow === null ? data : Buffer.concat([data, this.#overflow]);
      if (!this.#settled) this.#options.onSpoolError(error as Error);
    }
    this.#keeping = false;
    // The client may have taken all of the rest meanwhile, and that is told only once.
    await this.#pump();
  }

  /** Gives to the client what has been kept, as much as it takes. */
  async #pump(): Promise<void> {
    if (this.#pumping || this.#keeping || this.#settled) return;
    this.#pumping = true;
    try {
      while (this.#spool.length > 0 && this.#takesMore()) {
        this.#write(await this.#spool.take());
      }
    } catch (error) {
      this.#options.onSpoolError(error as Error);
      this.abort();
    }
    this.#pumping = false;
    if (this.#isBusy()) return;
    if (this.#overflow !== null && (this.#spool.length === 0 || this.#roomForOverflow())) {
      const data = this.#overflow;
      this.#overflow = null;
      this.#take(data);
    }
    if (this.#direct && this.#takesMore()) this.#source.resume();
    this.#finish();
  }

  /** Asked anew behind a wait, in which anything may have happened. */
  #isBusy(): boolean {
    return this.#settled || this.#keeping;
  }

  #roomForOverflow(): boolean {
    return !this.#broken && this.#spool.hasRoom(this.#overflow?.length ?? 0);
  }

  #takesMore(): boolean {
    return !this.#settled && !isFull(this.#response);
  }

  #send(data: Buffer, onSent?: () => void): void {
    if (!this.#write(data, onSent) && !this.#spooling) this.#source.pause();
  }

  /** @param onSent - called when nobody reads `data` any more */
  #write(data: Buffer, onSent?: () => void): boolean {
    if (this.#settled) return true;
    this.#bytes += data.length;
    return asWritable(this.#response).write(data, onSent);
  }

  #finish(): void {
    if (this.#settled || this.#complete === null || !this.#drained || !this.#direct) return;
    // A cut-off body must not look complete: it ends with no last chunk, behind what the app gave.
    if (this.#complete) this.#response.end();
    else cutOffBehind(this.#response);
    this.#settle(this.#complete);
  }

  #settle(complete: boolean): void {
    this.#settled = true;
    clearTimeout(this.#patience);
    this.#source.destroy();
    this.#spool.close();
    this.#options.onDone(complete);
  }
}
