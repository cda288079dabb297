// One HTTP/2 connection: its session, its socket, the responses under way, and when it is over. Made by
// http2-server.ts for each connection, and looked at once a second; runs on the event loop.
// It must never trust node:http2 to notice that a connection is dead: after a connection error nghttp2 reads
// nothing any more, and neither the client's end nor anything else is told.

import type { Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Milliseconds without a byte from a client whose request is under way, until it is asked whether it lives. */
const silence = 10_000;
/** Milliseconds that it then has to answer (RFC 9113 §6.7). */
const answer = 10_000;
/** Milliseconds that a client gets to close its side of a session that has ended. */
const farewell = 2000;

/** A connection that speaks HTTP/2. */
export class Http2Connection {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  /** The client's address, '' on a unix socket. */
  readonly peer: string;
  readonly responses = new Set<Http2ServerResponse>();
  #requests = 0;
  #idleSince: number;
  #bytesRead = -1;
  #heardAt: number;
  #askedAt = 0;
  #endedAt = 0;

  /** @param now - milliseconds, by the clock of `look` */
  constructor(session: ServerHttp2Session, socket: Socket, peer: string, now: number) {
    this.session = session;
    this.socket = socket;
    this.peer = peer;
    this.#idleSince = now;
    this.#heardAt = now;
  }

  /** Whether no request is under way. */
  get idle(): boolean {
    return this.responses.size === 0;
  }

  /** Whether a request has come at all. */
  get used(): boolean {
    return this.#requests > 0;
  }

  begin(response: Http2ServerResponse): void {
    this.#requests++;
    this.responses.add(response);
  }

  end(response: Http2ServerResponse, now: number): void {
    this.responses.delete(response);
    this.#idleSince = now;
  }

  /** Says that no more requests are taken (RFC 9113 §6.8); those under way go on. */
  close(): void {
    if (!this.session.closed) this.session.close();
  }

  /**
   * Ends what has been idle for longer than `keepAlive`, is dead, or won't leave.
   *
   * @param keepAlive - milliseconds
   */
  look(now: number, keepAlive: number): void {
    const { session, socket } = this;
    if (session.destroyed || (session.closed && this.idle)) {
      if (this.#endedAt === 0) this.#endedAt = now;
      else if (now - this.#endedAt > farewell) socket.destroy();
      return;
    }
    if (socket.bytesRead !== this.#bytesRead) {
      this.#bytesRead = socket.bytesRead;
      this.#heardAt = now;
      this.#askedAt = 0;
    }
    if (this.idle) {
      if (now - this.#idleSince > keepAlive) this.close();
    } else if (this.#askedAt !== 0) {
      if (now - this.#askedAt > answer) this.destroy();
    } else if (now - this.#heardAt > silence) {
      this.ask(now);
    }
  }

  /** Asks the client whether it lives; any byte is an answer. */
  ask(now: number): void {
    if (this.session.destroyed) return;
    this.#bytesRead = this.socket.bytesRead;
    this.#askedAt = now;
    this.session.ping((error) => {
      if (error !== null) return;
      this.#askedAt = 0;
      this.#heardAt = performance.now();
    });
  }

  /** Ends it at once, whatever is under way. */
  destroy(): void {
    this.session.destroy();
    this.socket.destroy();
  }
}
