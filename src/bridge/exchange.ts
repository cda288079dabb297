// One request/response pair, from the request's head to the last byte of the answer: a state table.
// Made by handler.ts for each request, driven by the request, by frames (dispatcher.ts) and by the client's
// going; runs on the event loop. Events that have no place in a state are ignored: a frame may cross a client
// that leaves. Must never touch a channel but through its dispatcher.
import { close } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { WsgiTsError } from '../errors.ts';
import type { AccessLog } from '../log/access-log.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import type { DispatchedExchange, Dispatcher } from './dispatcher.ts';
import {
  decodeFileRange,
  decodeResponseHead,
  encodeRequest,
  encodeRequestFile,
  Outcome,
} from './frame.ts';
import { receiveBody, type ReceivedBody } from './request-body.ts';
import { encodeRequestHead } from './request-head.ts';
import { errorPage, StreamWriter, writeFile, writeWhole } from './response-writer.ts';

/** Where an exchange stands. */
export type ExchangeState = 'receiving' | 'dispatched' | 'streaming' | 'sendingFile' | 'over';

/** What can happen to it. */
export type ExchangeEvent =
  | 'dispatch'
  | 'response'
  | 'responseStream'
  | 'responseFile'
  | 'end'
  | 'sent'
  | 'timedOut'
  | 'clientGone'
  | 'refused';

/** State × event → next state; what is missing is ignored. docs/architecture.md draws it. */
export const TRANSITIONS: Readonly<
  Record<ExchangeState, Readonly<Partial<Record<ExchangeEvent, ExchangeState>>>>
> = {
  receiving: { dispatch: 'dispatched', refused: 'over', clientGone: 'over' },
  dispatched: {
    response: 'over',
    responseStream: 'streaming',
    responseFile: 'sendingFile',
    end: 'over',
    timedOut: 'over',
  },
  streaming: { end: 'streaming', sent: 'over', timedOut: 'over' },
  sendingFile: { sent: 'over' },
  over: {},
};

/** What an exchange needs from its surroundings; one for each handler. */
export interface ExchangeContext {
  readonly dispatcher: Dispatcher;
  readonly logger: Logger;
  readonly accessLog: AccessLog | null;
  /** Value of the `Server` field where the app sets none; null: no field. */
  readonly serverHeader: string | null;
  /** Whether connections are to be closed behind their next answer. */
  readonly stopping: () => boolean;
}

const NO_BODY: ReceivedBody = { kind: 'inline', pieces: [], length: 0 };

/** How many bytes of a request's target the log shows. */
const TARGET_SHOWN = 512;

/** One request and its response. */
export class Exchange implements DispatchedExchange {
  id = 0;
  dispatchedAt = 0;
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #state: ExchangeState = 'receiving';
  #stream: StreamWriter | null = null;
  #fields: readonly string[] = [];
  #bytes = 0;

