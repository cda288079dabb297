// The journal of the requests that a worker has under way, in a file in memory that it shares with the master: what
// is in it survives `kill -9`, so that the master can tell of requests that their worker can't tell of any more.
// The worker writes, on the event loop's thread, once a turn; the master reads, once the worker is dead. Its form
// is known to this file alone. It must cost next to nothing: nobody reads it while all is well.

import { readSync, writeSync } from 'node:fs';

/** A request as it was when it was handed to the app. */
export interface JournalEntry {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly remoteAddress: string;
  readonly method: string;
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  /** As they came: name, value, name, value. */
  readonly requestHeaders: readonly string[];
}

/** What {@link readJournal} finds. */
export interface JournalContents {
  /** The requests that had no end, in the order in which they began. */
  readonly running: readonly JournalEntry[];
  /** How many were begun. */
  readonly count: number;
  /** The last few that were begun, over or not. */
  readonly recent: readonly JournalEntry[];
}

// A record: u32 length of its text, u32 volume, u32 ticket, then the request's text, or none where it is over.
// A volume is a run of records from the start of one of two places in the file. When one is full, the next begins
// at the other place with the requests that are open, and replaces what was there: so the file stays small. Records
// of another volume are what is left from before.
const headerLength = 12;
const places = [0, 2 ** 30] as const;
const fullAt = 256 * 1024;
const recentCount = 10;
/** Bytes that no request's head has: a length beyond it was cut off in the middle of being written. */
const longest = 16 * 1024 * 1024;

/** Writes the journal of one worker. */
export class JournalWriter {
  readonly #fd: number;
  readonly #afterLines: (written: () => void) => void;
  /** The texts of requests that are not over. */
  readonly #open = new Map<number, string>();
  #nextTicket = 1;
  /** Those that have begun, and are to be written. */
  #begun: number[] = [];
  /** Those that are over, and are to be written. */
  #over: number[] = [];
  /** Those whose lines may still be on their way. */
  #ended: number[] = [];
  #scheduled = false;
  #volume = 1;
  /** Bytes of this volume, and those at which the next one begins. */
  #length = 0;
  #limit = fullAt;

  /**
   * @param fd - the file, empty
   * @param afterLines - calls back when the access lines so far are written: a request whose line could still be
   *   lost is not over
   */
  constructor(fd: number, afterLines: (written: () => void) => void) {
    this.#fd = fd;
    this.#afterLines = afterLines;
  }

  /** Takes in a request that is about to be handed to the app. Returns its ticket. */
  begin({
    startedAt,
    remoteAddress,
    method,
    target,
    protocol,
    requestHeaders,
  }: JournalEntry): number {
    const ticket = this.#nextTicket++;
    const text = `${startedAt}\n${remoteAddress}\n${method}\n${target}\n${protocol}`;
    this.#open.set(ticket, `${text}\n${requestHeaders.join('\n')}`);
    this.#begun.push(ticket);
    this.#schedule();
    return ticket;
  }

