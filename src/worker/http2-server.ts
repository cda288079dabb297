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
import type { ServerReply, ServerRequest } from '../bridge/transaction.ts';
import type { WsgiTsError } from '../errors.ts';
import { refuseMethod, tooLarge, tooMany } from '../http/head-syntax.ts';
import type { ProtocolPolicy, RequestLimits } from '../http/policy.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import type { ConnectionServer } from './connections.ts';
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
  readonly onCutOff: () => void;
}

/** MiB that one session may take: nghttp2 counts what is buffered for and of it. */
const sessionMemory = 10;
/** Frames that are malformed, or for streams that are refused, until a session is ended. */
const badFrames = 100;

/** `:method`, `:scheme`, `:authority` and `:path`. */
const PSEUDO_FIELDS = 4;

/** A session: the client's address, and the responses under way. */
interface Session {
  readonly peer: string;
  readonly responses: Set<Http2ServerResponse>;
}

/** The HTTP/2 server of one worker. */
export class Http2Server implements ConnectionServer {
  readonly #options: Http2ServerOptions;
  readonly #server: NodeServer;
  /** The sessions, and the responses under way on each. */
  readonly #sessions = new Map<Http2Session, Session>();
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
    // What node:http2 would answer by itself has to be in the logs too.
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect'])
      this.#server.on(event, begin);
    this.#server.on('session', (session) => {
      this.#opened(session);
    });
    this.#server.on('sessionError', (error: Error, session: ServerHttp2Session) => {
      this.#options.refusals.log(this.#peerOf(session), `HTTP/2: ${error.message}`);
      session.destroy();
    });
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

  drain(): void {
    this.#stopping = true;
    for (const session of this.#sessions.keys()) session.close();
  }

  async stop(milliseconds: number): Promise<void> {
    this.drain();
    await new Promise<void>((resolve) => {
      if (this.#sessions.size === 0) {
        resolve();
        return;
      }
      this.#onEmpty = resolve;
      setTimeout(resolve, milliseconds).unref();
    });
    this.cutOff();
  }

  cutOff(): void {
    if (this.#sessions.size > 0) this.#options.onCutOff();
    for (const [session, { peer, responses }] of this.#sessions) {
      for (const { req } of responses) {
        const request = escapeField(`${req.method} ${req.url}`);
        this.#options.logger.warning(`Cut off by the stop: ${request} from ip=${peer || '-'}`);
      }
      session.destroy();
    }
  }

  #opened(session: ServerHttp2Session): void {
    const facts = this.#accepting === null ? null : factsOf(this.#accepting);
    if (facts !== null) declareConnection(session, facts);
    this.#sessions.set(session, { peer: facts?.remoteAddress ?? '', responses: new Set() });
    session.setTimeout(this.#options.keepAlive * 1000, () => {
      if (this.#sessions.get(session)?.responses.size === 0) session.close();
    });
    session.once('close', () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    });
    if (this.#stopping) session.close();
  }

  #begin(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const session = response.stream.session;
    const responses = session === undefined ? undefined : this.#sessions.get(session)?.responses;
    this.#active++;
    responses?.add(response);
    response.once('close', () => {
      this.#active--;
      responses?.delete(response);
    });
    const refusal = this.#excess(request);
    if (refusal === null) {
      this.#options.handler(request, response);
      return;
    }
    const line = `${request.method} ${request.url} HTTP/2.0`;
    const peer = session === undefined ? '' : this.#peerOf(session);
    const { status, fields, body } = this.#options.refusals.page(peer, refusal, line);
    response.writeHead(status, Object.fromEntries(pairsOf(fields)));
    response.end(body);
  }

  /** What the guard does for HTTP/1: methods, and the limits of a head, which node:http2 knows only all together. */
  #excess(request: Http2ServerRequest): WsgiTsError | null {
    const { line, fields, fieldSize } = this.#options.limits;
    const { rawHeaders } = request;
    const method = refuseMethod(request.method);
    if (method !== null) return method;
    if (line > 0 && request.url.length > line) return tooLarge(414);
    if (rawHeaders.length / 2 - PSEUDO_FIELDS > fields) return tooMany(fields);
    if (fieldSize === 0) return null;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const size = (rawHeaders[i] ?? '').length + (rawHeaders[i + 1] ?? '').length;
      if (size > fieldSize && rawHeaders[i] !== ':path') return tooLarge(431);
    }
    return null;
  }

  #peerOf(session: Http2Session): string {
    return this.#sessions.get(session)?.peer ?? '';
  }
}

function* pairsOf(fields: readonly string[]): Iterable<[name: string, value: string]> {
  for (let i = 0; i + 1 < fields.length; i += 2) yield [fields[i] ?? '', fields[i + 1] ?? ''];
}
