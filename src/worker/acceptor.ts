// The accept gate: takes connections from the inherited listening sockets while this worker can begin their
// requests soon (capacity.ts), and leaves them in the kernel's queue, for idle workers, while it can't.
// Made by the worker, on the event loop's thread.
//
// Node stops a server from accepting only by close(), which closes the descriptor; so each start listens on a
// fresh duplicate, of which a few are kept ready. close() within 'connection' ends libuv's burst of accepts.
// It must never hand the one descriptor that duplicates are made of to Node, nor look at a connection's bytes.

import { closeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { Load } from '../bridge/load.ts';
import { capacity, mostWaiting, patience, resumption, soon } from './capacity.ts';

/** What the gate needs from the worker. */
export interface AcceptorOptions {
  /** Inherited descriptors of listening sockets; the gate owns them from now on. */
  readonly listeners: readonly number[];
  /** listen(2)'s, which every start repeats. */
  readonly backlog: number;
  readonly load: () => Load;
  /** Requests under way, those included whose body is still arriving. */
  readonly active: () => number;
  /** Whether the worker holds as many connections as it may. */
  readonly full: () => boolean;
  /** dup(2), close-on-exec. */
  readonly duplicate: (fd: number) => Promise<number>;
  /** Gets each connection. */
  readonly onConnection: (socket: Socket) => void;
  /** accept(2) or dup(2) failed (EMFILE); told at most once a second. The gate goes on. */
  readonly onError: (error: Error) => void;
  /** performance.now(), by default. */
  readonly now?: () => number;
}

/** One listening socket. */
interface Listener {
  readonly server: Server;
  /** Never listened on, but at the end: duplicates are made of it. -1: it was. */
  source: number;
  readonly spares: number[];
  ordered: number;
}

/** Duplicates kept ready for each socket. */
const spareCount = 2;
/** Milliseconds between two looks at a busy worker. */
const period = 5;
/** Milliseconds between two complaints. */
const silence = 1000;
/** Milliseconds that a queue is watched which takes no new connections: a handshake may not be over yet. */
const lastHandshakes = 100;
/** Turns of the event loop without a connection, after which a queue is empty: each takes one, if there is one. */
const quietTurns = 3;

/** The gate. Connections come from {@link open} until {@link close}. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #now: () => number;
  #listeners: readonly Listener[] = [];
  /** Connections whose first request hasn't come, and when they were accepted. */
  readonly #fresh = new Map<Socket, number>();
  #state: 'paused' | 'accepting' | 'draining' | 'closed' = 'paused';
  /** Connections so far. */
  #taken = 0;
  #takenSince = Infinity;
  #pausedAt = 0;
  /** Connections that may still come beyond what is held, since nobody else has taken them. */
  #guests = 0;
  #timer: NodeJS.Timeout | undefined;
  #complainedAt = -Infinity;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether connections are being taken at the moment. */
  get accepting(): boolean {
    return this.#state === 'accepting';
  }

  /** Starts to accept. @throws Error when the sockets can't be duplicated. */
  async open(): Promise<void> {
    const { duplicate, listeners } = this.#options;
    this.#listeners = await Promise.all(
      listeners.map(async (inherited) => {
        const source = await duplicate(inherited);
        const spares = [await duplicate(source), await duplicate(source)];
        closeSync(inherited);
        return { server: this.#server(), source, spares, ordered: 0 };
      }),
    );
    this.#review();
  }

  /** To be called when a request has been handed to the handler. */
  requestBegan(socket: Socket): void {
    if (this.#state === 'closed') return;
    if (this.#fresh.size > 0) this.#fresh.delete(socket);
    this.#watch();
    if (this.#state === 'accepting') this.#review();
  }

  /** To be called when Python has answered. */
  answered(): void {
    if (this.#state === 'paused') this.#review();
  }

  /**
   * Takes all that waits in the queues of the sealed listeners, and stops for good.
   *
   * @param sealed - indices of listeners that take no new connections any more
   */
  async drain(sealed: readonly number[]): Promise<void> {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'accepting';
    this.#state = 'draining';
    clearInterval(this.#timer);
    for (const [index, { server, spares }] of this.#listeners.entries()) {
      const fd =
        sealed.includes(index) && !wasOpen
          ? (spares.shift() ?? this.#takeSource(index))
          : undefined;
      if (fd !== undefined) server.listen({ fd }, this.#options.backlog);
      else if (!sealed.includes(index) && wasOpen) server.close();
    }
    await sleep(sealed.length > 0 ? lastHandshakes : 0);
    for (let quiet = 0; quiet < quietTurns;) {
      const before = this.#taken;
      await immediate();
      quiet = this.#taken === before ? quiet + 1 : 0;
    }
    this.close();
  }

  /** The last descriptor there is: nothing else will want it any more. */
  #takeSource(index: number): number | undefined {
    const listener = this.#listeners[index];
    if (listener === undefined || listener.source < 0) return undefined;
    const { source } = listener;
    listener.source = -1;
    return source;
  }

  /** Stops for good. What waits in the kernel's queue stays there, for the other workers. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#timer);
    this.#fresh.clear();
    for (const { server, source, spares } of this.#listeners) {
      server.close();
      for (const fd of [source, ...spares.splice(0)]) if (fd >= 0) closeSync(fd);
    }
  }

  #server(): Server {
    // As node:http makes its own; half-open, or a client that has sent its request couldn't end its side.
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.on('connection', (socket: Socket) => {
      this.#taken++;
      this.#guests--;
      this.#fresh.set(socket, this.#now());
      this.#options.onConnection(socket);
      this.#review(true);
    });
    server.on('error', (error) => {
      this.#complain(error);
    });
    return server;
  }

  /** Opens or shuts the gate, as the load is now; `arrived`: since a connection has. */
  #review(arrived = false): void {
    if (this.#state === 'closed' || this.#state === 'draining') return;
    if (this.#options.full()) {
      this.#watch();
      if (this.#state === 'accepting') this.#pause();
      return;
    }
    const load = this.#options.load();
    const taken = load.outstanding >= load.threads;
    if (!taken && this.#fresh.size === 0) {
      this.#takenSince = Infinity;
      if (this.#state === 'paused') this.#resume();
      return;
    }
    this.#watch();
    const now = this.#now();
    if (!taken) this.#takenSince = Infinity;
    else if (this.#takenSince === Infinity) this.#takenSince = now;
    this.#forget(now - soon);
    const pending = load.outstanding + this.#fresh.size;
    const limit = capacity(load, this.#takenSince, now);
    if (this.#state === 'accepting') {
      // To move the gate takes longer than a fast view: there it stays until somebody comes.
      const slow = limit === load.threads;
      if (pending >= limit && (slow || (arrived && this.#guests <= 0))) this.#pause();
    } else if (pending < resumption(limit, load.threads)) {
      this.#guests = 0;
      this.#resume();
    } else if (now - this.#pausedAt > patience(load, this.#takenSince, now)) {
      this.#guests = mostWaiting;
      this.#resume();
      // Where views take their time it opens for one who waits already, not for those who may come.
      if (limit === load.threads)
        void immediate()
          .then(immediate)
          .then(() => {
            this.#review();
          });
    }
  }

  /** A connection that stays silent must not hold the gate: it may belong to nobody. */
  #forget(before: number): void {
    for (const [socket, acceptedAt] of this.#fresh) {
      if (acceptedAt > before) return;
      this.#fresh.delete(socket);
    }
  }

  #pause(): void {
    this.#state = 'paused';
    this.#pausedAt = this.#now();
    for (const { server } of this.#listeners) server.close();
  }

  #resume(): void {
    if (this.#listeners.some(({ spares }) => spares.length === 0)) {
      this.#watch();
      this.#refill();
      return;
    }
    this.#state = 'accepting';
    for (const { server, spares } of this.#listeners) {
      // Not `{ fd, backlog }`: with a descriptor Node takes the backlog from here alone.
      server.listen({ fd: spares.shift() }, this.#options.backlog);
    }
    this.#refill();
  }

  #refill(): void {
    for (const listener of this.#listeners) {
      while (listener.spares.length + listener.ordered < spareCount) {
        listener.ordered += 1;
        void this.#order(listener);
      }
    }
  }

  async #order(listener: Listener): Promise<void> {
    try {
      const fd = await this.#options.duplicate(listener.source);
      if (this.#state === 'closed') closeSync(fd);
      else listener.spares.push(fd);
    } catch (error) {
      // Tried again at the next look; without a spare the gate can't open.
      this.#complain(error as Error);
    } finally {
      listener.ordered -= 1;
    }
  }

  #complain(error: Error): void {
    const now = this.#now();
    if (this.#state === 'closed' || now - this.#complainedAt < silence) return;
    this.#complainedAt = now;
    this.#options.onError(error);
  }

  /**
   * Looks at the load while the worker has work: a view that hangs, a connection that stays silent and a body
   * that is still arriving are no events.
   */
  #watch(): void {
    this.#timer ??= setInterval(() => {
      this.#review();
      if (this.#state === 'paused' || this.#fresh.size > 0 || this.#options.active() > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, period).unref();
  }
}
