// The worker's HTTP/2 server: node:http2 for connections that connections.ts or tls-front.ts take for HTTP/2. Every
// request goes to the same handler as those of HTTP/1. Made by worker.ts; runs on the event loop's thread.
// It must never listen by itself, nor let one session's error reach another.

import {
  createServer,
  type Http2Server as NodeServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import { declareConnection, factsOf } from '../bridge/connection-facts.ts';
import { dropRequest, type ServerReply, type ServerRequest } from '../bridge/transaction.ts';
import type { WsgiTsError } from '../errors.ts';
import { refuseMethod, tooLarge, tooMany } from '../http/head-syntax.ts';
import type { ProtocolPolicy, RequestLimits } from '../http/policy.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import type { ConnectionServer } from './connections.ts';
import { Http2Connection } from './http2-session.ts';
import type { Refusals } from './refusals.ts';

/** What the server needs from the worker. */
export interface Http2ServerOptions {
  readonly handler: (request: ServerRequest, response: ServerReply) => void;
  readonly policy: ProtocolPolicy;
  readonly limits: RequestLimits;
  readonly refusals: Refusals;
  readonly logger: Logger;
  /** Seconds that a session without requests is kept. */
  readonly keepAlive: number;
  /** A request was handed to the handler. */
  readonly onRequest: (socket: Socket) => void;
  /** These requests are cut off, because the worker ends; each as the log may show it. */
  readonly onCutOff: (requests: readonly string[]) => void;
}

/** MiB that one session may take: nghttp2 counts what is buffered for and of it. */
const sessionMemory = 10;
/** Frames that are malformed, or for streams that are refused, until a session is ended. */
const badFrames = 100;

/** `:method`, `:scheme`, `:authority` and `:path`. */
const PSEUDO_FIELDS = 4;

/** Milliseconds that a session without a request gets at a stop: its first one may be under way. */
const silentGrace = 1000;
/** Milliseconds between two looks at the sessions. */
const period = 1000;

/** The HTTP/2 server of one worker. */
export class Http2Server implements ConnectionServer {
  readonly #options: Http2ServerOptions;
  readonly #server: NodeServer;
  readonly #sessions = new Map<Http2Session, Http2Connection>();
  /** The connection of the session that is being made. */
  #accepting: Socket | null = null;
  #active = 0;
  #stopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: Http2ServerOptions) {
    this.#options = options;
    const { policy } = options;
    this.#server = createServer({
      maxSessionMemory: sessionMemory,
      // Beyond what is answered by 431.
      maxHeaderListPairs: 2 * options.limits.fields + PSEUDO_FIELDS,
      maxSessionInvalidFrames: badFrames,
      maxSessionRejectedStreams: badFrames,
      settings: {
        maxConcurrentStreams: policy.maxConcurrentStreams,
        initialWindowSize: policy.initialWindowSize,
        maxFrameSize: policy.maxFrameSize,
        maxHeaderListSize: policy.maxHeaderListSize,
        enablePush: false,
      },
    });
    const begin = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
      this.#begin(request, response);
    };
    // RFC 9110 §10.1.1: whether the body is wanted is known when the head has been looked at.
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect']) {
      this.#server.on(event, begin);
    }
    this.#server.on('session', (session) => {
      this.#opened(session);
    });
    setInterval(() => {
      this.#look();
    }, period).unref();
  }

  get active(): number {
    return this.#active;
  }

  accept(socket: Socket): void {
    // Without its side a client can't say any more what it has taken (RFC 9113 §5.2): it is gone.
    socket.once('end', () => socket.end());
    this.#accepting = socket;
    this.#server.emit('connection', socket);
    this.#accepting = null;
  }

  /** Of the sessions without a request, the oldest. */
  oldestIdle(): Socket | undefined {
    for (const { idle, socket } of this.#sessions.values()) {
      if (idle && !socket.destroyed) return socket;
    }
    return undefined;
  }

  drain(): void {
    this.#stopping = true;
    const now = performance.now();
    for (const connection of this.#sessions.values()) {
      if (!connection.used) continue;
      connection.close();
      // One that is dead must not hold up the stop.
      connection.ask(now);
    }
  }

  async stop(milliseconds: number): Promise<void> {
    this.drain();
    await new Promise<void>((resolve) => {
      if (this.#sessions.size === 0) {
        resolve();
        return;
      }
      this.#onEmpty = resolve;
      setTimeout(() => {
        for (const connection of this.#sessions.values()) connection.close();
      }, silentGrace).unref();
      setTimeout(resolve, milliseconds).unref();
    });
    this.cutOff();
  }

  cutOff(): void {
    if (this.#sessions.size === 0) return;
    const requests = [...this.#sessions.values()].flatMap(({ responses, peer }) =>
      [...responses].map(({ req }) => ({
        text: escapeField(`${req.method} ${targetOf(req)}`),
        peer,
      })),
    );
    this.#options.onCutOff(requests.map(({ text }) => text));
    for (const { text, peer } of requests) {
      this.#options.logger.warning(`Cut off by the stop: ${text} from ip=${peer || '-'}`);
    }
    for (const connection of this.#sessions.values()) connection.destroy();
  }

  #opened(session: ServerHttp2Session): void {
    const socket = this.#accepting;
    if (socket === null) return;
    const facts = factsOf(socket);
    declareConnection(session, facts);
    const connection = new Http2Connection(session, socket, facts.remoteAddress, performance.now());
    this.#sessions.set(session, connection);
    session.on('error', (error: NodeJS.ErrnoException) => {
      // Who has left has done nothing wrong.
      if (error.syscall === undefined) {
        this.#options.refusals.log(facts.remoteAddress, `HTTP/2: ${error.message}`);
      }
    });
    // Not the session's: that comes late, or never.
    socket.once('close', () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    });
  }

  #look(): void {
    const now = performance.now();
    for (const connection of this.#sessions.values()) {
      connection.look(now, this.#options.keepAlive * 1000);
    }
  }

  #begin(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { session } = response.stream;
    const connection = session === undefined ? undefined : this.#sessions.get(session);
    if (connection === undefined) {
      // Its client has left meanwhile; the access log is to have it all the same.
      this.#options.handler(request, response);
      return;
    }
    this.#active++;
    connection.begin(response);
    response.once('close', () => {
      this.#active--;
      connection.end(response, performance.now());
    });
    const refusal = this.#refusal(request);
    if (refusal === null) {
      this.#options.handler(request, response);
      this.#options.onRequest(connection.socket);
    } else {
      const line = `${request.method} ${targetOf(request)} HTTP/2.0`;
      const { status, fields, body } = this.#options.refusals.page(connection.peer, refusal, line);
      dropRequest(response);
      response.writeHead(status, Object.fromEntries(pairsOf(fields)));
      response.end(body);
    }
  }

  /** What is against this head; its limits node:http2 knows only all together. */
  #refusal(request: Http2ServerRequest): WsgiTsError | null {
    const { line, fields, fieldSize } = this.#options.limits;
    const { rawHeaders, method } = request;
    const refused = refuseMethod(method);
    if (refused !== null) return refused;
    // What HTTP/1 would call the request's line (RFC 9112 §3).
    if (line > 0 && method.length + request.url.length + ' '.length > line) return tooLarge(414);
    if (rawHeaders.length / 2 - PSEUDO_FIELDS > fields) return tooMany(fields);
    if (fieldSize === 0) return null;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const size = (rawHeaders[i] ?? '').length + (rawHeaders[i + 1] ?? '').length;
      if (size > fieldSize && rawHeaders[i] !== ':path') return tooLarge(431);
    }
    return null;
  }
}

/** CONNECT has no path (RFC 9113 §8.5), which the types don't know. */
function targetOf(request: Http2ServerRequest): string {
  return request.method === 'CONNECT' ? request.authority : request.url;
}

function* pairsOf(fields: readonly string[]): Iterable<[name: string, value: string]> {
  for (let i = 0; i + 1 < fields.length; i += 2) yield [fields[i] ?? '', fields[i + 1] ?? ''];
}
