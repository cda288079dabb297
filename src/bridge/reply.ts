// The answer of an exchange on its way to the client: whole, streamed, a file, or a page of our own; how it came
// to its end, and the access line about it. Made by exchange.ts, which decides what is answered; runs on the event
// loop. Must never ask Python for anything.
import { close } from 'node:fs';
import { Socket } from 'node:net';
import { errorPage } from '../http/error-page.ts';
import type { Deadlines } from '../http/policy.ts';
import type { AccessLog, Outcome } from '../log/access-log.ts';
import type { JournalWriter } from '../log/journal.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import { accessFacts, writeAccess, type AccessEntry } from './access-entry.ts';
import { FileWriter } from './file-writer.ts';
import { decodeFields, decodeFileRange, decodeResponseHead } from './frame.ts';
import type { Pace } from './pace.ts';
import { writeEarlyHints, writeHead, writeWhole } from './response-writer.ts';
import { StreamWriter } from './stream-writer.ts';
import {
  closeAfter,
  cutOff,
  isFinished,
  isGone,
  pendingBytes,
  takenBytes,
  whenOver,
  type ServerReply,
  type ServerRequest,
} from './transaction.ts';

/** What a reply needs from its surroundings; one for each handler. */
export interface ReplyContext {
  /** Whether others may have had the response in hand before: somebody else's program. */
  readonly hosted: boolean;
  /** Folder for what is kept for slow clients; null: the system's. */
  readonly temporaryFolder: string | null;
  readonly pace: Pace;
  readonly deadlines: Deadlines;
  /** Bytes of a streamed response that are kept for a slow client. */
  readonly responseBuffer: number;
  readonly logger: Logger;
  /** Where errors of one request go, where that is a place of its own. */
  readonly loggerFor: ((request: ServerRequest) => Logger | null) | null;
  readonly accessLog: AccessLog | null;
  /** Where the requests are kept that the app has. */
  readonly journal: JournalWriter | null;
  /** Value of the `Server` field where the app sets none; null: no field. */
  readonly serverHeader: string | null;
  /** Whether connections are closed behind their next answer (`drain`), or at once (`cut`). */
  readonly phase: () => 'serve' | 'drain' | 'cut';
}

/** What a client is told of an app's failure. */
export const APP_FAILED = 'The app failed to answer this request. Its error log says why.';

/** How many bytes of a request's target the log shows. */
const TARGET_SHOWN = 512;

/** One response, and what is known of its request. */
export class Reply implements AccessEntry {
  readonly request: ServerRequest;
  readonly response: ServerReply;
  /** The client's address once the head has been read: what trusted proxies say. */
  remoteAddress: string | null = null;
  startedAt = 0;
  start = 0;
  fields: readonly string[] = [];
  readonly #context: ReplyContext;
  #outcome: Outcome | null = null;
  #stream: StreamWriter | null = null;
  #file: FileWriter | null = null;
  #bytes = 0;
  #unwatch: (() => void) | null = null;
  #ticket = 0;
  #disowned = false;

