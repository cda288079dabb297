// The worker's HTTP/1 server: node:http behind a guard that checks every byte (http1-connection.ts). Every
// connection that connection.ts takes for HTTP/1 ends up here, every request goes to the handler. Made by
// worker.ts; runs on the event loop's thread.
// It must never listen by itself (the acceptor does), nor let an error on one connection reach another.

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Socket } from 'node:net';
import { factsOf } from '../bridge/connection-facts.ts';
import type { Deadlines, RequestLimits } from '../http/policy.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import { Http1Connection } from './http1-connection.ts';
import type { Refusals } from './refusals.ts';

/** What the server needs from the worker. */
export interface HttpServerOptions {
  readonly handler: RequestListener;
  readonly limits: RequestLimits;
  readonly deadlines: Deadlines;
  readonly refusals: Refusals;
  readonly logger: Logger;
  /** Seconds an idle connection is kept; 0: each answer closes its connection. */
  readonly keepAlive: number;
  /** A request was handed to the handler. */
  readonly onRequest: (socket: Socket) => void;
  /** These requests are cut off, because the worker ends; each as the log may show it. */
  readonly onCutOff: (requests: readonly string[]) => void;
  /** The client has ended its side, and may be gone. */
  readonly onClientEnd: (socket: Socket) => void;
}

/** Bytes of a head that node:http's parser counts, beyond what the guard lets through. */
const headMargin = 65536;
/** Milliseconds that a connection without a request gets at a stop: its bytes may be under way. */
const idleGrace = 1000;
/** Milliseconds between two looks at the connections. */
const period = 1000;

