// Who is slower than the minimum rate: request bodies on their way in, answers on their way out.
// Used by exchange.ts, one for each handler, on the event loop; only what doesn't end at once is watched. A look
// once a second is all it costs. Must not know what is being sent.

/** Milliseconds between two looks. */
const PERIOD = 1000;

/** Something that has to get on. */
interface Transfer {
  readonly since: number;
  readonly base: number;
  /** Milliseconds that it may be behind the rate. */
  readonly grace: number;
  readonly progress: () => number;
  readonly onSlow: () => void;
}

/** Watches transfers; doesn't keep the process alive. */
export class Pace {
  readonly #rate: number;
  readonly #transfers = new Set<Transfer>();
  #timer: NodeJS.Timeout | null = null;

  /** @param minimumRate - bytes a second */
  constructor(minimumRate: number) {
    this.#rate = minimumRate / 1000;
  }

  /**
   * Watches a transfer until the function that is returned is called.
   *
   * @param grace - seconds that it may be behind the rate; 0: for ever, and nothing is watched
   * @param progress - bytes so far, of which those before the call don't count
   * @param onSlow - called once, when it is too far behind
   */
  watch(grace: number, progress: () => number, onSlow: () => void): () => void {
    if (grace === 0) return () => undefined;
    const since = performance.now();
    const transfer = { since, base: progress(), grace: grace * 1000, progress, onSlow };
    this.#transfers.add(transfer);
    this.#timer ??= setInterval(() => {
      this.#look();
    }, PERIOD).unref();
    return () => {
      this.#transfers.delete(transfer);
    };
  }

  #look(): void {
    const now = performance.now();
    for (const transfer of this.#transfers) {
      const allowed = transfer.grace + (transfer.progress() - transfer.base) / this.#rate;
      if (now - transfer.since <= allowed) continue;
      this.#transfers.delete(transfer);
      transfer.onSlow();
    }
    if (this.#transfers.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
