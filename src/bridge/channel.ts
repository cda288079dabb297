// The two sockets between Node's event loop and Python's threads: bytes to frames and back, with batching.
// Made by dispatcher.ts, one for each app; runs on the event loop. The request socket carries requests one way
// and everything that Python says the other way; the control socket carries what a busy pool must hear.
// Must never know what a frame means.
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';
import { decodeFrames, type FrameSink } from './frame.ts';

/** Requests that Python may have before further ones are held back until it answers: one write for many. */
const BACKLOG = 12;

/** Milliseconds that a request is held back at the most. */
const HELD_FOR = 1;

const READ_AT_MOST = 64 * 1024;

/** What a channel tells its owner. */
export interface ChannelEvents {
  /** A frame arrived. */
  readonly onFrame: FrameSink;
  /** Everything that arrived at once has been handed over. */
  readonly onBatch: () => void;
  /** Python's side is gone; `error` is what the socket said, if anything. */
  readonly onEnd: (error: Error | null) => void;
}

/** Node's end of both sockets. Neither keeps the process alive. */
export class Channel {
  readonly #requests: Socket;
  readonly #control: Socket;
  #held: Buffer[] = [];
  #rest: Buffer | null = null;
  #flushing = false;
  #heldTimer: NodeJS.Timeout | null = null;

  /** Takes over both descriptors. */
  constructor(requestFd: number, controlFd: number, events: ChannelEvents) {
    this.#requests = new Socket({
      ...{ fd: requestFd, readable: true, writable: true },
      // One buffer for all that arrives, instead of a fresh one for each read.
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_AT_MOST),
        callback: (length, buffer) => {
          this.#receive(buffer, length, events.onFrame);
          events.onBatch();
          if (this.#held.length > 0) this.#flushSoon();
          return true;
        },
      },
    } as SocketConstructorOpts & { onread: OnReadOpts });
    this.#control = new Socket({ fd: controlFd, readable: true, writable: true });
    this.#requests.unref();
    this.#control.unref();
    let ended = false;
    const end = (error: Error | null): void => {
      if (ended) return;
      ended = true;
      this.close();
      events.onEnd(error);
    };
    for (const socket of [this.#requests, this.#control]) {
      socket.on('error', end);
      socket.on('close', () => {
        end(null);
      });
    }
  }

  /** Sends a request's frame with this turn's others; `inPython` are the requests not answered yet. */
  send(frame: Buffer, inPython: number): void {
    this.#held.push(frame);
    if (this.#flushing) return;
    if (inPython - this.#held.length < BACKLOG) {
      this.#flushSoon();
    } else {
      this.#heldTimer ??= setTimeout(() => {
        this.#heldTimer = null;
        this.#flush();
      }, HELD_FOR);
    }
  }

  /** Sends a frame to the control thread at once. */
  control(frame: Buffer): void {
    this.#control.write(frame);
  }

  /** Closes both sockets. */
  close(): void {
    if (this.#heldTimer !== null) clearTimeout(this.#heldTimer);
    this.#requests.destroy();
    this.#control.destroy();
  }

  #receive(shared: Uint8Array, length: number, sink: FrameSink): void {
    const data = Buffer.from(shared.buffer, shared.byteOffset, length);
    const buffer = this.#rest === null ? data : Buffer.concat([this.#rest, data]);
    const consumed = decodeFrames(buffer, sink);
    // A copy: the next read overwrites what is here.
    this.#rest = consumed === buffer.length ? null : Buffer.from(buffer.subarray(consumed));
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    if (this.#heldTimer !== null) {
      clearTimeout(this.#heldTimer);
      this.#heldTimer = null;
    }
    const [first] = held;
    this.#requests.write(held.length === 1 && first !== undefined ? first : Buffer.concat(held));
  }
}
