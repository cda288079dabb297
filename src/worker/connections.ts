// The connections of a worker, from accept(2) to the server that speaks their protocol: the PROXY protocol first,
// then TLS, then HTTP/2 or HTTP/1 by the first bytes. Made by worker.ts; runs on the event loop's thread.
// It must never read a byte of a request: what it has read on its way is handed on.

import type { Socket } from 'node:net';
import { declareConnection, factsOf } from '../bridge/connection-facts.ts';
import { WsgiTsError } from '../errors.ts';
import { Networks } from '../http/networks.ts';
import type { Deadlines, ProxyProtocolPolicy } from '../http/policy.ts';
import {
  parseProxyHeader,
  type ProxyProtocolMode,
  withProxyHeader,
} from '../http/proxy-protocol.ts';
import type { HttpServer } from './http-server.ts';
import type { Refusals } from './refusals.ts';

/** A server that takes over a connection whose bytes it has not read. */
export interface ConnectionServer {
  /** Requests that are under way. */
  readonly active: number;
  accept(socket: Socket): void;
  /** Takes no new requests where it can say so. */
  drain(): void;
  /** Resolves when all connections are closed; after `milliseconds` they are cut off. */
  stop(milliseconds: number): Promise<void>;
  cutOff(): void;
  /** A connection without a request under way. */
  oldestIdle(): Socket | undefined;
}

/** What {@link Connections} needs from the worker. */
export interface ConnectionsOptions {
  readonly http1: HttpServer;
  /** null: HTTP/2 is not spoken. */
  readonly http2: ConnectionServer | null;
  /** Gets every connection, where there is TLS; gives it to the other two. */
  readonly tls: {
    accept(socket: Socket): void;
    settled(milliseconds: number): Promise<void>;
  } | null;
  /** Whether a client may begin with HTTP/2 where there is no TLS. */
  readonly cleartextHttp2: boolean;
  readonly proxyProtocol: ProxyProtocolPolicy;
  readonly deadlines: Deadlines;
  /** Seconds that a connection may be silent. */
  readonly keepAlive: number;
  /** Connections to hold at most. */
  readonly limit: number;
  readonly refusals: Refusals;
}

/** RFC 9113 §3.4: what an HTTP/2 client sends first. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Milliseconds that a connection without a request gets at a stop: its first bytes may be under way. */
const silentGrace = 1000;
/** Milliseconds between two looks at those that have said nothing. */
const period = 1000;

/** Milliseconds for which a worker that is full counts as full before it looks again. */
const fullFor = 20;

/** A connection whose protocol is not known yet. */
interface Opening {
  readonly since: number;
  bytes: Buffer | null;
}

