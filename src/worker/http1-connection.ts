// One HTTP/1 connection: its socket, the guard in front of node:http's parser, the responses under way, and how it
// ends when its client is refused. Made by http-server.ts for each connection; runs on the event loop.
// It must never write to the socket while a response is under way.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BODY_LENT, BODY_REFUSED } from '../bridge/transaction.ts';
import { WsgiTsError } from '../errors.ts';
import type { RequestLimits } from '../http/policy.ts';
import { RequestGuard, type GuardSink } from '../http/request-guard.ts';
import { lendMemory, parseUnseen } from './lent-memory.ts';
import { Pipeline } from './pipeline.ts';
import type { Refusals } from './refusals.ts';

/** Milliseconds that a client gets to read the last answer, before what it still sends is answered by a reset. */
const lingering = 2000;
/** Requests that may wait for those before them, before the client is read no further. */
const heldLimit = 16;

/** A connection that speaks HTTP/1. */
export class Http1Connection implements GuardSink {
  readonly socket: Socket;
  readonly guard: RequestGuard;
  readonly #pipeline = new Pipeline();
  readonly since: number;
  /** The client's address, '' on a unix socket. */
  readonly peer: string;
  readonly #refusals: Refusals;
  readonly #parse: (bytes: Buffer) => void;
  #ends = false;
  /** What is wrong with the body of a request that has not begun. */
  #heldError: WsgiTsError | null = null;
  /** Answers the bad request behind those that are under way; null: there is none. */
  #refuse: (() => void) | null = null;
  /** What the parser is reading. */
  #passed: Buffer | null = null;
  #headSince = 0;
  #headsSeen = 0;

