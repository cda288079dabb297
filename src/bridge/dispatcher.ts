// The exchanges that Python has, and what the two sides say about them: frames to exchanges and back.
// Made by handler.ts, one for each app; runs on the event loop. What an answer means is the exchange's business:
// nothing here may look at HTTP.
import type { Logger } from '../log/logger.ts';
import { Channel } from './channel.ts';
import type { DispatchedExchange } from './dispatched-exchange.ts';
import { Duplicates } from './duplicates.ts';
import { ExchangeTable } from './exchange-table.ts';
import { encodeFrame, encodeNumber, FrameKind } from './frame.ts';
import { ServiceTime, type Load } from './load.ts';
import { logFrame } from './log-frame.ts';
import { Overruns } from './overrun.ts';
import { Watchdog } from './watchdog.ts';

/** Milliseconds without a word of Python's control thread, after which a C extension must hold the GIL. */
const GRACE = 1000;

export interface DispatcherOptions {
  readonly requestFd: number;
  readonly controlFd: number;
  readonly threads: number;
  /** Seconds a request may take in Python; 0: no limit. */
  readonly timeout: number;
  readonly logger: Logger;
  /** Called after answers have arrived. */
  readonly onAnswer: () => void;
  /** Called when Python can't be reached any more, which never should happen. */
  readonly onLost: (error: Error) => void;
}