  /** @param onClosed - called when the response is over, sent or not */
  constructor(
    context: ReplyContext,
    request: ServerRequest,
    response: ServerReply,
    onClosed: () => void,
  ) {
    this.#context = context;
    this.request = request;
    this.response = response;
    if (context.accessLog !== null || context.journal !== null) {
      this.startedAt = Date.now();
      this.start = performance.now();
    }
    whenOver(response, () => {
      if (this.#disowned) return;
      this.#unwatch?.();
      onClosed();
      if (context.accessLog !== null) writeAccess(context.accessLog, this);
      if (this.#ticket !== 0) context.journal?.end(this.#ticket);
    });
  }

  /** The app is about to get the request: from now on it is not forgotten, even where this process is killed. */
  enterJournal(): void {
    const { journal } = this.#context;
    if (journal !== null) this.#ticket = journal.begin(accessFacts(this));
  }

  /** The response is somebody else's to send: no line is written about it. Nothing of it may have been sent. */
  disown(): void {
    this.#disowned = true;
    if (this.#ticket !== 0) this.#context.journal?.end(this.#ticket);
  }

  /** Where errors of this request go: asked for when there is one. */
  get logger(): Logger {
    const { loggerFor, logger } = this.#context;
    return loggerFor?.(this.request) ?? logger;
  }

  /** Whether a response has begun: ours, or that of a middleware of the host's. */
  get begun(): boolean {
    return this.response.headersSent;
  }

  /** Whether nobody waits for it any more. */
  get gone(): boolean {
    return isGone(this.response);
  }

  get bytes(): number {
    return this.#stream?.bytes ?? this.#file?.bytes ?? this.#bytes;
  }

  get outcome(): Outcome {
    if (this.#outcome !== null) return this.#outcome;
    if (isFinished(this.response)) return 'ok';
    return this.#context.phase() === 'cut' ? 'killed' : 'client_gone';
  }

  /** Says how it came to its end, if nobody has said so before. */
  conclude(outcome: Outcome): void {
    this.#outcome ??= outcome;
  }

  /** `GET /path from 127.0.0.1`, for the log. */
  describe(): string {
    const { method, url = '', socket } = this.request;
    const target = url.slice(0, TARGET_SHOWN);
    const peer = this.remoteAddress ?? socket.remoteAddress ?? '';
    return (
      `${method ?? ''} ${escapeField(target)}${target.length < url.length ? '…' : ''} ` +
      `from ${escapeField(peer) || 'unix socket'}`
    );
  }

  /** Sends what a `response` frame holds: head and body from `start` to `end` of `buffer`. */
  sendWhole(buffer: Buffer, start: number, end: number): void {
    const head = decodeResponseHead(buffer, start);
    this.#write(head.fields, buffer, head.end, end);
  }

  /** Sends what an `earlyHints` frame holds as a 103 (RFC 8297). */
  sendHints(buffer: Buffer, start: number, end: number): void {
    if (this.begun || this.gone) return;
    try {
      writeEarlyHints(this.response, decodeFields(buffer, start, end));
    } catch (error) {
      // They are only hints: the answer is worth more.
      this.logger.warning(`${this.describe()}: early hints left out: ${String(error)}`);
    }
  }

  /**
   * Sends head and stream of a `responseStream` frame.
   *
   * @param done - told once whether the client was given everything
   */
  sendStream(buffer: Buffer, start: number, done: (complete: boolean) => void): void {
    const head = decodeResponseHead(buffer, start);
    if (!this.#begin(head.fields)) {
      discardStream(buffer, start);
      done(false);
      return;
    }
    this.#watchClient();
    this.#stream = new StreamWriter(this.response, buffer.readUInt32LE(head.end), {
      limit: this.#context.responseBuffer,
      folder: this.#context.temporaryFolder,
      onSpoolError: (error) => {
        this.logger.error(
          `${this.describe()}: the answer can't be kept for its client: ${error.message}`,
        );
      },
      onDone: done,
    });
  }

  /** Python is done with the streamed body, which is complete or cut off. */
  endStream(complete: boolean): void {
    this.#stream?.end(complete);
  }

  /** Sends head and file of a `responseFile` frame; `done` is told when nothing more is read of the file. */
  sendFile(buffer: Buffer, start: number, done: () => void): void {
    const head = decodeResponseHead(buffer, start);
    const range = decodeFileRange(buffer, head.end);
    if (!this.#begin(head.fields)) {
      discardFile(buffer, start);
      done();
      return;
    }
    this.#watchClient();
    this.#file = new FileWriter(this.response, range, (error) => {
      done();
      if (error === null) return;
      if (!this.gone) {
        this.conclude('app_error');
        this.logger.error(`${this.describe()}: ${error.message}`);
      }
      cutOff(this.response);
    });
  }

  /** Sends a page of our own; what has begun already is cut off. */
  sendPage(status: number, text: string): void {
    if (this.gone) return;
    if (this.begun) {
      this.cut();
      return;
    }
    const accept = this.request.headers.accept ?? '';
    const { fields, body } = errorPage(status, text, accept, this.#context.serverHeader);
    // RFC 9110 §9.3.2: HEAD gets the length, and no body.
    this.#write(fields, body, 0, this.request.method === 'HEAD' ? 0 : body.length);
  }

  /** Ends it where it is: it must not look complete. */
  cut(): void {
    this.#stream?.abort();
    // Also what the stream is done with: its last bytes may wait for their client.
    cutOff(this.response);
  }

  #write(fields: string[], body: Buffer, start: number, end: number): void {
    if (!this.#begin(fields)) return;
    this.#bytes = end - start;
    writeWhole(this.response, body, start, end, this.#context.hosted);
    if (pendingBytes(this.response) > 0) this.#watchClient();
  }

  /** Writes the head. False: it can't be sent; a page has been, and the log says why. */
  #begin(fields: string[]): boolean {
    this.fields = fields;
    if (this.#context.phase() !== 'serve') closeAfter(this.response);
    try {
      writeHead(this.response, fields, this.#context.hosted);
      return true;
    } catch (error) {
      this.conclude('app_error');
      this.logger.error(`${this.describe()}: the app's head can't be sent: ${String(error)}`);
      this.sendPage(500, APP_FAILED);
      return false;
    }
  }

  /** The answer is not gone at once: cuts it off when its client is too slow in taking it. */
  #watchClient(): void {
    const { pace, deadlines } = this.#context;
    this.#unwatch = pace.watch(
      deadlines.response,
      () => takenBytes(this.response, this.bytes),
      () => {
        this.conclude('timeout');
        this.logger.warning(`${this.describe()}: reads its answer too slowly; cut off`);
        this.cut();
      },
      // An app may stream a line an hour: a client that has taken all there is is not slow.
      () => pendingBytes(this.response) > 0,
    );
  }
}

/** Closes what a `responseStream` frame hands over, there being nobody to send it to. */
export function discardStream(buffer: Buffer, start: number): void {
  new Socket({ fd: buffer.readUInt32LE(decodeResponseHead(buffer, start).end) }).destroy();
}

/** Closes what a `responseFile` frame hands over, there being nobody to send it to. */
export function discardFile(buffer: Buffer, start: number): void {
  close(decodeFileRange(buffer, decodeResponseHead(buffer, start).end).fd);
}
