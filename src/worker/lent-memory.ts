// Reads all plain connections into the same memory, and takes long bodies past node:http's parser. Node makes 64 KiB of
// memory for each read, and the parser a copy of each piece of a body; V8 counts both as growth of its heap, so that
// large uploads spent a third of their time in garbage collections. Used by http1-connection.ts on the event loop.
// Must never be needed: where a version of Node has none of what is used here, all goes the ordinary way.

import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Bytes that are read at once: as many as Node reads. */
const SIZE = 65536;

/** What `net.Socket` has for its option `onread`, which sockets that a server accepts can't be given. */
interface SocketInside {
  readonly _handle?: { readonly useUserBuffer?: (memory: Buffer) => void } | null;
  readonly parser?: ParserInside | null;
  [key: symbol]: unknown;
}

/** node:http's parser: its functions are filed by number. */
interface ParserInside {
  /** What it reads. */
  readonly incoming?: IncomingMessage | null;
  [callback: number]: ((piece: Buffer) => void) | null | undefined;
}

const symbols = Object.getOwnPropertySymbols(new Socket());
const kBuffer = symbols.find(({ description }) => description === 'kBuffer');
const kCallback = symbols.find(({ description }) => description === 'kBufferCb');

let memory: Buffer | null = null;

/**
 * Has `onBytes` called with what is read from `socket`, which is then no event `data` any more. The bytes are there until
 * it returns: the next read, of any connection, overwrites them.
 */
export function lendMemory(socket: Socket, onBytes: (bytes: Buffer) => void): void {
  const inside = socket as unknown as SocketInside;
  const { _handle: handle } = inside;
  if (kBuffer === undefined || kCallback === undefined || socket instanceof TLSSocket) return;
  if (typeof handle?.useUserBuffer !== 'function') return;
  memory ??= Buffer.allocUnsafeSlow(SIZE);
  handle.useUserBuffer(memory);
  inside[kBuffer] = memory;
  inside[kCallback] = (length: number, bytes: Buffer): boolean => {
    onBytes(bytes.subarray(0, length));
    return true;
  };
}

/** Where parsers have what gives a body's pieces to its request; -1: nowhere. */
let onBody: number | null = null;

/**
 * Has `parse` called, which gives the parser of `socket` nothing but bytes of the body of `request`; the parser counts
 * them, but gives them to nobody.
 *
 * @param before - called if that can be done; the parser may end the request
 * @returns whether it could be; if not, nothing has been called
 */
export function parseUnseen(
  socket: Socket,
  request: IncomingMessage,
  before: () => void,
  parse: () => void,
): boolean {
  const { parser } = socket as unknown as SocketInside;
  if (!parser || parser.incoming !== request) return false;
  onBody ??= [0, 1, 2, 3, 4, 5, 6].find((at) => parser[at]?.name === 'parserOnBody') ?? -1;
  const callback = parser[onBody];
  if (!callback) return false;
  before();
  parser[onBody] = null;
  try {
    parse();
  } finally {
    parser[onBody] = callback;
  }
  return true;
}
