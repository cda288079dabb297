// Who is slower than the minimum rate: request bodies on their way in, answers on their way out.
// Used by exchange.ts, one for each handler, on the event loop; only what doesn't end at once is watched. A look
// once a second is all it costs. Must not know what is being sent.

/** Milliseconds between two looks. */
const PERIOD = 1000;

/** Something that has to get on. */
interface Transfer {
  since: number;
  base: number;
  /** Milliseconds that it may be behind the rate. */
  readonly grace: number;
  readonly progress: () => number;
  readonly waits: () => boolean;
  readonly onSlow: () => void;
}

/** Watches transfers; doesn't keep the process alive. */
export class Pace {
  readonly #rate: number;
  readonly #transfers = new Set<Transfer>();
  #timer: NodeJS.Timeout | null = null;

  readonly #clock: () => number;

  /**
   * @param minimumRate - bytes a second
   * @param clock - milliseconds
   */
  constructor(minimumRate: number, clock = () => performance.now()) {
    this.#rate = minimumRate / 1000;
    this.#clock = clock;
  }

  /**
   * Watches a transfer until the function that is returned is called.
   *
   * @param grace - seconds that it may be behind the rate; 0: for ever, and nothing is watched
   * @param progress - bytes so far, of which those before the call don't count
   * @param onSlow - called once, when it is too far behind
   * @param waits - whether the client is the one who is waited for; where it isn't, its grace begins anew
   */
  watch(
    grace: number,
    progress: () => number,
    onSlow: () => void,
    waits: () => boolean = () => true,
  ): () => void {
    if (grace === 0) return () => undefined;
    const since = this.#clock();
    const transfer = { since, base: progress(), grace: grace * 1000, progress, waits, onSlow };
    this.#transfers.add(transfer);
    this.#timer ??= setInterval(() => {
      this.#look();
    }, PERIOD).unref();
    return () => {
      this.#transfers.delete(transfer);
    };
  }

  #look(): void {
    const now = this.#clock();
    for (const transfer of this.#transfers) {
      if (!transfer.waits()) {
        transfer.since = now;
        transfer.base = transfer.progress();
        continue;
      }
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
