// The frames that Node and Python exchange: what their bytes are, and nothing else.
// Called by channel.ts (both directions) and by tests; python/wsgi_ts/frame.py is the same table in Python,
// and fixtures/frames/*.json holds both to it. Pure: no socket, no clock, no state.
//
// A frame is a header of 9 bytes, little-endian (u32 payload length, u8 kind, u32 exchange id), then its
// payload. Frames that belong to no exchange have id 0. A file descriptor in a frame is a number that both
// sides can use, since they are one process: sending it hands over the duty to close it.

/** Every kind of frame. Below 16: to Python's threads; 16–23: to its control thread; 24–31: to its log thread; from 32: to Node. */
export const FrameKind = {
  /** u32 head length, head, the body's bytes: a request whose body (if any) is inline. */
  request: 1,
  /** u32 head length, head, u32 fd: a request whose body is a file, read from its start. */
  requestFile: 2,
  /** Nothing: a file response has been sent, or will never be; its iterable may be closed. */
  release: 3,

  /** Nothing: no answer came for a while. Flush, and wake one more thread. */
  poke: 16,
  /** Nothing: the client is gone. As `leaving`; and a streamed response ends. */
  abort: 17,
  /** u32 milliseconds: which running requests took longer? They are interrupted. */
  expire: 18,
  /** u32 fd: make a duplicate. */
  duplicate: 19,
  /** Nothing: take no more requests, end the threads. */
  stop: 20,
  /** Nothing: this exchange, of which `abort` or `leaving` was said, is over on both sides. */
  forget: 21,
  /** Nothing: the client has ended its side, and may be gone. An app that was not called yet won't be. */
  leaving: 22,
  /** Nothing: log files were renamed. Those that Python has open are to be opened anew. */
  reopen: 23,

  /** u8 level, u8 whether the level has been judged, f64 time, UTF-8 text: see {@link encodeEntry}. */
  entry: 24,
  /** UTF-8 JSON: `[time, atoms]` of a line of the access log. */
  access: 25,
  /** A datagram for the socket of statsd. */
  metrics: 26,

  /** u32 head length, head, the body's bytes: a whole response. */
  response: 32,
  /** u32 head length, head, u32 fd, u64 offset, u64 length: a response whose body is part of a file. */
  responseFile: 33,
  /** u32 head length, head, u32 fd: a response whose body follows on a socket of its own, then `end`. */
  responseStream: 34,
  /** u8 outcome (see {@link Outcome}): the exchange is over. Before any response: an error page is due. */
  end: 35,
  /** u8 level (see {@link LOG_LEVELS}), UTF-8 text: a log entry of this exchange. */
  log: 36,
  /** u32 fd, u32 duplicate ({@link NO_DESCRIPTOR} where it failed): the answer to `duplicate`. */
  duplicated: 37,
  /** UTF-8 text, the Python stack: the exchange took too long. */
  timedOut: 38,
  /** Nothing: every thread has ended, or won't within a second. */
  stopped: 39,
  /** Nothing: the answer to `expire`, behind what it found. */
  expired: 40,
  /** Head fields, name, value, …: of a 103 (RFC 8297). */
  earlyHints: 41,
  /** u8 level ({@link WHOLE_LINE}: none), UTF-8 text: a record that Python's `logging` has passed. */
  record: 42,
  /** u8 level, UTF-8 text: what the app wrote to `wsgi.errors`. */
  errors: 43,
  /** u32 count: so many frames more have been handled by the log thread. */
  handled: 44,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** How an exchange ended, in an `end` frame. */
export const Outcome = {
  complete: 0,
  failed: 1,
  /** The client left before the app was called. */
  gone: 2,
} as const;

/** Levels of a `log` frame, by number. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const;

/** Stands for a level in a `record` whose text is the line as it shall be, with no prefix. */
export const WHOLE_LINE = 255;

/** Stands for "no descriptor could be made" in a `duplicated` frame. */
export const NO_DESCRIPTOR = 0xffffffff;

/** Bytes of a frame's header. */
const HEADER_LENGTH = 9;

const EMPTY = Buffer.alloc(0);

function start(kind: FrameKind, id: number, payloadLength: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_LENGTH + payloadLength);
  frame.writeUInt32LE(payloadLength, 0);
  frame[4] = kind;
  frame.writeUInt32LE(id, 5);
  return frame;
}

/** A frame with a ready payload. */
export function encodeFrame(kind: FrameKind, id: number, payload: Uint8Array = EMPTY): Buffer {
  const frame = start(kind, id, payload.length);
  frame.set(payload, HEADER_LENGTH);
  return frame;
}

