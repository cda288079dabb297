// HTTP/1 byte by byte (RFC 9112): where each message of a connection begins and ends, and whether every line of
// it has the form that the RFC gives. Stands in front of node:http's parser, which is laxer in places and
// hides what it mends: only what both read alike gets through. The worker's http-server.ts makes one a connection.
// Heads, chunk lines and trailers are passed on whole, so that no answer depends on how the bytes were cut.
// Pure: it keeps bytes and nothing else. What a head means (Host, target) is the bridge's request-head.ts.

import { WsgiTsError } from '../errors.ts';
import { bodyFraming } from './framing.ts';
import {
  CR,
  isIncomplete,
  isTrailer,
  LF,
  lineAt,
  readChunkLine,
  readField,
  readPersistence,
  readRequestLine,
  refusal,
  splitField,
  TLS_HANDSHAKE,
  tooLarge,
  tooMany,
  whyNoField,
} from './head-syntax.ts';
import type { RequestLimits } from './policy.ts';

/** Who gets what a guard has read. */
export interface GuardSink {
  /** Bytes that are checked, in order. */
  pass(bytes: Buffer): void;
  /**
   * The bytes are not HTTP, or more than is allowed: nothing is passed any more.
   *
   * @param error - blame `client`, with the status to answer
   * @param requestLine - what came of it; null in a body, whose request has been passed on
   */
  refuse(error: WsgiTsError, requestLine: string | null): void;
}

/** What comes next. */
type State =
  | 'start' // a request line, or an empty line in front of it
  | 'fields'
  | 'body' // a known number of bytes, and then the next request
  | 'chunkLine'
  | 'chunkData'
  | 'chunkEnd' // the empty line behind a chunk's bytes
  | 'trailers'
  | 'over' // the client has said that it sends no more, and is taken at its word
  | 'refused';

/** Bytes that a whole head may have at least, whatever the limits of its lines. */
const HEAD_AT_LEAST = 65536;
/** Bytes of a chunk's line, its extensions included. */
const CHUNK_LINE_AT_MOST = 4096;
/** RFC 9112 §2.2: a server ignores at least one empty line in front of a request line. */
const EMPTY_LINES_AT_MOST = 4;
const INCOMPLETE = -1;

/** Checks the bytes of one connection. */
export class RequestGuard {
  readonly #sink: GuardSink;
  readonly #lineLimit: number;
  readonly #fieldLimit: number;
  readonly #fieldCount: number;
  readonly #headLimit: number;
  #state: State = 'start';
  /** What has come of a head, chunk line or trailers that isn't whole yet, and how far it has been read. */
  #held: Buffer | null = null;
  #read = 0;
  /** What the message that is being read is followed by. */
  #next: 'start' | 'over' = 'start';
  /** It asks for another protocol: in one piece with what is behind it, node:http's parser would lose that. */
  #alone = false;
  #fields = 0;
  #emptyLines = 0;
  #version: '1.0' | '1.1' = '1.1';
  readonly #lengths: string[] = [];
  readonly #codings: string[] = [];
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #begun = 0;

  constructor(limits: RequestLimits, sink: GuardSink) {
    this.#sink = sink;
    this.#headLimit = Math.max(HEAD_AT_LEAST, limits.line + limits.fieldSize);
    this.#lineLimit = limits.line || this.#headLimit;
    this.#fieldLimit = limits.fieldSize || this.#headLimit;
    this.#fieldCount = limits.fields;
  }