/** Hands requests to one app's Python threads and their answers to the exchanges. */
export class Dispatcher implements Load {
  readonly threads: number;
  /** Exchanges answered so far. */
  answered = 0;
  readonly #channel: Channel;
  readonly #watchdog: Watchdog;
  readonly #options: DispatcherOptions;
  readonly #exchanges = new ExchangeTable<DispatchedExchange>();
  readonly #duplicates = new Duplicates();
  readonly #idle: (() => void)[] = [];
  readonly #overruns = new Overruns();
  /** Ids of exchanges whose clients are gone or leaving, as Python has been told. */
  readonly #aborted = new Set<number>();
  readonly #service: ServiceTime;
  /** When Python was asked what takes too long; null: it has answered. */
  #askedAt: number | null = null;
  #closed = false;
  #stopping: Promise<void> | null = null;
  #stopped: (() => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.threads = options.threads;
    this.#service = new ServiceTime(options.threads);
    const limit = options.timeout * 1000;
    this.#watchdog = new Watchdog(options.threads, {
      progress: () => (this.#exchanges.size === 0 ? null : this.answered),
      onSilence: () => {
        this.#channel.control(encodeFrame(FrameKind.poke, 0));
      },
      onLook: () => {
        if (limit > 0) this.#expire(limit);
      },
    });
    this.#channel = new Channel(options.requestFd, options.controlFd, {
      onFrame: (kind, id, buffer, start, end) => {
        this.#onFrame(kind, id, buffer, start, end);
      },
      onBatch: () => {
        this.#onBatch();
      },
      onEnd: (error) => {
        this.#onEnd(error);
      },
    });
  }

  get lastAnswerAt(): number {
    return this.#service.lastAnswerAt;
  }

  get serviceTime(): number {
    return this.#service.average;
  }

  get outstanding(): number {
    return this.#exchanges.size - this.#overruns.size;
  }

  /** How many threads are in the app still, so many milliseconds after their requests took too long. */
  stuck(milliseconds: number): number {
    return this.#overruns.olderThan(performance.now() - milliseconds);
  }

  /** Whether requests can no longer be handed over. */
  get closed(): boolean {
    return this.#closed || this.#stopping !== null;
  }

  /** Takes in an exchange whose request is sent next; returns its id. */
  register(exchange: DispatchedExchange): number {
    if (this.#exchanges.size === 0) this.#service.begin(performance.now());
    exchange.dispatchedAt = this.#watchdog.watch();
    return this.#exchanges.add(exchange);
  }

  /** Sends a request's frame to Python. */
  send(frame: Buffer): void {
    this.#channel.send(frame, this.#exchanges.size);
  }

  /** Tells Python that the client of this exchange is gone, or (`leaving`) has ended its side and may be. */
  abort(id: number, kind: 'abort' | 'leaving' = 'abort'): void {
    // Python remembers it until `forget`, which is said when the last answer is taken: nothing after that.
    if (this.#closed || this.#exchanges.get(id) === undefined) return;
    this.#aborted.add(id);
    this.#channel.control(encodeFrame(FrameKind[kind], id));
  }

  /** Tells Python that it may close a file response. */
  release(id: number): void {
    if (!this.closed) this.#channel.send(encodeFrame(FrameKind.release, id), 0);
  }

  /**
   * dup(2), done by Python's control thread; close-on-exec, and closed in children that the app forks.
   *
   * @throws Error when no descriptor could be made, or the app's threads have ended.
   */
  duplicate(fd: number): Promise<number> {
    if (this.#closed) return Promise.reject(new Error('the app has been closed'));
    return this.#duplicates.order(fd, () => {
      this.#channel.control(encodeNumber(FrameKind.duplicate, 0, fd));
    });
  }

  /** Tells Python that log files were renamed. */
  reopenLogs(): void {
    if (!this.#closed) this.#channel.control(encodeFrame(FrameKind.reopen, 0));
  }

  /** The exchanges that Python has. */
  get exchanges(): readonly DispatchedExchange[] {
    return this.#exchanges.items();
  }

  /** Resolves once no request is outstanding. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.outstanding <= 0) resolve();
      else this.#idle.push(resolve);
    });
  }

  /** Ends Python's threads; resolves when they have ended, or don't within a second or so. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      this.#channel.control(encodeFrame(FrameKind.stop, 0));
    });
    this.#closed = true;
    this.#channel.close();
    this.#abandonAll();
  }

  #onFrame(kind: number, id: number, buffer: Buffer, start: number, end: number): void {
    switch (kind) {
      case FrameKind.response:
        this.#take(id)?.respond(buffer, start, end);
        break;
      case FrameKind.responseStream:
        this.#exchanges.get(id)?.respondWithStream(buffer, start);
        break;
      case FrameKind.responseFile:
        this.#take(id)?.respondWithFile(buffer, start);
        break;
      case FrameKind.end:
        this.#take(id)?.end(buffer[start] ?? 0);
        break;
      case FrameKind.earlyHints:
        this.#exchanges.get(id)?.hint(buffer, start, end);
        break;
      case FrameKind.timedOut:
        this.#timeOut(id, buffer.toString('utf8', start, end));
        break;
      case FrameKind.duplicated:
        this.#duplicates.deliver(buffer.readUInt32LE(start), buffer.readUInt32LE(start + 4));
        break;
      case FrameKind.expired:
        this.#askedAt = null;
        break;
      case FrameKind.stopped:
        this.#stopped?.();
        break;
      default: // log, record, errors
        this.#log(id, kind, buffer.subarray(start, end));
    }
  }

  #log(id: number, kind: number, text: Buffer): void {
    logFrame(this.#exchanges.get(id)?.logger ?? this.#options.logger, kind, text);
  }

  /** The exchange that an answer is for; it is no longer outstanding. */
  #take(id: number): DispatchedExchange | undefined {
    const exchange = this.#exchanges.take(id);
    if (exchange === undefined) return undefined;
    this.answered++;
    this.#overruns.delete(id);
    if (this.#aborted.size > 0 && this.#aborted.delete(id) && !this.#closed) {
      this.#channel.control(encodeFrame(FrameKind.forget, id));
    }
    return exchange;
  }

  #onBatch(): void {
    if (!this.#service.answered(this.answered, this.#exchanges.size, performance.now())) return;
    this.#wakeIdle();
    this.#options.onAnswer();
  }

  #wakeIdle(): void {
    if (this.outstanding <= 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #expire(limit: number): void {
    const { now } = this.#watchdog;
    if (this.#askedAt !== null) {
      if (now - this.#askedAt > GRACE) this.#expireWithoutPython(limit);
      return;
    }
    const started = now - limit;
    const late = this.#exchanges
      .items()
      .some(({ inPython, dispatchedAt }) => inPython && dispatchedAt < started);
    if (!late) return;
    this.#askedAt = now;
    this.#channel.control(encodeNumber(FrameKind.expire, 0, limit));
  }

  /** Python doesn't answer: something holds the GIL. It takes requests in order, so the oldest run. */
  #expireWithoutPython(limit: number): void {
    const started = this.#watchdog.now - limit;
    const unanswered = this.#exchanges.items().filter((exchange) => exchange.unanswered);
    unanswered.sort((one, other) => one.dispatchedAt - other.dispatchedAt);
    for (const exchange of unanswered.slice(0, this.threads)) {
      if (exchange.dispatchedAt < started) {
        this.#timeOut(exchange.id, '  (in C code that holds the GIL: Python could not be asked)');
      }
    }
  }

  #timeOut(id: number, stack: string): void {
    const exchange = this.#exchanges.get(id);
    if (!exchange?.inPython) return;
    exchange.timeOut(this.#options.timeout, stack);
    this.#overruns.add(id, performance.now());
    this.#wakeIdle();
    this.#options.onAnswer();
  }

  #onEnd(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopped?.();
    this.#abandonAll();
    if (this.#stopping !== null) return;
    const why = error === null ? '' : `: ${error.message}`;
    this.#options.onLost(new Error(`the connection to Python was lost${why}`));
  }

  #abandonAll(): void {
    for (const exchange of this.#exchanges.items()) {
      this.#exchanges.take(exchange.id);
      exchange.abandon();
    }
    this.#overruns.clear();
    this.#duplicates.giveUp();
    this.#wakeIdle();
  }
}
