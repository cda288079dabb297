// One request/response pair, from the request's head to the last byte of the answer: what is done at each event
// that exchange-states.ts allows. Made by handler.ts for each request, driven by the request, by frames
// (dispatcher.ts) and by the client's going; runs on the event loop. How an answer is sent is reply.ts's.
// Must never touch a channel but through its dispatcher.
import type { EventEmitter } from 'node:events';
import { close } from 'node:fs';
import { WsgiTsError } from '../errors.ts';
import type { Logger } from '../log/logger.ts';
import type { DispatchedExchange } from './dispatched-exchange.ts';
import type { Dispatcher } from './dispatcher.ts';
import { TRANSITIONS, type ExchangeEvent, type ExchangeState } from './exchange-states.ts';
import { decodeStatus, encodeRequest, encodeRequestFile, Outcome } from './frame.ts';
import { APP_FAILED, discardFile, discardStream, Reply, type ReplyContext } from './reply.ts';
import { receiveBody } from './request-body.ts';
import type { RequestHeads } from './request-head.ts';
import type { ReceivedBody } from './request-spool.ts';
import { BODY_REFUSED, dropRequest, type ServerReply, type ServerRequest } from './transaction.ts';

/** What an exchange needs from its surroundings; one for each handler. */
export interface ExchangeContext extends ReplyContext {
  readonly dispatcher: Dispatcher;
  readonly heads: RequestHeads;
  /** Bytes that a request's body may have; 0: any number. */
  readonly bodyLimit: number;
  /** Requests that may wait for a thread. */
  readonly waiting: number;
}

const NO_BODY: ReceivedBody = { kind: 'inline', pieces: [], length: 0 };

const NOT_FOUND = 404;

const NOT_TAKEN = 'The server could not take this request.';

/** Milliseconds for which a client that ended its side may be one that only has nothing more to say. */
const LEAVING_FOR = 50;

/** One request and its response. */
export class Exchange implements DispatchedExchange {
  id = 0;
  dispatchedAt = 0;
  readonly request: ServerRequest;
  readonly #context: ExchangeContext;
  readonly #reply: Reply;
  readonly #pass: (() => void) | null;
  #state: ExchangeState = 'receiving';

