// The worker's node:http server: every connection that the acceptor takes ends up here, every request goes to
// the handler. Made by worker.ts; runs on the event loop's thread. It answers by itself only what never
// becomes a request: bytes that aren't HTTP, a head that is too big or too slow, a CONNECT.
// It must never listen by itself (the acceptor does), nor let an error on one connection reach another.

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Socket } from 'node:net';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import { refusal, refusalParts, refusalStatus } from './refusal.ts';

/** What the server needs from the worker. */
export interface HttpServerOptions {
  readonly handler: RequestListener;
  readonly logger: Logger;
  /** Seconds an idle connection is kept; 0: each answer closes its connection. */
  readonly keepAlive: number;
  /** What is cut off from now on is so because the worker ends. */
  readonly onCutOff?: () => void;
  /** A request was handed to the handler. */
  readonly onRequest: (socket: Socket) => void;
  /** Milliseconds for a request's head to arrive; 60 s by default. */
  readonly headersTimeout?: number;
}

/** gunicorn's --limit-request-fields. */
const maxFields = 100;
/** Bytes of a head. gunicorn takes 8190 for each field: Node's 16 KiB would refuse what it accepts. */
const maxHeadSize = 64 * 1024;
/** Milliseconds that a connection without a request gets at a stop: its first bytes may be under way. */
const silentGrace = 1000;
/** Milliseconds that a refused client gets to read why, before what it still sends is answered by a reset. */
const refusalGrace = 2000;

/** The HTTP server of one worker. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  /** Each connection's responses that are under way. */
  readonly #connections = new Map<Socket, ServerResponse[]>();
  #active = 0;
  readonly #refused = new WeakSet<Socket>();
  #stopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const done = (response: ServerResponse): void => {
      this.#done(response);
    };
    // One listener for all: a closure for each request would cost more than all it does.
    const onClose = function (this: ServerResponse): void {
      done(this);
    };
    this.#server = createServer(
      {
        keepAliveTimeout: options.keepAlive * 1000,
        headersTimeout: options.headersTimeout ?? 60_000,
        requestTimeout: 0, // A body may take any time: it waits here, and holds no thread.
        connectionsCheckingInterval: 1000,
        maxHeaderSize: maxHeadSize,
      },
      (request, response) => {
        response.on('close', onClose);
        this.#begin(request, response);
      },
    );
    // Beyond maxHeadersCount Node would cut fields off and say nothing.
    this.#server.maxHeadersCount = 0;
    // Not in the types: a client that ends its side after its request still gets the answer.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on('clientError', (error: ParserError, socket) => {
      if (socket instanceof Socket) void this.#onClientError(error, socket);
    });
    this.#server.on('connect', (_request, socket) => {
      // Node has taken its own listener away by now.
      socket.on('error', () => socket.destroy());
      if (socket instanceof Socket) this.#refuse(socket, 501, 'CONNECT is for proxies');
    });
    // Says that it listens, or Node wouldn't look for connections that are idle or slow.
    this.#server.emit('listening');
  }

  /** Requests that are under way. */
  get active(): number {
    return this.#active;
  }

  /** Serves a connection that was accepted elsewhere. */
  accept(socket: Socket): void {
    this.#connections.set(socket, []);
    socket.once('close', () => {
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#onEmpty?.();
    });
    this.#server.emit('connection', socket);
  }

  /**
   * Closes idle connections now, every other one after its answer (which says so), and at last what is left.
   * @param milliseconds what the requests under way may still take
   */
  async stop(milliseconds: number): Promise<void> {
    this.#stopping = true;
    for (const response of this.#responses()) response.shouldKeepAlive = false;
    this.#server.closeIdleConnections();
    await new Promise<void>((resolve) => {
      if (this.#connections.size === 0) {
        resolve();
        return;
      }
      this.#onEmpty = resolve;
      setTimeout(() => {
        this.#closeSilent();
      }, silentGrace).unref();
      setTimeout(resolve, milliseconds).unref();
    });
    this.cutOff();
  }

  /** Ends every connection at once, and logs the requests that get no answer. */
  cutOff(): void {
    this.#options.onCutOff?.();
    for (const [socket, responses] of this.#connections) {
      for (const { req } of responses) {
        const request = escapeField(`${req.method ?? ''} ${req.url ?? ''}`);
        this.#options.logger.warning(`Cut off by the stop: ${request} from ip=${peer(socket)}`);
      }
      socket.destroy();
    }
    this.#server.close();
  }

  #responses(): ServerResponse[] {
    return [...this.#connections.values()].flat();
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    this.#active++;
    this.#connections.get(request.socket)?.push(response);
    if (this.#stopping || this.#options.keepAlive === 0) response.shouldKeepAlive = false;
    if (request.rawHeaders.length > 2 * maxFields) {
      this.#log(request.socket, `more than ${maxFields} header fields`);
      const [head, body] = refusalParts(431);
      response.writeHead(431, head).end(body);
      return;
    }
    this.#options.handler(request, response);
    this.#options.onRequest(request.socket);
  }

  #done(response: ServerResponse): void {
    this.#active--;
    const responses = this.#connections.get(response.req.socket);
    responses?.splice(responses.indexOf(response), 1);
    // Before the stop its head may have gone out as one that keeps the connection.
    if (this.#stopping)
      setImmediate(() => {
        this.#server.closeIdleConnections();
      });
  }

  async #onClientError(error: ParserError, socket: Socket): Promise<void> {
    // Who has left needs no answer, and who never said a word (a browser's spare connection) no line either.
    if (error.syscall !== undefined || !socket.writable || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    await this.#refuseInOrder(socket, refusalStatus(error.code), error.reason ?? error.message);
  }

  /** RFC 9112 9.3.2: answers to pipelined requests come in order, so those before the bad one come first. */
  async #refuseInOrder(socket: Socket, status: number, why: string): Promise<void> {
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const responses = [...(this.#connections.get(socket) ?? [])];
    await Promise.all(
      responses.filter(({ req }) => req.complete).map((response) => closeOf(response)),
    );
    // The bad bytes are in the body of a request that is being answered: too late for another answer.
    if (responses.some(({ headersSent, writableFinished }) => headersSent && !writableFinished)) {
      this.#log(socket, why);
      socket.destroy();
      return;
    }
    this.#refuse(socket, status, why);
  }

  #refuse(socket: Socket, status: number, why: string): void {
    this.#log(socket, why);
    socket.end(refusal(status, new Date()));
    // A close with bytes unread is a reset, and a reset takes the answer away from who is still sending.
    const timer = setTimeout(() => {
      socket.destroy();
    }, refusalGrace);
    socket.once('close', () => {
      clearTimeout(timer);
    });
  }

  #log(socket: Socket, why: string): void {
    this.#options.logger.warning(`Invalid request from ip=${peer(socket)}: ${escapeField(why)}`);
  }

  #closeSilent(): void {
    for (const [socket, responses] of this.#connections) {
      if (responses.length === 0) socket.destroy();
    }
  }
}

/** An error of the HTTP parser (`reason`) or of the socket (`syscall`). */
interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string;
}

function peer(socket: Socket): string {
  return socket.remoteAddress ?? '-';
}

function closeOf(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('close', resolve);
  });
}