  /** The request is over, and its access line was handed to the log. */
  end(ticket: number): void {
    this.#ended.push(ticket);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      const ended = this.#ended;
      if (ended.length > 0) {
        this.#ended = [];
        this.#afterLines(() => {
          for (const ticket of ended) this.#over.push(ticket);
          if (!this.#scheduled) this.#write();
        });
      }
      this.#scheduled = false;
      this.#write();
    });
  }

  /** Writes, in one piece, which requests have begun and which are over. */
  #write(): void {
    const [begun, over] = [this.#begun, this.#over];
    if (begun.length + over.length === 0) return;
    this.#begun = [];
    this.#over = [];
    let records = this.#encode(begun, over);
    for (const ticket of over) this.#open.delete(ticket);
    if (this.#length + records.length > this.#limit) {
      this.#volume++;
      this.#length = 0;
      records = this.#encode([...this.#open.keys()], []);
      this.#limit = Math.max(fullAt, 2 * records.length);
    }
    try {
      writeSync(this.#fd, records, 0, records.length, placeOf(this.#volume) + this.#length);
    } catch {
      // No memory for it: the server goes on without.
    }
    this.#length += records.length - headerLength;
  }

  /** A record with its text for each that has begun, and one without for each that is over. */
  #encode(begun: readonly number[], over: readonly number[]): Buffer {
    let length = headerLength * (begun.length + over.length + 1);
    for (const ticket of begun) length += this.#open.get(ticket)?.length ?? 0;
    const buffer = Buffer.allocUnsafe(length);
    let offset = 0;
    const put = (ticket: number, text: string): void => {
      buffer.writeUInt32LE(text.length, offset);
      buffer.writeUInt32LE(this.#volume, offset + 4);
      buffer.writeUInt32LE(ticket, offset + 8);
      buffer.write(text, offset + headerLength, 'latin1');
      offset += headerLength + text.length;
    };
    for (const ticket of begun) put(ticket, this.#open.get(ticket) ?? '');
    for (const ticket of over) put(ticket, '');
    // An empty header ends the volume, whatever an older one has left behind it; the next records overwrite it.
    return buffer.fill(0, offset);
  }
}

/** Reads what a worker that is dead has left in `fd`. */
export function readJournal(fd: number): JournalContents {
  const [one, other] = places.map((place) => readVolume(fd, place));
  const newest = (one?.volume ?? 0) > (other?.volume ?? 0) ? one : other;
  const begun = [...(newest?.begun ?? [])].map(([ticket, text]) => ({
    ticket,
    entry: decode(text),
  }));
  return {
    running: begun
      .filter(({ ticket }) => newest?.ended.has(ticket) === false)
      .map(({ entry }) => entry),
    count: newest?.last ?? 0,
    recent: begun.slice(-recentCount).map(({ entry }) => entry),
  };
}

interface Volume {
  readonly volume: number;
  readonly begun: ReadonlyMap<number, string>;
  readonly ended: ReadonlySet<number>;
  /** The highest ticket. */
  readonly last: number;
}

function readVolume(fd: number, place: number): Volume {
  const begun = new Map<number, string>();
  const ended = new Set<number>();
  let last = 0;
  let bytes = Buffer.alloc(0);
  let position = place;
  let volume: number | null = null;
  for (;;) {
    let offset = 0;
    while (bytes.length - offset >= headerLength) {
      volume ??= bytes.readUInt32LE(offset + 4);
      // What is left of an older volume, or was never written.
      if (volume === 0 || bytes.readUInt32LE(offset + 4) !== volume)
        return { volume, begun, ended, last };
      const start = offset + headerLength;
      const end = start + bytes.readUInt32LE(offset);
      if (end - start > longest) return { volume, begun, ended, last };
      if (end > bytes.length) break;
      const ticket = bytes.readUInt32LE(offset + 8);
      last = Math.max(last, ticket);
      if (end === start) ended.add(ticket);
      else begun.set(ticket, bytes.toString('latin1', start, end));
      offset = end;
    }
    const more = Buffer.allocUnsafe(fullAt);
    const count = readSync(fd, more, 0, more.length, position);
    if (count === 0) return { volume: volume ?? 0, begun, ended, last };
    bytes = Buffer.concat([bytes.subarray(offset), more.subarray(0, count)]);
    position += count;
  }
}

function decode(text: string): JournalEntry {
  const [startedAt, remoteAddress = '', method = '', target = '', protocol = '', ...fields] =
    text.split('\n');
  const requestHeaders = fields.length === 1 && fields[0] === '' ? [] : fields;
  return { startedAt: Number(startedAt), remoteAddress, method, target, protocol, requestHeaders };
}

function placeOf(volume: number): number {
  return places[volume % 2 === 0 ? 0 : 1];
}
