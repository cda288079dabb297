// Lines of both logs on their way to Python's `logging`: where a log config or syslog asks for it. Made by
// process-logs.ts in worker and master; runs on the event loop, which never waits for Python: lines travel over
// a socket to a thread of its own (python/wsgi_ts/log_thread.py), which says how far it has come.
// No line may be lost: what Python hasn't taken at the end goes into our own file.

import { Socket } from 'node:net';
import type { AccessRecord } from '../log/access-log.ts';
import { allAtoms } from '../log/access-atoms.ts';
import { escapeControls } from '../log/escape.ts';
import type { LogEntry } from '../log/line-format.ts';
import type { EntryTee } from '../log/logger.ts';
import type { MetricsTransport } from '../log/statsd.ts';
import type { LogLevel } from '../messages.ts';
import { decodeFrames, encodeEntry, encodeFrame, FrameKind, LOG_LEVELS } from './frame.ts';

/** Who gets the lines of one log: our own file, Python's handlers, or both. */
interface Route {
  readonly own: boolean;
  readonly python: boolean;
}

/** What `wsgi_ts.log_setup.set_up` has found. */
export interface PythonRoutes {
  readonly error: Route;
  readonly access: Route;
  /** Index in {@link LOG_LEVELS}. */
  readonly level: number;
  readonly fd: number | null;
}

/** A line that Python has not dealt with yet. */
interface Pending {
  readonly bytes: number;
  /** Only Python gets it, so far. */
  readonly entry: LogEntry | null;
}

/** An entry that waits for Python to start. */
interface Held {
  readonly entry: LogEntry;
  readonly judged: boolean;
  readonly written: boolean;
}

/** Bytes that may wait for Python; what comes after is dropped, and counted. */
const maxWaiting = 16 * 1024 * 1024;
/** Milliseconds that the end waits for Python's handlers. */
const patience = 5000;

/** The way to Python's logging, from one process. */
export class PythonLog implements EntryTee, MetricsTransport {
  readonly #decided: boolean;
  readonly #atoms = allAtoms();
  #held: Held[] = [];
  #routes: PythonRoutes | null = null;
  #socket: Socket | null = null;
  #rest: Buffer = Buffer.alloc(0);
  #batch: Buffer[] = [];
  #scheduled = false;
  #pending: Pending[] = [];
  #waiting = 0;
  #dropped = 0;
  #idle: (() => void)[] = [];
  #write: (entry: LogEntry) => void = () => undefined;
  #limit: (level: LogLevel) => void = () => undefined;

  /** @param configured - whether a log config will say, once Python runs, who gets the lines. */
  constructor(configured: boolean) {
    this.#decided = !configured;
  }

  attach(write: (entry: LogEntry) => void, limit: (level: LogLevel) => void): void {
    this.#write = write;
    this.#limit = limit;
  }

  /** Takes what Python has set up, and hands over what came before. */
  open(routes: PythonRoutes): void {
    this.#limit(LOG_LEVELS[routes.level] ?? 'info');
    this.#routes = routes;
    if (routes.fd !== null) this.#connect(routes.fd);
    for (const { entry, judged, written } of this.#held.splice(0)) {
      if (this.entry(entry, judged) && !written) this.#write(entry);
    }
    this.#flush(); // the app's import follows, during which this loop stands still
  }

  entry(entry: LogEntry, judged: boolean): boolean {
    if (this.#routes === null) {
      this.#held.push({ entry, judged, written: this.#decided });
      return this.#decided;
    }
    const { own, python } = this.#routes.error;
    if (!python) return own;
    if (this.#socket === null) return true;
    const level = LOG_LEVELS.indexOf(entry.level);
    const frame = encodeEntry(level, judged, entry.time, escapeControls(entry.message));
    this.#send(frame, own ? null : entry);
    return own;
  }

  /** Takes a line of the access log. Returns whether it belongs into our own file too. */
  access(record: AccessRecord): boolean {
    const { own, python } = this.#routes?.access ?? { own: true, python: false };
    if (!python || this.#socket === null) return own;
    const line = JSON.stringify([record.startedAt + record.duration, this.#atoms(record)]);
    this.#send(encodeFrame(FrameKind.access, 0, Buffer.from(line)), null);
    return own;
  }

  /** Sends a datagram to statsd's unix socket. */
  send(datagram: Buffer): void {
    if (this.#socket !== null) this.#send(encodeFrame(FrameKind.metrics, 0, datagram), null);
  }

  drain(): Promise<void> {
    this.#flush();
    if (this.#pending.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  giveBack(): void {
    this.#flush();
    for (const { entry, written } of this.#held.splice(0)) if (!written) this.#write(entry);
    for (const { entry } of this.#pending.splice(0)) if (entry !== null) this.#write(entry);
    this.#waiting = 0;
    this.#wakeIdle();
  }

  #connect(fd: number): void {
    this.#socket = new Socket({ fd, readable: true, writable: true });
    this.#socket.unref();
    this.#socket.on('data', (data) => {
      this.#receive(data);
    });
    this.#socket.on('error', () => undefined); // 'close' follows
    this.#socket.on('close', () => {
      this.#socket = null;
      this.giveBack();
    });
  }

  #send(frame: Buffer, entry: LogEntry | null): void {
    if (this.#waiting + frame.length > maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting += frame.length;
    this.#pending.push({ bytes: frame.length, entry });
    this.#batch.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    this.#socket?.write(Buffer.concat(this.#batch.splice(0)));
  }

  #receive(data: Buffer): void {
    const buffer = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const consumed = decodeFrames(buffer, (kind, _id, bytes, start, end) => {
      if (kind === FrameKind.handled) this.#handled(bytes.readUInt32LE(start));
      else if (kind === FrameKind.record) {
        const level = LOG_LEVELS[bytes[start] ?? 0] ?? 'warning';
        this.#write({ level, message: bytes.toString('utf8', start + 1, end), time: Date.now() });
      }
    });
    this.#rest = Buffer.from(buffer.subarray(consumed));
  }

  #handled(count: number): void {
    for (const { bytes } of this.#pending.splice(0, count)) this.#waiting -= bytes;
    if (this.#pending.length > 0) return;
    if (this.#dropped > 0) {
      const message = `Lines that Python's log handlers were too slow for, and that are lost: ${this.#dropped}`;
      this.#dropped = 0;
      this.#write({ level: 'warning', message, time: Date.now() });
    }
    this.#wakeIdle();
  }

  #wakeIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
