// An app that is being worked on: its server is started, reloaded after each change, and started anew where the first
// start failed. Used by vite.ts, in the process of the development server. It knows neither Vite nor files: it is told
// of changes, and tells what became of them. One thing is done at a time, and the newest change is the one that counts.

/** The part of a server that is needed here. */
export interface Developed {
  reload(): Promise<void>;
  close(): Promise<void>;
  readonly closed: Promise<unknown>;
}

/** What is told. None of them may throw. */
export interface DevelopedEvents {
  /** The app is served: for the first time (`changed` is empty), or as it is after these changes. */
  served(changed: readonly string[], mended: boolean): void;
  /** It can't be loaded as it is now. */
  failed(error: unknown): void;
  /** Its server has ended by itself. */
  lost(): void;
}

/** Changes that come within so many milliseconds are one: all files saved, a `git checkout`. */
const quiet = 50;

/** The app, from its first start on. */
export class DevelopedApp {
  readonly #start: (signal: AbortSignal) => Promise<Developed>;
  readonly #events: DevelopedEvents;
  readonly #changed = new Set<string>();
  #running: Developed | null = null;
  #failure: unknown = null;
  #wanted = true;
  #attempt: Promise<void> | null = null;
  #starting = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | null = null;

  constructor(start: (signal: AbortSignal) => Promise<Developed>, events: DevelopedEvents) {
    this.#start = start;
    this.#events = events;
    this.#try();
  }

  /** What keeps the app from being loaded, as it is now; null: nothing. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Resolves when there is a server to send a request to: at once, or when the start has ended that is under way.
   *
   * @throws what made that start fail
   */
  async available(): Promise<void> {
    while (this.#running === null) {
      if (this.#attempt === null) throw this.#failure;
      await this.#attempt;
    }
  }

  /** Says that a file has changed. */
  change(file: string): void {
    if (this.#closing !== null) return;
    this.#changed.add(file);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#wanted = true;
      // An app that hangs while it is loaded is mended by its next version.
      if (this.#running === null) this.#starting.abort();
      this.#try();
    }, quiet);
  }

  /** Ends the server, and any start that is under way. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      clearTimeout(this.#timer);
      this.#wanted = false;
      this.#starting.abort();
      await this.#attempt;
      await this.#running?.close();
    })();
    return this.#closing;
  }

  #try(): void {
    this.#attempt ??= this.#run().finally(() => {
      this.#attempt = null;
    });
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false;
      const changed = [...this.#changed];
      this.#changed.clear();
      const before = this.#failure;
      try {
        if (this.#running === null) this.#adopt(await this.#startAnew());
        else await this.#running.reload();
        this.#failure = null;
        if (!this.#outdated) this.#events.served(changed, before !== null);
      } catch (error) {
        this.#failure = error;
        if (!this.#outdated) this.#events.failed(error);
      }
    }
  }

  /** Whether what was just found out is of no interest any more. */
  get #outdated(): boolean {
    return this.#wanted || this.#closing !== null;
  }

  async #startAnew(): Promise<Developed> {
    this.#starting = new AbortController();
    return await this.#start(this.#starting.signal);
  }

  #adopt(running: Developed): void {
    this.#running = running;
    void running.closed.then(() => {
      if (this.#closing !== null) return;
      this.#running = null;
      this.#failure = new Error('The server of the app has ended');
      this.#events.lost();
    });
  }
}