  constructor(context: ExchangeContext, request: IncomingMessage, response: ServerResponse) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    if (context.accessLog !== null) this.#logAccess(context.accessLog);
  }

  get unanswered(): boolean {
    return this.#state === 'dispatched';
  }

  get inPython(): boolean {
    return this.#state === 'dispatched' || this.#state === 'streaming';
  }

  /** `GET /path from 127.0.0.1`, for the log. */
  describe(): string {
    const { method = '', url = '', socket } = this.#request;
    const target = url.length > TARGET_SHOWN ? `${url.slice(0, TARGET_SHOWN)}…` : url;
    return `${method} ${escapeField(target)} from ${socket.remoteAddress ?? 'unix socket'}`;
  }

  /** Reads the request and hands it to Python, or refuses it. */
  start(): void {
    let head;
    try {
      head = encodeRequestHead(this.#request);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (head.upgrade === 'websocket') {
      this.#refuse(
        new WsgiTsError(
          'ERR_WSGI_WEBSOCKET',
          'client',
          'This server runs a WSGI app (PEP 3333), and WSGI has no WebSockets. Serve them with an ASGI ' +
            'server, or let the Node app that embeds this one handle the upgrade.',
          { status: 501 },
        ),
      );
    } else if (head.bodyLength === 0) {
      this.#dispatch(head.text, NO_BODY);
    } else {
      void this.#receive(head.text, head.bodyLength);
    }
  }

  /** A `response` frame: head and body from `start` to `end` of `buffer`. */
  respond(buffer: Buffer, start: number, end: number): void {
    if (!this.#begin('response')) return;
    const head = decodeResponseHead(buffer, start);
    this.#bytes = end - head.end;
    this.#prepare(head.fields);
    writeWhole(this.#response, head.fields, buffer, head.end, end);
  }

  /** A `responseStream` frame. */
  respondWithStream(buffer: Buffer, start: number): void {
    const head = decodeResponseHead(buffer, start);
    const fd = buffer.readUInt32LE(head.end);
    if (!this.#begin('responseStream')) {
      new Socket({ fd }).destroy();
      return;
    }
    this.#prepare(head.fields);
    this.#stream = new StreamWriter(this.#response, head.fields, fd, (complete) => {
      if (this.#step('sent') && !complete) this.#context.dispatcher.abort(this.id);
    });
  }

  /** A `responseFile` frame. */
  respondWithFile(buffer: Buffer, start: number): void {
    const head = decodeResponseHead(buffer, start);
    const range = decodeFileRange(buffer, head.end);
    const { dispatcher, logger } = this.#context;
    if (!this.#begin('responseFile')) {
      close(range.fd);
      dispatcher.release(this.id);
      return;
    }
    this.#prepare(head.fields);
    this.#bytes = range.length;
    writeFile(this.#response, head.fields, range, (error) => {
      this.#step('sent');
      dispatcher.release(this.id);
      if (error === null) return;
      if (!this.#response.destroyed) logger.error(`${this.describe()}: ${error.message}`);
      this.#response.destroy();
    });
  }

  /** An `end` frame: Python is done with it. */
  end(outcome: number): void {
    const before = this.#state;
    if (!this.#step('end')) return;
    if (before === 'streaming') {
      this.#stream?.end(outcome === Outcome.complete);
    } else {
      this.#answer(500, 'The app failed to answer this request. Its error log says why.');
    }
  }

  /** It took longer than the limit; `stack` is where its thread was. */
  timeOut(limit: number, stack: string): void {
    const before = this.#state;
    if (!this.#step('timedOut')) return;
    this.#context.logger.error(
      `${this.describe()}: timed out after ${limit} s${stack === '' ? '' : `; it was here:\n${stack}`}`,
    );
    if (before === 'streaming') this.#stream?.abort();
    else this.#answer(504, `The app did not answer within ${limit} seconds.`);
  }

  /** Python is gone: there will be no answer. */
  abandon(): void {
    if (this.#step('end')) {
      if (this.#stream === null) this.#answer(503, 'The server is stopping.');
      else this.#stream.abort();
    }
  }

  /** Takes an event that begins the response, unless somebody else has begun one (a middleware of the host's). */
  #begin(event: ExchangeEvent): boolean {
    return this.#step(event) && !this.#response.headersSent;
  }

  /** Takes `event` if the state allows it. */
  #step(event: ExchangeEvent): boolean {
    const next = TRANSITIONS[this.#state][event];
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }

  async #receive(head: string, bodyLength: number): Promise<void> {
    let body: ReceivedBody;
    try {
      body = await receiveBody(this.#request, bodyLength);
    } catch (error) {
      if (this.#request.destroyed) this.#step('clientGone');
      else this.#refuse(error);
      return;
    }
    this.#dispatch(bodyLength < 0 ? `${head}\ncontent-length\n${body.length}` : head, body);
  }

  #dispatch(head: string, body: ReceivedBody): void {
    this.#step('dispatch');
    const { dispatcher } = this.#context;
    if (dispatcher.closed) {
      if (body.kind === 'file') close(body.fd);
      this.abandon();
      return;
    }
    this.id = dispatcher.register(this);
    dispatcher.send(
      body.kind === 'inline'
        ? encodeRequest(this.id, head, body.pieces)
        : encodeRequestFile(this.id, head, body.fd),
    );
  }

  #refuse(error: unknown): void {
    if (!this.#step('refused')) return;
    if (error instanceof WsgiTsError && error.blame === 'client') {
      this.#context.logger.warning(`${this.describe()}: ${error.message}`);
      this.#response.shouldKeepAlive = false;
      this.#answer(error.status ?? 400, error.message);
    } else {
      this.#context.logger.error(`${this.describe()}: ${String(error)}`);
      this.#response.shouldKeepAlive = false;
      this.#answer(500, 'The server could not take this request.');
    }
  }

  #answer(status: number, text: string): void {
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    const { fields, body } = errorPage(status, text, this.#context.serverHeader);
    this.#bytes = body.length;
    this.#prepare(fields);
    writeWhole(this.#response, fields, body, 0, body.length);
  }

  #prepare(fields: readonly string[]): void {
    this.#fields = fields;
    if (this.#context.stopping()) this.#response.shouldKeepAlive = false;
  }

  /** Writes the access line once the response is over, however it ended. */
  #logAccess(accessLog: AccessLog): void {
    const startedAt = Date.now();
    const start = performance.now();
    const request = this.#request;
    const remoteAddress = request.socket.remoteAddress ?? '';
    this.#response.once('close', () => {
      accessLog.write({
        remoteAddress,
        method: request.method ?? '',
        target: request.url ?? '',
        protocol: `HTTP/${request.httpVersion}`,
        // 499, as nginx has it: the client left before there was an answer.
        status: this.#response.headersSent ? this.#response.statusCode : 499,
        bytes: this.#stream?.bytes ?? this.#bytes,
        startedAt,
        duration: performance.now() - start,
        requestHeaders: request.rawHeaders,
        responseHeaders: this.#fields,
      });
    });
  }
}