/** All connections of a worker. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #proxies: Networks;
  readonly #openings = new Map<Socket, Opening>();
  #open = 0;
  #fullUntil = 0;
  #onOpened: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#proxies = new Networks(options.proxyProtocol.allowFrom);
    setInterval(() => {
      this.#look();
    }, period).unref();
  }

  /** Requests that are under way. */
  get active(): number {
    const { http1, http2 } = this.#options;
    return http1.active + (http2?.active ?? 0);
  }

  /**
   * Whether no more may be accepted now. While there is an idle one, one more may: it is closed when that has come.
   */
  get full(): boolean {
    const { limit, http1, http2 } = this.#options;
    if (this.#open < limit) return false;
    const now = performance.now();
    // Asked every other millisecond while it is so, and the answer takes a walk over all connections.
    if (now < this.#fullUntil) return true;
    const idle = http1.oldestIdle() ?? http2?.oldestIdle();
    if (idle !== undefined && this.#open === limit) return false;
    idle?.destroy();
    this.#fullUntil = now + fullFor;
    return true;
  }

  /** Takes a connection that was accepted. */
  accept(socket: Socket): void {
    this.#open++;
    socket.once('close', () => {
      this.#open--;
      if (this.#openings.delete(socket)) this.#opened();
    });
    // Whoever serves it has a listener of its own; until then nobody has.
    socket.on('error', () => socket.destroy());
    const { proxyProtocol, refusals } = this.#options;
    const { mode } = proxyProtocol;
    if (mode === 'off') {
      this.#start(socket, null);
      return;
    }
    const { remoteAddress = '' } = socket;
    if (this.#proxies.has(remoteAddress)) {
      this.#read(socket, null, (bytes) => this.#proxied(socket, bytes, mode));
    } else {
      refusals.log(remoteAddress, 'the PROXY protocol is expected, but not from this peer');
      socket.destroy();
    }
  }

  /** Says with each answer that it is the connection's last. */
  drain(): void {
    this.#options.http1.drain();
    this.#options.http2?.drain();
  }

  /** Closes or drains all; see {@link ConnectionServer}. */
  async stop(milliseconds: number): Promise<void> {
    const { http1, http2 } = this.#options;
    const end = performance.now() + milliseconds;
    this.drain();
    if (this.#openings.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onOpened = resolve;
        setTimeout(resolve, Math.min(silentGrace, milliseconds)).unref();
      });
      for (const socket of this.#openings.keys()) socket.destroy();
    }
    await this.#options.tls?.settled(Math.min(silentGrace, Math.max(0, end - performance.now())));
    const left = Math.max(0, end - performance.now());
    await Promise.all([http1.stop(left), http2?.stop(left)]);
  }

  /** Ends every connection at once. */
  cutOff(): void {
    for (const socket of this.#openings.keys()) socket.destroy();
    this.#options.http1.cutOff();
    this.#options.http2?.cutOff();
  }

  /** Gives the connection to who serves it; `bytes` have been read from it. */
  #start(socket: Socket, bytes: Buffer | null): void {
    const { tls, http1, http2, cleartextHttp2 } = this.#options;
    if (tls !== null) {
      this.#handOver(socket, bytes, tls);
    } else if (http2 !== null && cleartextHttp2) {
      this.#read(socket, bytes, (read) => {
        const start = read.toString('latin1', 0, PREFACE.length);
        if (!PREFACE.startsWith(start)) http1.accept(socket, read);
        else if (start === PREFACE) this.#handOver(socket, read, http2);
        else return false;
        return true;
      });
    } else {
      http1.accept(socket, bytes);
    }
  }

  /** The bytes as they came go back into the socket: this server reads them from there. */
  #handOver(socket: Socket, bytes: Buffer | null, server: { accept(socket: Socket): void }): void {
    if (bytes !== null && bytes.length > 0) {
      socket.pause();
      socket.unshift(bytes);
    }
    server.accept(socket);
  }

  #proxied(socket: Socket, bytes: Buffer, mode: ProxyProtocolMode): boolean {
    const { refusals } = this.#options;
    try {
      const header = parseProxyHeader(bytes, mode);
      if (header === 'incomplete') return false;
      declareConnection(socket, withProxyHeader(factsOf(socket), header));
      const rest = bytes.subarray(header.consumed);
      this.#start(socket, rest.length > 0 ? rest : null);
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      refusals.log(socket.remoteAddress ?? '', error.message);
      socket.destroy();
    }
    return true;
  }

  /** Reads until `decide` says that it has enough; it gets all that has been read so far. */
  #read(socket: Socket, bytes: Buffer | null, decide: (bytes: Buffer) => boolean): void {
    const opening: Opening = { since: performance.now(), bytes: null };
    const leave = (): void => {
      socket.off('data', onData).off('end', onEnd);
      this.#openings.delete(socket);
    };
    const stay = (): void => {
      this.#openings.set(socket, opening);
      socket.on('data', onData).on('end', onEnd);
    };
    const onData = (chunk: Buffer): void => {
      opening.bytes = opening.bytes === null ? chunk : Buffer.concat([opening.bytes, chunk]);
      // Whoever is next has listeners of its own.
      leave();
      if (decide(opening.bytes)) this.#opened();
      else stay();
    };
    const onEnd = (): void => {
      leave();
      if (opening.bytes === null) socket.destroy();
      else this.#options.http1.accept(socket, opening.bytes, true);
      this.#opened();
    };
    stay();
    if (bytes !== null) onData(bytes);
  }

  #opened(): void {
    if (this.#openings.size === 0) this.#onOpened?.();
  }

  /** Closes who has said nothing, or not all that comes before HTTP, for too long. */
  #look(): void {
    const { deadlines, keepAlive } = this.#options;
    const head = (deadlines.head || Infinity) * 1000;
    const silent = Math.max(keepAlive * 1000, head);
    const now = performance.now();
    for (const [socket, { since, bytes }] of this.#openings) {
      if (now - since > (bytes === null ? silent : head)) socket.destroy();
    }
  }
}