  /**
   * Puts the guard between `socket` and node:http, which has the socket already.
   *
   * @param now - milliseconds, by the clock of `look`
   */
  constructor(
    socket: Socket,
    limits: RequestLimits,
    refusals: Refusals,
    peer: string,
    now: number,
  ) {
    this.socket = socket;
    this.since = now;
    this.#refusals = refusals;
    this.peer = peer;
    this.guard = new RequestGuard(limits, this);
    // node:http has its parser read from the handle until somebody else listens.
    const [parse] = socket.listeners('data') as ((bytes: Buffer) => void)[];
    if (parse === undefined) throw new Error('node:http does not listen for data');
    this.#parse = parse;
    socket.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
    socket.removeListener('data', parse);
    lendMemory(socket, (bytes) => {
      this.#takeLent(bytes);
    });
    // Before node:http ends its side, which a client that ended its own before it is done wants answered.
    socket.prependListener('end', () => {
      this.guard.end();
    });
    socket.destroySoon = () => {
      // node:http ends a connection whose client has, behind the last answer: but one is still to come.
      if (this.#refuse !== null && this.responses.length <= 1) this.#refuse();
      else this.#linger();
    };
  }

  /** Of the requests that are not over, in their order. */
  get responses(): readonly ServerResponse[] {
    return this.#pipeline.responses;
  }

  /** RFC 9112 §9.6: nothing is done of what comes behind a request whose answer closes the connection. */
  get ends(): boolean {
    return this.#ends || this.responses.at(-1)?.shouldKeepAlive === false;
  }

  /** Takes in the newest request's response. Returns whether it may begin; if not, `done` will give it. */
  add(response: ServerResponse): boolean {
    return this.#pipeline.add(response);
  }

  /** Takes out a response that is over, and has `begin` called for each whose turn has come. */
  done(response: ServerResponse, begin: (response: ServerResponse) => void): void {
    this.#pipeline.remove(response);
    this.#ends ||= !response.shouldKeepAlive;
    if (this.#pipeline.held === 0 || this.socket.destroyed) return;
    while (!this.#ends) {
      const next = this.#pipeline.next();
      if (next === undefined) break;
      begin(next);
      this.#ends = !next.shouldKeepAlive; // refused
      if (this.#heldError === null || this.#pipeline.held > 0) continue;
      this.refuse(this.#heldError, null);
      this.#heldError = null;
    }
    if (this.#pipeline.held < heldLimit && !this.guard.refused) this.socket.resume();
  }

  /** Takes all responses out, since the connection is closed, and gives those that have not begun. */
  closed(): ReturnType<Pipeline['clear']> {
    const { count, held } = this.#pipeline.clear();
    return { count, held: this.#ends ? [] : held };
  }

  /** Whether no request is under way, nor arriving. */
  get idle(): boolean {
    return this.responses.length === 0 && this.guard.idle;
  }

  #take(chunk: Buffer): void {
    this.guard.push(chunk);
    // Not sooner: node:http resumes the socket behind every request.
    if (this.#pipeline.held >= heldLimit && !this.guard.refused) this.socket.pause();
  }

  /** Takes bytes that are only lent. */
  #takeLent(bytes: Buffer): void {
    const request = this.guard.bodyLeft < bytes.length ? undefined : this.responses.at(-1)?.req;
    // Behind what waits in the request, they must wait as well.
    const wanted =
      request?.readableFlowing === true &&
      request.readableLength === 0 &&
      request.listenerCount(BODY_LENT) > 0;
    const taken =
      wanted &&
      parseUnseen(
        this.socket,
        request,
        () => request.emit(BODY_LENT, bytes),
        () => {
          this.#take(bytes);
        },
      );
    if (!taken) this.#take(Buffer.from(bytes));
  }

  pass(bytes: Buffer): void {
    this.#passed = bytes;
    this.#parse(bytes);
    this.#passed = null;
  }

  refuse(error: WsgiTsError, requestLine: string | null): void {
    const last = this.responses.at(-1);
    if (last === undefined || last.req.complete) {
      this.#refuseInOrder(() => {
        this.#answerRefusal(error, requestLine ?? '');
      });
    } else if (this.#pipeline.held > 0) {
      this.#heldError = error;
    } else if (last.req.listenerCount(BODY_REFUSED) > 0) {
      // Whoever receives the body answers.
      last.req.emit(BODY_REFUSED, error);
    } else if (!last.headersSent) {
      this.#refusals.log(this.peer, error.message);
      last.shouldKeepAlive = false;
      last.writeHead(error.status ?? 400).end();
    } else if (!last.writableEnded) {
      // Too late for another answer, and what has begun can't be right.
      this.#refusals.log(this.peer, error.message);
      this.socket.destroy();
    }
  }

  /** node:http's parser refused what the guard let through. */
  parserFailed(why: string): void {
    if (this.guard.refused) return;
    this.guard.discard();
    // Which of several requests it was, node:http doesn't say.
    const [line = ''] = (this.#passed?.toString('latin1') ?? '').split('\r\n', 1);
    this.refuse(new WsgiTsError('ERR_WSGI_SYNTAX', 'client', why, { status: 400 }), line);
  }

  /** Gives up on a head that has been arriving for more than `limit` milliseconds. */
  look(now: number, limit: number): void {
    const { inHead, heads } = this.guard;
    // While an answer is under way, who waits may be us.
    if (
      !inHead ||
      heads !== this.#headsSeen ||
      this.responses.length > 0 ||
      this.#headSince === 0
    ) {
      this.#headsSeen = heads;
      this.#headSince = inHead ? now : 0;
    } else if (now - this.#headSince > limit) {
      this.guard.timeOut();
    }
  }

  /** RFC 9112 §9.3.2: answers to pipelined requests come in order, so those before the bad one come first. */
  #refuseInOrder(answer: () => void): void {
    const last = this.responses.at(-1);
    const refuse = (): void => {
      if (this.#refuse === null) return;
      this.#refuse = null;
      // An answer that said it was the last one is (RFC 9112 §9.6): nobody wants to hear of what is behind.
      if (last?.shouldKeepAlive === false) this.#linger();
      else answer();
    };
    this.#refuse = refuse;
    if (last === undefined) refuse();
    else last.once('close', refuse);
  }

  #answerRefusal(error: WsgiTsError, requestLine: string): void {
    // An answer before it may have been cut off.
    if (!this.socket.writable) return;
    this.socket.write(this.#refusals.answer(this.peer, error, requestLine), 'latin1');
    this.#linger();
  }

  /**
   * Ends our side, and takes what still comes: a close with bytes unread is a reset, and a reset takes the answer
   * away from a client that is still sending (RFC 9112 §9.6).
   */
  #linger(): void {
    const { socket } = this;
    this.guard.discard();
    socket.end();
    socket.resume();
    const timer = setTimeout(() => {
      socket.destroy();
    }, lingering);
    socket.once('close', () => {
      clearTimeout(timer);
    });
  }
}
