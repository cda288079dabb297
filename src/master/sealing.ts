// Listening sockets that end while workers still serve: sealed first, so that nobody comes any more, and then closed
// here; the workers empty the queues. Made by supervisor.ts, on the master's main thread.

import type { Interpreter } from '../bridge/interpreter.ts';
import { closeListeners, releaseListener, sealListener } from './listeners.ts';
import type { Listener } from './listeners.ts';

/** What is needed of a generation. */
interface Listening {
  readonly listeners: readonly Listener[];
}

/** Knows which sockets are sealed. */
export class Sealing {
  readonly #interpreter: Pick<Interpreter, 'call'>;
  readonly #isShared: () => boolean;
  /** By the listeners' own numbers: the kernel gives a descriptor's out again. */
  readonly #sealed = new Set<number>();
  /** Those that are closed here. */
  readonly #ended = new Set<number>();

  /** @param isShared - whether another master has the sockets too: then their queues are also its, and stay open */
  constructor(interpreter: Pick<Interpreter, 'call'>, isShared: () => boolean) {
    this.#interpreter = interpreter;
    this.#isShared = isShared;
  }

  /** Which of `listeners` are sealed: their indices. */
  indices(listeners: readonly Listener[]): number[] {
    return [...listeners.keys()].filter((index) => this.#sealed.has(listeners[index]?.id ?? 0));
  }

  /** Whether the socket with this number is closed here. */
  hasEnded(id: number): boolean {
    return this.#ended.has(id);
  }

  /** Ends the sockets of `generations` that none of `kept` has. */
  endOthers(generations: Iterable<Listening>, kept: readonly Listening[]): void {
    const stays = new Set(kept.flatMap(({ listeners }) => listeners.map(({ id }) => id)));
    for (const { listeners } of generations) {
      for (const listener of listeners) {
        if (stays.has(listener.id) || this.#ended.has(listener.id)) continue;
        this.#ended.add(listener.id);
        this.#seal(listener);
        releaseListener(this.#interpreter, listener, !this.#isShared());
      }
    }
  }

  /** Ends all of them. */
  endAll(generations: Iterable<Listening>): void {
    for (const { listeners } of generations)
      listeners.forEach((one) => {
        if (!this.#ended.has(one.id)) this.#seal(one);
      });
    closeListeners(this.#interpreter, !this.#isShared());
  }

  #seal(listener: Listener): void {
    if (!this.#isShared() && sealListener(this.#interpreter, listener)) {
      this.#sealed.add(listener.id);
    }
  }
}
