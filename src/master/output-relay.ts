// Carries what workers write to their fd 1 and 2 to the master's own, where that is a pipe or a socket.
// Node makes every pipe it reads or writes non-blocking, for all who share it: an app's print() would fail
// or lose text. So each worker gets a pipe(2) of its own with a blocking end, and the master empties it.
// master.ts makes the relays and ends them; on the master's main thread. It must never change the flags of
// the master's own descriptors, and never hold more than a chunk a worker: a slow reader slows the app down,
// as it would without us.

import { fstatSync, readSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

/** Bytes that wait for a slow reader before the pipes are left unread. */
const highWaterMark = 65536;
/** More than a pipe can hold (pipe(7): /proc/sys/fs/pipe-max-size), so that one read empties it. */
const largestPipe = 1024 * 1024;
/** Milliseconds between attempts to write to a full descriptor that others have made non-blocking. */
const retryEvery = 5;

/** One pipe that is being emptied. */
export interface RelayedPipe {
  /**
   * Resolves when what the pipe held at the call is written. For a worker that has died: so that its last
   * words come before what is said of it. A reader that is slow makes it wait.
   */
  settle(): Promise<void>;
}

interface Source {
  readonly fd: number;
  readonly socket: Socket;
}

/** Everything that is on its way to one of the master's descriptors. */
export class OutputRelay {
  readonly #sink: Writable;
  readonly #sources = new Set<Source>();

  /** @param fd - the master's own descriptor; it stays open, and blocking if it was. */
  constructor(fd: number) {
    this.#sink = new Writable({
      highWaterMark,
      // In libuv's thread pool: a reader that stops reading holds up one of its threads, not the event loop.
      write: (chunk: Buffer, _encoding, done) => {
        writeFully(fd, chunk, done);
      },
    });
    this.#sink.setMaxListeners(0); // each source adds its own
  }

  /** Forwards what comes out of a pipe until its last writer closes it. Takes over `fd`, its read end. */
  attach(fd: number): RelayedPipe {
    const socket = new Socket({ fd, readable: true, writable: false });
    const source = { fd, socket };
    this.#sources.add(source);
    socket.on('error', () => {
      // 'close' follows; what has been read is forwarded already.
    });
    socket.on('close', () => this.#sources.delete(source));
    socket.pipe(this.#sink, { end: false });
    return { settle: () => this.#settle(source) };
  }

  /**
   * Forwards what the pipes hold now, and resolves when all of it is written, however slowly it is read. Call
   * it when the workers are gone: a process that they left behind may hold its pipe open for ever.
   */
  async end(): Promise<void> {
    for (const source of this.#sources) {
      this.#take(source);
      source.socket.destroy();
    }
    await new Promise<void>((resolve) => {
      this.#sink.end(resolve);
    });
  }

  async #settle(source: Source): Promise<void> {
    await this.#written();
    if (!this.#sources.has(source)) return;
    this.#take(source);
    source.socket.pipe(this.#sink, { end: false });
    await this.#written();
  }

  /** Moves what one pipe holds at this moment into the sink, and leaves the pipe unread. */
  #take({ fd, socket }: Source): void {
    socket.unpipe(this.#sink);
    for (;;) {
      const chunk: unknown = socket.read();
      if (chunk === null) break;
      this.#sink.write(chunk);
    }
    if (!socket.destroyed && !socket.readableEnded) this.#sink.write(readAvailable(fd));
  }

  /** Resolves when everything taken so far is written. */
  #written(): Promise<void> {
    return new Promise((resolve) => {
      this.#sink.write(Buffer.alloc(0), () => {
        resolve();
      });
    });
  }
}

/** The relays that are needed, one or none for each of fd 1 and 2. */
export interface OutputRelays {
  readonly stdout: OutputRelay | null;
  readonly stderr: OutputRelay | null;
}

/**
 * Makes a relay for each of the two descriptors that is a pipe or a socket. Terminals and files need none. One
 * relay serves both where they are the same (`2>&1`), so that the order of what is written to them is kept.
 */
export function openRelays(stdout: number, stderr: number): OutputRelays {
  const out = needsRelay(stdout) ? new OutputRelay(stdout) : null;
  if (out !== null && isSame(stdout, stderr)) return { stdout: out, stderr: out };
  return { stdout: out, stderr: needsRelay(stderr) ? new OutputRelay(stderr) : null };
}

function needsRelay(fd: number): boolean {
  const status = fstatSync(fd);
  return status.isFIFO() || status.isSocket();
}

function isSame(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}

function writeFully(fd: number, chunk: Buffer, done: () => void): void {
  write(fd, chunk, (error, written) => {
    if (error?.code === 'EAGAIN') {
      setTimeout(() => {
        writeFully(fd, chunk, done);
      }, retryEvery);
    } else if (error === null && written < chunk.length) {
      writeFully(fd, chunk.subarray(written), done);
    } else {
      // Also when nobody reads any more (EPIPE): the app goes on, and a named pipe may get another reader.
      done();
    }
  });
}

/** What a non-blocking pipe holds at this moment. */
function readAvailable(fd: number): Buffer {
  const buffer = Buffer.allocUnsafe(largestPipe);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch {
    return buffer.subarray(0, 0); // EAGAIN: it is empty
  }
}
