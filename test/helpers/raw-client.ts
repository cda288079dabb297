// A client of bare sockets: it sends exactly the bytes that a test gives and takes an answer apart without
// mending anything, so that a test sees what is on the wire. It knows no more of HTTP than where an answer
// ends (RFC 9112, section 6.3). Text is latin-1 both ways. Clients that a test forgets are closed at the
// end of its file.

import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { after } from 'node:test';
import { connect as connectTlsSocket } from 'node:tls';
import { safetyNet } from './spawned-process.ts';

/** One answer, as it came. */
export interface RawResponse {
  /** Such as `HTTP/1.1`. */
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Name and value of each field, in order, names as they were written. */
  readonly headers: readonly (readonly [string, string])[];
  /** All values of a field, by its name in any case. */
  all(name: string): string[];
  /** The first value of a field. */
  header(name: string): string | undefined;
  /** The body, with a chunked one put together. */
  readonly body: Buffer;
  /** The trailer fields of a chunked body. */
  readonly trailers: readonly (readonly [string, string])[];
  /** The body as text. */
  readonly text: string;
}

const open = new Set<Socket>();
after(() => {
  for (const socket of open) socket.destroy();
});

/** A connection that has been made. */
export class RawClient {
  /** The socket itself, for what has no method here (half-open ends, resets, pausing). */
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #closed = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    open.add(socket);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake?.();
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    const over = (): void => {
      this.#closed = true;
      open.delete(socket);
      this.#wake?.();
    };
    socket.on('end', over).on('close', over);
  }

  /** Sends bytes; resolves when the kernel has them, which a server that does not read can delay. */
  async send(bytes: string | Uint8Array): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    await new Promise<void>((resolve, reject) => {
      this.socket.write(data, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /**
   * Reads one answer, a 1xx one too (it has no body), and leaves what follows for the next call.
   *
   * @param method - the request's; an answer to HEAD has no body whatever its head says
   * @throws Error with what has arrived, when the connection ends before the answer does
   */
  async readResponse(method = 'GET'): Promise<RawResponse> {
    const head = (await this.readUntil('\r\n\r\n')).toString('latin1');
    const [statusLine = '', ...lines] = head.slice(0, -4).split('\r\n');
    const match = /^(HTTP\/\d\.\d) (\d{3}) ?(.*)$/.exec(statusLine);
    if (!match) throw new Error(`Not a status line: ${JSON.stringify(statusLine)}`);
    const [, version = '', status = '', reason = ''] = match;
    const headers = lines.map(field);
    const all = (name: string): string[] =>
      headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
    const { body, trailers } = await this.#readBody(method, Number(status), all);
    return {
      version,
      status: Number(status),
      reason,
      headers,
      all,
      header: (name) => all(name)[0],
      body,
      trailers,
      text: body.toString('utf8'),
    };
  }

  /** Reads up to and including `mark`. */
  async readUntil(mark: string): Promise<Buffer> {
    const at = await this.#waitUntil(JSON.stringify(mark), () => {
      const index = this.#joined().indexOf(mark, 0, 'latin1');
      return index < 0 ? undefined : index;
    });
    return this.#take(at + Buffer.byteLength(mark, 'latin1'));
  }

  /** Reads exactly `length` bytes. */
  async readBytes(length: number): Promise<Buffer> {
    await this.#waitUntil(`${String(length)} bytes`, () =>
      this.#length >= length ? true : undefined,
    );
    return this.#take(length);
  }

  /**
   * Reads everything up to the end of the connection.
   *
   * @throws Error (ECONNRESET) when it was reset instead of closed
   */
  async readUntilClosed(): Promise<Buffer> {
    await this.#waitUntil('the end', () => (this.#closed ? true : undefined));
    if (this.#error) throw this.#error;
    return this.#take(this.#length);
  }

  /** Ends the connection at once, both ways. */
  close(): void {
    this.socket.destroy();
  }

  /** Ends it with a reset (RST), as a client that crashed would. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(length: number): Buffer {
    const received = this.#joined();
    const rest = received.subarray(length);
    this.#chunks.splice(0, Infinity, rest);
    this.#length = rest.length;
    return received.subarray(0, length);
  }

  /** What is not read yet, in one piece. */
  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks.splice(0, Infinity, Buffer.concat(this.#chunks));
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  async #readBody(
    method: string,
    status: number,
    all: (name: string) => string[],
  ): Promise<Pick<RawResponse, 'body' | 'trailers'>> {
    const none = { body: Buffer.alloc(0), trailers: [] };
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return none;
    if (all('transfer-encoding').join().toLowerCase().endsWith('chunked'))
      return this.#readChunks();
    const [length] = all('content-length');
    const body =
      length === undefined ? await this.readUntilClosed() : await this.readBytes(Number(length));
    return { body, trailers: [] };
  }

  async #readChunks(): Promise<Pick<RawResponse, 'body' | 'trailers'>> {
    const chunks: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt((await this.readUntil('\r\n')).toString('latin1'), 16);
      if (Number.isNaN(size)) throw new Error('A chunk without a size');
      if (size === 0) break;
      chunks.push((await this.readBytes(size + 2)).subarray(0, -2));
    }
    const trailers: (readonly [string, string])[] = [];
    for (;;) {
      const line = (await this.readUntil('\r\n')).toString('latin1').slice(0, -2);
      if (line === '') return { body: Buffer.concat(chunks), trailers };
      trailers.push(field(line));
    }
  }

  async #waitUntil<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#closed) throw this.#failure(`closed before ${what}`);
      await new Promise<void>((resolve, reject) => {
        const net = setTimeout(() => {
          reject(this.#failure(`silent for ${String(safetyNet)} ms while waiting for ${what}`));
        }, safetyNet);
        this.#wake = () => {
          clearTimeout(net);
          resolve();
        };
      });
    }
  }

  #failure(why: string): Error {
    const seen = JSON.stringify(this.#joined().subarray(0, 2000).toString('latin1'));
    return new Error(`The connection: ${why}; not yet read: ${seen}`, { cause: this.#error });
  }
}

function field(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon < 1) throw new Error(`Not a field: ${JSON.stringify(line)}`);
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/**
 * Connects to a port of 127.0.0.1, to a host and port, or to the path of a unix socket.
 *
 * @throws Error with Node's code (ECONNREFUSED, ENOENT, …)
 */
export async function connect(
  target: number | string | { readonly host: string; readonly port: number },
): Promise<RawClient> {
  const options =
    typeof target === 'number'
      ? { host: '127.0.0.1', port: target }
      : typeof target === 'string'
        ? { path: target }
        : target;
  return new Promise((resolve, reject) => {
    // With allowHalfOpen a server's FIN doesn't close our side: a test decides itself when to close.
    const socket = connectSocket({ ...options, allowHalfOpen: true, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new RawClient(socket));
    });
  });
}

/** Connects to a port of 127.0.0.1 by TLS, whatever the certificate says; speaks HTTP/1.1. */
export async function connectTls(port: number): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    };
    const socket = connectTlsSocket({ ...options, allowHalfOpen: true, noDelay: true } as never);
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      resolve(new RawClient(socket));
    });
  });
}