  /** Whether nothing of a request has come, or all of it. */
  get idle(): boolean {
    return this.#isOver || (this.#state === 'start' && this.#held === null);
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  /** Whether a head has begun and is not whole. */
  get inHead(): boolean {
    return (this.#state === 'start' && this.#held !== null) || this.#state === 'fields';
  }

  /** Bytes still to come of the body, or the chunk, that is being read. */
  get bodyLeft(): number {
    return this.#left;
  }

  /** Whether nothing is passed any more. */
  get refused(): boolean {
    return this.#state === 'refused';
  }

  /** How many heads have come whole. */
  get heads(): number {
    return this.#begun;
  }

  /** Takes the bytes that came. */
  push(chunk: Buffer): void {
    if (this.#state === 'refused' || this.#state === 'over') return;
    const data = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    let at = this.#held === null ? 0 : this.#read;
    /** What is before is checked and whole. */
    let whole = 0;
    let text: string | null = null;
    try {
      while (at < data.length) {
        if (this.#isOver || (this.#alone && this.#state === 'start')) break;
        if (this.#state === 'body' || this.#state === 'chunkData') {
          whole = at = this.#skip(at, data.length);
          continue;
        }
        text ??= data.toString('latin1');
        const next = this.#line(text, at, whole);
        if (next === INCOMPLETE) break;
        at = next;
        if (this.#state !== 'fields' && this.#state !== 'trailers') whole = at;
      }
    } catch (error) {
      const inHead = this.#state === 'start' || this.#state === 'fields';
      this.#state = 'refused';
      this.#held = null;
      if (whole > 0) this.#sink.pass(data.subarray(0, whole));
      this.#sink.refuse(
        error as WsgiTsError,
        inHead ? lineAt(text ?? '', whole, this.#lineLimit) : null,
      );
      return;
    }
    const alone = this.#alone && this.#state === 'start';
    this.#held = whole === data.length || alone || this.#isOver ? null : data.subarray(whole);
    this.#read = at - whole;
    if (whole > 0) this.#sink.pass(whole === data.length ? data : data.subarray(0, whole));
    if (!alone) return;
    this.#alone = false;
    if (whole < data.length) this.push(data.subarray(whole));
  }

  /** The client has ended its side: what is not whole now never will be. */
  end(): void {
    if (this.#state === 'refused' || this.idle) return;
    const line = this.inHead ? this.#heldLine() : null;
    this.#state = 'refused';
    const where = line === null ? 'body' : 'head';
    this.#sink.refuse(refusal(400, `the connection ended within a ${where}`), line);
  }

  /** Passes nothing on any more, and says nothing. */
  discard(): void {
    this.#state = 'refused';
    this.#held = null;
  }

  /** Gives up on a head that takes too long. */
  timeOut(): void {
    if (!this.inHead) return;
    const line = this.#heldLine();
    this.#state = 'refused';
    const why = 'the head arrives too slowly';
    const error = new WsgiTsError('ERR_WSGI_HEAD_TIMEOUT', 'client', why, { status: 408 });
    this.#sink.refuse(error, line);
  }

  #heldLine(): string {
    return lineAt(this.#held?.toString('latin1') ?? '', 0, this.#lineLimit);
  }

  /** Passes over bytes of a body; returns the offset behind those that are there. */
  #skip(at: number, end: number): number {
    const taken = Math.min(this.#left, end - at);
    this.#left -= taken;
    if (this.#left === 0) this.#state = this.#state === 'body' ? this.#next : 'chunkEnd';
    return at + taken;
  }

  /**
   * Reads one line at `at`; `unit` is where its head, chunk or trailers begin.
   *
   * @returns the offset behind it, or INCOMPLETE
   */
  #line(text: string, at: number, unit: number): number {
    switch (this.#state) {
      case 'start':
        return this.#readStart(text, at);
      case 'fields':
      case 'trailers':
        return this.#readField(text, at, unit);
      case 'chunkLine': {
        if (isIncomplete(text, at, CHUNK_LINE_AT_MOST, 400)) return INCOMPLETE;
        const { size, next } = readChunkLine(text, at);
        this.#left = size;
        this.#fields = 0;
        this.#state = size > 0 ? 'chunkData' : 'trailers';
        return next;
      }
      case 'chunkEnd':
        if (isIncomplete(text, at, 0, 400)) return INCOMPLETE;
        if (text.charCodeAt(at) !== CR) throw refusal(400, 'a chunk longer than its size says');
        this.#state = 'chunkLine';
        return at + 2;
      case 'body':
      case 'chunkData':
      case 'over':
      case 'refused':
        return INCOMPLETE; // no lines are read there
    }
  }

  #readStart(text: string, at: number): number {
    const first = text.charCodeAt(at);
    if (first === TLS_HANDSHAKE) throw refusal(400, 'TLS, but this port speaks plain HTTP');
    if (isIncomplete(text, at, this.#lineLimit, 414)) return INCOMPLETE;
    if (first === CR && text.charCodeAt(at + 1) === LF) {
      if (++this.#emptyLines > EMPTY_LINES_AT_MOST) throw refusal(400, 'too many empty lines');
      return at + 2;
    }
    const { version, next } = readRequestLine(text, at);
    this.#version = version;
    this.#next = version === '1.0' ? 'over' : 'start';
    this.#emptyLines = 0;
    this.#fields = 0;
    this.#lengths.length = 0;
    this.#codings.length = 0;
    this.#state = 'fields';
    return next;
  }

  #readField(text: string, at: number, unit: number): number {
    const limit = Math.min(this.#fieldLimit, this.#headLimit - (at - unit));
    if (text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF) {
      this.#endFields();
      return at + 2;
    }
    const next = readField(text, at);
    if (next < 0) {
      if (isIncomplete(text, at, limit, 431)) return INCOMPLETE;
      throw refusal(400, whyNoField(text, at, text.indexOf('\n', at)));
    }
    if (next - at - 2 > limit) throw tooLarge(431);
    if (++this.#fields > this.#fieldCount) throw tooMany(this.#fieldCount);
    this.#noteField(text, at, next);
    return next;
  }

  #noteField(text: string, at: number, next: number): void {
    if (this.#state === 'trailers') {
      const [name] = splitField(text, at, next);
      if (!isTrailer(name)) throw refusal(400, `a trailer that may not be one: ${name}`);
      return;
    }
    // Most fields don't count here and are told by a letter: c… and t…, p… and up… are looked at.
    const letter = text.charCodeAt(at) | 0x20;
    if (letter !== 0x63 && letter !== 0x74 && letter !== 0x70)
      if ((text.charCodeAt(at + 1) | 0x20) !== 0x70) return;
    const [name, value] = splitField(text, at, next);
    if (name === 'content-length') this.#lengths.push(value);
    else if (name === 'transfer-encoding') this.#codings.push(value);
    else if (name === 'upgrade') this.#alone = true;
    // RFC 9112 §C.2.2: nobody should send the second, but node:http goes by it.
    else if (name === 'connection' || name === 'proxy-connection')
      this.#next = readPersistence(this.#version, value) ?? this.#next;
  }

  /** An empty line: the head is whole, or the trailers are. */
  #endFields(): void {
    const isTrailed = this.#state === 'trailers';
    if (!isTrailed) this.#begun++;
    if (isTrailed || (this.#lengths.length === 0 && this.#codings.length === 0)) {
      this.#state = this.#next;
      return;
    }
    const length = bodyFraming(this.#version, this.#lengths, this.#codings);
    this.#left = Math.max(0, length);
    this.#state = length < 0 ? 'chunkLine' : length > 0 ? 'body' : this.#next;
  }
}
