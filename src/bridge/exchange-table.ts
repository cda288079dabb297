// The exchanges that Python has, by id. Used by dispatcher.ts alone, on the event loop.
// Not a Map, for a measured reason (docs/decisions): a Map under constant insertion and deletion replaces its
// storage all the time, and what the replaced storage still points to is kept until the next full garbage
// collection. Here a slot is emptied as soon as its exchange is over.

/** Bits of an id that say which slot; the others count how often it was used, so that ids don't recur soon. */
const SLOT_BITS = 20;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const USES = 1 << (32 - SLOT_BITS);

/** Things in use, each under an id from 1 to 2³²−1. */
export class ExchangeTable<T extends object> {
  readonly #slots: (T | null)[] = [];
  readonly #ids: number[] = [];
  readonly #free: number[] = [];
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds `item` and returns its id. */
  add(item: T): number {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = this.#slots.length;
      this.#slots.push(null);
      this.#ids.push(slot);
    }
    const uses = ((this.#ids[slot] ?? 0) >>> SLOT_BITS) + 1;
    const id = ((uses % USES || 1) << SLOT_BITS) + slot;
    this.#slots[slot] = item;
    this.#ids[slot] = id >>> 0;
    this.#size++;
    return id >>> 0;
  }

  /** What has this id, or undefined. */
  get(id: number): T | undefined {
    const slot = id & SLOT_MASK;
    return this.#ids[slot] === id ? (this.#slots[slot] ?? undefined) : undefined;
  }

  /** Removes what has this id, and returns it. */
  take(id: number): T | undefined {
    const item = this.get(id);
    if (item === undefined) return undefined;
    const slot = id & SLOT_MASK;
    this.#slots[slot] = null;
    this.#free.push(slot);
    this.#size--;
    return item;
  }

  /** All of them, in no order. */
  items(): T[] {
    return this.#slots.filter((item) => item !== null);
  }
}
