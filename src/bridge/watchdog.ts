// Watches for Python's silence: a clock that ticks while requests are outstanding, and only then.
// Made by dispatcher.ts, on the event loop. Python's threads wake only when that helps (threads.py), and that it
// would help can be seen from here alone: requests are outstanding, and no answer comes. Must not know of frames.

/**
 * Milliseconds between two ticks: without an answer for as long, Python is told. One thread alone has nobody to wake:
 * it is told so that an answer which waits for others is sent, and takes the GIL from a view for that.
 */
const TICK = 2;
const TICK_OF_ONE = 5;

/** Ticks in a row that are told beyond one a thread; of those that follow, every `SPARSE`th. */
const EXTRA = 8;
const SPARSE = 25;

/** Milliseconds between two looks at what takes long. */
const LOOK = 100;

/** What a watchdog asks and tells. */
export interface WatchdogEvents {
  /** A count that grows with every answer; null: nothing is outstanding. */
  readonly progress: () => number | null;
  /** No answer came since the last tick. */
  readonly onSilence: () => void;
  /** Every tenth of a second. */
  readonly onLook: () => void;
}

/** Ticks while something is outstanding; doesn't keep the process alive. */
export class Watchdog {
  /** Time of the last tick, by `performance.now()`: a clock that costs nothing to read. */
  now = 0;
  readonly #threads: number;
  readonly #period: number;
  readonly #events: WatchdogEvents;
  #timer: NodeJS.Timeout | null = null;
  #progress: number | null = null;
  #ticks = 0;
  #silentTicks = 0;

  constructor(threads: number, events: WatchdogEvents) {
    this.#threads = threads;
    this.#period = threads > 1 ? TICK : TICK_OF_ONE;
    this.#events = events;
  }

  /** Something is outstanding from now on; returns the time. */
  watch(): number {
    if (this.#timer === null) {
      this.now = performance.now();
      this.#silentTicks = 0;
      this.#progress = this.#events.progress();
      this.#timer = setInterval(() => {
        this.#tick();
      }, this.#period);
      this.#timer.unref();
    }
    return this.now;
  }

  #tick(): void {
    const progress = this.#events.progress();
    if (progress === null) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
      return;
    }
    this.now = performance.now();
    if (progress !== this.#progress) {
      this.#progress = progress;
      this.#silentTicks = 0;
    } else {
      this.#silentTicks++;
      // Once every thread is awake there is nobody left to wake; sparse pokes make up for one that came too early.
      const useful = this.#silentTicks <= this.#threads + EXTRA;
      if (useful || this.#silentTicks % SPARSE === 0) this.#events.onSilence();
    }
    if ((++this.#ticks * this.#period) % LOOK === 0) this.#events.onLook();
  }
}