  /** @param pass - gets the request where the app has nothing for it (404), its answer not sent; null: it is sent */
  constructor(
    context: ExchangeContext,
    request: ServerRequest,
    response: ServerReply,
    pass: (() => void) | null = null,
  ) {
    this.#context = context;
    this.#pass = pass;
    this.request = request;
    this.#reply = new Reply(context, request, response, () => {
      // Python still has it: an app that waits for its turn isn't called any more, one that runs can ask.
      if (this.#state === 'dispatched' && this.#step('clientGone'))
        context.dispatcher.abort(this.id);
    });
  }

  get logger(): Logger {
    return this.#reply.logger;
  }

  get unanswered(): boolean {
    return this.#state === 'dispatched';
  }

  get inPython(): boolean {
    return this.#state === 'dispatched' || this.#state === 'streaming';
  }

  /** Reads the request and hands it to Python, or refuses it. */
  begin(): void {
    if (this.#reply.gone) {
      this.#step('clientGone');
      return;
    }
    let head;
    try {
      head = this.#context.heads.encode(this.request);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    this.#reply.remoteAddress = head.remoteAddress;
    if (head.bodyLength === 0) this.#dispatch(head.text, NO_BODY);
    else void this.#receive(head.text, head.bodyLength);
  }

  /** An `earlyHints` frame, while the answer is not ready. */
  hint(buffer: Buffer, start: number, end: number): void {
    if (this.#state === 'dispatched') this.#reply.sendHints(buffer, start, end);
  }

  /** A `response` frame: head and body from `start` to `end` of `buffer`. */
  respond(buffer: Buffer, start: number, end: number): void {
    if (this.#isForHost(buffer, start)) this.#passOn('response');
    else if (this.#beginReply('response')) this.#reply.sendWhole(buffer, start, end);
  }

  /** A `responseStream` frame. */
  respondWithStream(buffer: Buffer, start: number): void {
    const passed = this.#isForHost(buffer, start);
    if (passed) this.#passOn('responseStream');
    if (passed || !this.#beginReply('responseStream')) {
      discardStream(buffer, start);
      // A child that the app forked may hold the other end: closing ours would not be noticed.
      this.#context.dispatcher.abort(this.id);
      return;
    }
    this.#reply.sendStream(buffer, start, (complete) => {
      const { inPython } = this;
      if (this.#step('sent') && inPython && !complete) this.#context.dispatcher.abort(this.id);
    });
  }

  /** A `responseFile` frame. */
  respondWithFile(buffer: Buffer, start: number): void {
    const { dispatcher } = this.#context;
    const passed = this.#isForHost(buffer, start);
    if (passed) this.#passOn('responseFile');
    if (passed || !this.#beginReply('responseFile')) {
      discardFile(buffer, start);
      dispatcher.release(this.id);
      return;
    }
    this.#reply.sendFile(buffer, start, () => {
      this.#step('sent');
      dispatcher.release(this.id);
    });
  }

  /** An `end` frame: Python is done with it. */
  end(outcome: number): void {
    const before = this.#state;
    if (!this.#step('end')) return;
    if (outcome === Outcome.failed) this.#reply.conclude('app_error');
    if (before === 'streaming') this.#reply.endStream(outcome === Outcome.complete);
    else if (outcome === Outcome.gone) this.#reply.cut();
    else this.#reply.sendPage(500, APP_FAILED);
  }

  /** It took longer than the limit; `stack` is where its thread was. */
  timeOut(limit: number, stack: string): void {
    const before = this.#state;
    if (!this.#step('timedOut')) return;
    this.#reply.conclude('timeout');
    this.logger.error(
      `${this.#reply.describe()}: timed out after ${limit} s${stack === '' ? '' : `; it was here:\n${stack}`}`,
    );
    if (before === 'streaming') this.#reply.cut();
    else this.#reply.sendPage(504, `The app did not answer within ${limit} seconds.`);
  }

  /** Python is gone: there will be no answer. */
  abandon(): void {
    if (!this.#step('end')) return;
    this.#reply.conclude('killed');
    this.#reply.sendPage(503, 'The server is stopping.');
  }

  /**
   * The client has ended its side. It may have left or only be done with sending, so it is still answered; but
   * a request that waits for a thread some moments later is dropped, and an app that asks is told.
   */
  clientEnded(): void {
    setTimeout(() => {
      if (this.inPython) this.#context.dispatcher.abort(this.id, 'leaving');
    }, LEAVING_FOR).unref();
  }

  /**
   * Takes an event that begins the response, unless nobody waits for it or somebody else has begun one (a
   * middleware of the host's).
   */
  #beginReply(event: ExchangeEvent): boolean {
    return this.#step(event) && !this.#reply.begun && !this.#reply.gone;
  }

  /** Whether what the app answers is that there is nothing, which its host wants to hear first. */
  #isForHost(buffer: Buffer, start: number): boolean {
    const asked = this.#pass !== null && this.#state === 'dispatched';
    const open = asked && !this.#reply.begun && !this.#reply.gone;
    return open && decodeStatus(buffer, start) === NOT_FOUND;
  }

  /** Gives the request back to its host. From here on the response is not ours: not even to be cut off. */
  #passOn(event: ExchangeEvent): void {
    if (this.#pass === null || !this.#step(event)) return;
    this.#step('sent');
    this.#reply.disown();
    // Not from in here: what the host throws must not stop the frames of others.
    process.nextTick(this.#pass);
  }

  /** Takes `event` if the state allows it. */
  #step(event: ExchangeEvent): boolean {
    const next = TRANSITIONS[this.#state][event];
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }

  async #receive(head: string, announced: number): Promise<void> {
    const { request } = this;
    const { bodyLimit, temporaryFolder, pace, deadlines } = this.#context;
    let body: ReceivedBody;
    let received = 0;
    const unwatch = pace.watch(
      deadlines.body,
      () => received,
      () => (request as EventEmitter).emit(BODY_REFUSED, bodyTooSlow()),
    );
    (request as EventEmitter).once(BODY_REFUSED, (error) => {
      this.#refuse(error);
    });
    try {
      body = await receiveBody(request, this.#reply.response, {
        announced,
        limit: bodyLimit,
        folder: temporaryFolder,
        onProgress: (bytes) => {
          received = bytes;
        },
      });
    } catch (error) {
      // A request that has come whole is destroyed as well: what is wrong then is ours.
      const left = request.destroyed && !(error instanceof WsgiTsError);
      if (left || this.#reply.gone) this.#step('clientGone');
      else this.#refuse(error);
      return;
    } finally {
      unwatch();
    }
    if (request.socket.readableEnded) this.clientEnded();
    this.#dispatch(announced < 0 ? `${head}\ncontent-length\n${body.length}` : head, body);
  }

  #dispatch(head: string, body: ReceivedBody): void {
    const { dispatcher, waiting } = this.#context;
    const full = dispatcher.outstanding >= dispatcher.threads + waiting;
    if (full || !this.#step('dispatch') || dispatcher.closed) {
      if (body.kind === 'file') close(body.fd);
      if (full) this.#refuse(tooManyWaiting());
      else this.abandon();
      return;
    }
    this.#reply.enterJournal();
    this.id = dispatcher.register(this);
    dispatcher.send(
      body.kind === 'inline'
        ? encodeRequest(this.id, head, body.pieces)
        : encodeRequestFile(this.id, head, body.fd),
    );
  }

  #refuse(error: unknown): void {
    const known = error instanceof WsgiTsError ? error : null;
    if (this.#pass !== null && known?.code === 'ERR_WSGI_NOT_MOUNTED') {
      this.#passOn('refused');
      return;
    }
    if (!this.#step('refused')) return;
    const { logger } = this;
    const status = known?.status ?? 500;
    this.#reply.conclude(status === 408 ? 'timeout' : 'rejected');
    const line = `${this.#reply.describe()}: ${known?.message ?? String(error)}`;
    if (known?.blame === 'client') logger.warning(line);
    else logger.error(line);
    dropRequest(this.#reply.response);
    // What the operator has to do is nothing for clients to know.
    const told = known === null || known.blame === 'operator' ? NOT_TAKEN : known.message;
    this.#reply.sendPage(status, told);
  }
}

function bodyTooSlow(): WsgiTsError {
  const message = 'the body arrives too slowly';
  return new WsgiTsError('ERR_WSGI_BODY_TIMEOUT', 'client', message, { status: 408 });
}

function tooManyWaiting(): WsgiTsError {
  const message = 'too many requests wait for this app';
  return new WsgiTsError('ERR_WSGI_OVERLOADED', 'server', message, { status: 503 });
}
