// How busy an app is: measured by dispatcher.ts from the answers that arrive, on the event loop, and read by the
// worker's accept gate. Pure arithmetic: it must never look at a clock by itself.

/** How busy an app is; the worker accepts connections accordingly. */
export interface Load {
  /** Requests that Python has and did not answer yet. */
  readonly outstanding: number;
  readonly threads: number;
  /** When the last answers came; `performance.now()`, 0 before the first. */
  readonly lastAnswerAt: number;
  /** Milliseconds one thread takes for one request, a moving average; 0 until known. */
  readonly serviceTime: number;
}

/** Weight of one answer in the moving average. */
const WEIGHT = 0.1;

/** The moving average of the time that one thread takes for one request. */
export class ServiceTime {
  /** Milliseconds; 0: not known yet. */
  average = 0;
  lastAnswerAt = 0;
  readonly #threads: number;
  #busySince = 0;
  #answered = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** The first request after a silence has been handed over. */
  begin(now: number): void {
    this.#busySince = now;
  }

  /**
   * Answers have arrived together, `total` of them ever, and `outstanding` are still to come.
   *
   * @returns whether there was one
   */
  answered(total: number, outstanding: number, now: number): boolean {
    const count = total - this.#answered;
    if (count === 0) return false;
    this.#answered = total;
    const gap = (now - Math.max(this.lastAnswerAt, this.#busySince)) / count;
    const serviceTime = gap * Math.min(this.#threads, outstanding + count);
    const weight = this.average === 0 ? 1 : Math.min(1, WEIGHT * count);
    this.average += (serviceTime - this.average) * weight;
    this.lastAnswerAt = now;
    return true;
  }
}
