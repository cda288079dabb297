// Metrics for statsd, by gunicorn's names: counted here, sent together once a loop turn. Master and worker make one
// each where --statsd-host is set, and hand it to their logs; on the event loop's thread. It must never wait,
// nor fail: a metric that nobody takes is lost, as UDP's are.

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { AccessRecord } from './access-atoms.ts';
import type { LogEntry } from './line-format.ts';
import type { EntryTee } from './logger.ts';

/** Takes one datagram. */
export interface MetricsTransport {
  send(datagram: Buffer): void;
  /** Resolves when what was sent is gone. */
  drain(): Promise<void>;
}

/** What {@link Statsd} needs. */
export interface StatsdOptions {
  readonly transport: MetricsTransport;
  /** Before each name; a dot is added where there is none. */
  readonly prefix: string | null;
  /** `name:value`, as Datadog has them. */
  readonly tags: readonly string[];
}

/** What fits into one packet of an Ethernet, with the heads of IPv6 and UDP. */
const longestDatagram = 1432;

/** The metrics of one process. */
export class Statsd implements EntryTee {
  readonly #transport: MetricsTransport;
  readonly #prefix: string;
  readonly #tags: string;
  #lines: string[] = [];
  #scheduled = false;

  constructor({ transport, prefix, tags }: StatsdOptions) {
    this.#transport = transport;
    this.#prefix = prefix === null ? '' : prefix.replace(/\.*$/, '.');
    this.#tags = tags.length === 0 ? '' : `|#${tags.join(',')}`;
  }

  /** Counts `name` up. */
  increment(name: string, by = 1): void {
    this.#add(`${name}:${by}|c|@1.0`);
  }

  /** Says how much there is of `name` now. */
  gauge(name: string, value: number): void {
    this.#add(`${name}:${value}|g`);
  }

  /** Says how long `name` took, in milliseconds. */
  timer(name: string, milliseconds: number): void {
    this.#add(`${name}:${milliseconds}|ms`);
  }

  /** Adds a value to the distribution of `name`. */
  histogram(name: string, value: number): void {
    this.#add(`${name}:${value}|h`);
  }

  /** Counts a request that is over, however it ended. */
  request({ duration, status, outcome }: AccessRecord): void {
    this.timer('gunicorn.request.duration', Math.round(duration * 1000) / 1000);
    this.increment('gunicorn.requests');
    this.increment(`gunicorn.request.status.${status}`);
    // The traceback of its app is in the log, as an error.
    if (outcome === 'app_error') this.increment('gunicorn.log.exception');
  }

  /** Counts an entry of the error log. */
  entry({ level }: LogEntry, judged: boolean): boolean {
    const counted = level === 'critical' || level === 'error' || level === 'warning';
    if (counted && !judged) this.increment(`gunicorn.log.${level}`);
    return true;
  }

  drain(): Promise<void> {
    this.#flush();
    return this.#transport.drain();
  }

  #add(line: string): void {
    this.#lines.push(this.#prefix + line + this.#tags);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    let datagram = '';
    for (const line of this.#lines.splice(0)) {
      const longer = datagram === '' ? line : `${datagram}\n${line}`;
      if (datagram !== '' && Buffer.byteLength(longer) > longestDatagram) {
        this.#transport.send(Buffer.from(datagram));
        datagram = line;
      } else {
        datagram = longer;
      }
    }
    if (datagram !== '') this.#transport.send(Buffer.from(datagram));
  }
}

/** Datagrams that wait for a name to be resolved. */
const mostWaiting = 1000;
/** Milliseconds between attempts to resolve it. */
const retryAfter = 10_000;

/** A UDP socket whose peer's name is resolved once. */
export class UdpTransport implements MetricsTransport {
  readonly #host: string;
  readonly #port: number;
  readonly #complain: (text: string) => void;
  #socket: Socket | null = null;
  #state: 'closed' | 'resolving' | 'open' = 'closed';
  #triedAt = -retryAfter;
  #complained = false;
  #waiting: Buffer[] = [];
  #underWay = 0;
  #idle: (() => void)[] = [];

  /** @param complain - is told once where the name can't be resolved. */
  constructor(host: string, port: number, complain: (text: string) => void) {
    this.#host = host;
    this.#port = port;
    this.#complain = complain;
  }

  send(datagram: Buffer): void {
    if (this.#state === 'open') {
      this.#put(datagram);
      return;
    }
    if (this.#waiting.length < mostWaiting) this.#waiting.push(datagram);
    const now = performance.now();
    if (this.#state === 'closed' && now - this.#triedAt >= retryAfter) {
      this.#triedAt = now;
      this.#connect();
    }
  }

  drain(): Promise<void> {
    if (this.#state !== 'resolving' && this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #connect(): void {
    // gunicorn's choice: IPv4, unless an address of the other kind is given.
    const socket = createSocket(isIPv6(this.#host) ? 'udp6' : 'udp4');
    socket.unref();
    this.#state = 'resolving';
    socket.on('error', (error) => {
      // Nobody listens (ECONNREFUSED): somebody may, later. Before it was connected: there is no such name.
      if (this.#state !== 'resolving') return;
      this.#state = 'closed';
      socket.close();
      this.#waiting = [];
      if (!this.#complained) this.#complain(`No metrics are sent: ${error.message}`);
      this.#complained = true;
      this.#rest();
    });
    socket.once('connect', () => {
      this.#socket = socket;
      this.#state = 'open';
      for (const datagram of this.#waiting.splice(0)) this.#put(datagram);
      this.#rest();
    });
    // Without a callback, which would be told of errors in place of the listener.
    socket.connect(this.#port, this.#host);
  }

  #put(datagram: Buffer): void {
    this.#underWay += 1;
    this.#socket?.send(datagram, () => {
      this.#underWay -= 1;
      this.#rest();
    });
  }

  #rest(): void {
    if (this.#state === 'resolving' || this.#underWay > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