/** The HTTP/1 server of one worker. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Socket, Http1Connection>();
  #active = 0;
  #stopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { limits } = options;
    const done = (response: ServerResponse): void => {
      this.#done(response);
    };
    // One listener for all: a closure for each request would cost more than all it does.
    const onClose = function (this: ServerResponse): void {
      done(this);
    };
    const begin: RequestListener = (request, response) => {
      response.on('close', onClose);
      this.#begin(request, response);
    };
    this.#server = createServer(
      {
        keepAliveTimeout: options.keepAlive * 1000,
        // Node's own deadlines can't see a head that the guard holds.
        headersTimeout: 0,
        requestTimeout: 0,
        // The bridge refuses a request without one, with a line in the logs.
        requireHostHeader: false,
        maxHeaderSize: limits.line + limits.fieldSize + headMargin,
      },
      begin,
    );
    // RFC 9110 §10.1.1: whether the body is wanted is known when the head has been looked at.
    this.#server.on('checkExpectation', begin).on('checkContinue', (request, response) => {
      const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
      // Nobody will want a body that there isn't, and node:http closes behind an answer without a 100.
      if (coding === undefined && Number(length) === 0) response.shouldKeepAlive = false;
      begin(request, response);
    });
    // Beyond maxHeadersCount Node would cut fields off and say nothing.
    this.#server.maxHeadersCount = 0;
    // Not in the types: a client that ends its side after its request still gets the answer.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on('clientError', (error: ParserError, socket) => {
      if (!(socket instanceof Socket)) return;
      // Who has left needs no answer.
      if (error.syscall !== undefined || !socket.writable) socket.destroy();
      else this.#connections.get(socket)?.parserFailed(error.reason ?? error.message);
    });
    // Node's clock of idle connections doesn't know of a head that the guard holds.
    this.#server.on('timeout', (socket: Socket) => {
      if (this.#connections.get(socket)?.idle !== false) socket.destroy();
    });
    setInterval(() => {
      this.#look();
    }, period).unref();
  }
  /** Requests that are under way. */
  get active(): number {
    return this.#active;
  }

  /** Serves a connection that was accepted elsewhere; `first` are bytes that have been read from it, `ended` if all. */
  accept(socket: Socket, first: Buffer | null = null, ended = false): void {
    const { limits, refusals } = this.#options;
    this.#server.emit('connection', socket);
    const peer = factsOf(socket).remoteAddress;
    const connection = new Http1Connection(socket, limits, refusals, peer, performance.now());
    this.#connections.set(socket, connection);
    socket.once('end', () => {
      if (connection.responses.length > 0) this.#options.onClientEnd(socket);
    });
    socket.once('close', () => {
      // node:http closes none of the responses that wait behind the first one.
      const { count, held } = connection.closed();
      this.#active -= count;
      this.#connections.delete(socket);
      // The handler sees that nobody is there, and says so in the access log.
      for (const response of held) this.#options.handler(response.req, response);
      if (this.#connections.size === 0) this.#onEmpty?.();
    });
    // Its handshake, or the PROXY protocol, was under way when the others were told.
    if (this.#stopping) setTimeout(closeIdle, idleGrace, connection).unref();
    if (first !== null) connection.guard.push(first);
    if (ended) connection.guard.end();
  }

  /** Of the connections that are idle, the oldest. */
  oldestIdle(): Socket | undefined {
    for (const [socket, connection] of this.#connections) {
      if (connection.idle && !socket.destroyed) return socket;
    }
    return undefined;
  }

  /** Closes every connection after its next answer, which says so, or when it has been idle for a second. */
  drain(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const { responses } of this.#connections.values()) {
      // The last one: behind an answer that says so no other one is sent.
      const last = responses.at(-1);
      if (last !== undefined) last.shouldKeepAlive = false;
    }
    // Not at once: a client's next request may be under way, and would be lost.
    setTimeout(() => {
      for (const connection of this.#connections.values()) closeIdle(connection);
    }, idleGrace).unref();
  }

  /**
   * Waits for what is under way, and cuts off what is left.
   * @param milliseconds what the requests under way may still take
   */
  async stop(milliseconds: number): Promise<void> {
    this.drain();
    await new Promise<void>((resolve) => {
      if (this.#connections.size === 0) {
        resolve();
        return;
      }
      this.#onEmpty = resolve;
      setTimeout(resolve, milliseconds).unref();
    });
    this.cutOff();
  }

  /** Ends every connection at once, and logs the requests that get no answer. */
  cutOff(): void {
    if (this.#connections.size === 0) return;
    const requests = [...this.#connections.values()].flatMap(({ responses, peer }) =>
      responses.map(({ req }) => ({
        text: escapeField(`${req.method ?? ''} ${req.url ?? ''}`),
        peer,
      })),
    );
    this.#options.onCutOff(requests.map(({ text }) => text));
    for (const { text, peer } of requests) {
      this.#options.logger.warning(`Cut off by the stop: ${text} from ip=${peer || '-'}`);
    }
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #begin(...[request, response]: Parameters<RequestListener>): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.ends) return; // closed meanwhile, or soon
    this.#active++;
    const begins = connection.add(response);
    if (this.#stopping || this.#options.keepAlive === 0) response.shouldKeepAlive = false;
    // RFC 9112 §9.3: `close` counts for more than `keep-alive`, which node:http lets win.
    else if (request.httpVersion === '1.0' && saysClose(request)) response.shouldKeepAlive = false;
    if (begins) this.#run(response);
  }

  #run(response: ServerResponse): void {
    this.#options.handler(response.req, response);
    this.#options.onRequest(response.req.socket);
  }

  #done(response: ServerResponse): void {
    const connection = this.#connections.get(response.req.socket);
    if (connection === undefined) return; // told by its connection
    this.#active--;
    connection.done(response, (next) => {
      this.#run(next);
    });
    // Before the stop its head may have gone out as one that keeps the connection.
    if (this.#stopping && !connection.socket.destroyed) {
      setTimeout(closeIdle, idleGrace, connection).unref();
    }
  }

  #look(): void {
    const now = performance.now();
    const { deadlines, keepAlive } = this.#options;
    const headLimit = deadlines.head === 0 ? Infinity : deadlines.head * 1000;
    const silentLimit = Math.max(keepAlive, deadlines.head || Infinity) * 1000;
    for (const connection of this.#connections.values()) {
      const { guard, socket, since } = connection;
      if (guard.refused) continue;
      if (guard.heads === 0 && guard.idle && now - since > silentLimit) socket.destroy();
      else connection.look(now, headLimit);
    }
  }
}

/** Closes a connection on which nothing is under way, and no request is arriving. */
function closeIdle({ idle, socket }: Http1Connection): void {
  if (idle) socket.destroy();
}

/** The two fields that the guard goes by as well, since node:http does (RFC 9112 §9.3, §C.2.2). */
function saysClose({ headers }: IncomingMessage): boolean {
  const { connection = '', 'proxy-connection': proxyConnection = '' } = headers;
  return /\bclose\b/i.test(`${connection} ${String(proxyConnection)}`);
}

/** An error of the HTTP parser (`reason`) or of the socket (`syscall`). */
interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string;
}