/** A frame whose payload is one u32. */
export function encodeNumber(kind: FrameKind, id: number, value: number): Buffer {
  const frame = start(kind, id, 4);
  frame.writeUInt32LE(value, HEADER_LENGTH);
  return frame;
}

/** A `request` frame. `head` is latin-1; `body` are the body's pieces in order. */
export function encodeRequest(id: number, head: string, body: readonly Uint8Array[]): Buffer {
  let bodyLength = 0;
  for (const piece of body) bodyLength += piece.length;
  const frame = start(FrameKind.request, id, 4 + head.length + bodyLength);
  frame.writeUInt32LE(head.length, HEADER_LENGTH);
  frame.write(head, HEADER_LENGTH + 4, 'latin1');
  let offset = HEADER_LENGTH + 4 + head.length;
  for (const piece of body) {
    frame.set(piece, offset);
    offset += piece.length;
  }
  return frame;
}

/** A `requestFile` frame: Python reads the body from `fd` and closes it. */
export function encodeRequestFile(id: number, head: string, fd: number): Buffer {
  const frame = start(FrameKind.requestFile, id, 8 + head.length);
  frame.writeUInt32LE(head.length, HEADER_LENGTH);
  frame.write(head, HEADER_LENGTH + 4, 'latin1');
  frame.writeUInt32LE(fd, HEADER_LENGTH + 4 + head.length);
  return frame;
}

/**
 * An `entry` frame, of the error log.
 *
 * @param level - index in {@link LOG_LEVELS}
 * @param judged - whether it shall pass whatever the level of Python's logger is
 * @param time - milliseconds since the epoch
 */
export function encodeEntry(level: number, judged: boolean, time: number, text: string): Buffer {
  const frame = start(FrameKind.entry, 0, 10 + Buffer.byteLength(text));
  frame[HEADER_LENGTH] = level;
  frame[HEADER_LENGTH + 1] = Number(judged);
  frame.writeDoubleLE(time, HEADER_LENGTH + 2);
  frame.write(text, HEADER_LENGTH + 10);
  return frame;
}

/** The head of a response frame: `[status line, name, value, name, value, …]`, and where it ends. */
export interface ResponseHead {
  readonly fields: string[];
  /** Offset of the first byte behind the head, within the payload's buffer. */
  readonly end: number;
}

/** Reads the head of a `response…` frame whose payload starts at `offset`. */
export function decodeResponseHead(buffer: Buffer, offset: number): ResponseHead {
  const end = offset + 4 + buffer.readUInt32LE(offset);
  return { fields: decodeFields(buffer, offset + 4, end), end };
}

/** The status code in the head of a `response…` frame whose payload starts at `offset`. */
export function decodeStatus(buffer: Buffer, offset: number): number {
  return Number(buffer.toString('latin1', offset + 4, offset + 7));
}

/** Reads texts that are separated by line feeds. */
export function decodeFields(buffer: Buffer, start: number, end: number): string[] {
  return buffer.toString('latin1', start, end).split('\n');
}

/** Where a file response's bytes are. */
export interface FileRange {
  readonly fd: number;
  /** First byte. */
  readonly offset: number;
  /** Count of bytes. */
  readonly length: number;
}

/** Reads what follows the head in a `responseFile` frame. */
export function decodeFileRange(buffer: Buffer, offset: number): FileRange {
  return {
    fd: buffer.readUInt32LE(offset),
    offset: Number(buffer.readBigUInt64LE(offset + 4)),
    length: Number(buffer.readBigUInt64LE(offset + 12)),
  };
}

/** Receives each frame: its payload is `buffer` from `start` to `end`, valid only during the call. */
export type FrameSink = (
  kind: number,
  id: number,
  buffer: Buffer,
  start: number,
  end: number,
) => void;

/**
 * Hands every whole frame in `buffer` to `sink`.
 *
 * @returns how many bytes were consumed; what lies behind is the start of a frame that is not whole yet.
 */
export function decodeFrames(buffer: Buffer, sink: FrameSink): number {
  let offset = 0;
  while (buffer.length - offset >= HEADER_LENGTH) {
    const start = offset + HEADER_LENGTH;
    const end = start + buffer.readUInt32LE(offset);
    if (end > buffer.length) break;
    sink(buffer[offset + 4] ?? 0, buffer.readUInt32LE(offset + 5), buffer, start, end);
    offset = end;
  }
  return offset;
}
