// A request's body: received whole before Python hears of the request, so that a slow client never holds a
// Python thread, and a cut-off body never looks complete. Small ones stay in memory, larger ones go to an
// unlinked temporary file whose descriptor Python reads from.
// Called by exchange.ts on the event loop. Must never hand over a descriptor that it also closes.
import { randomBytes } from 'node:crypto';
import { close, createWriteStream, open, unlink } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

/** Bytes of a body that travel inside the request's frame; longer ones are stored in a file. */
export const INLINE_BODY_LIMIT = 64 * 1024;

/** A body that has been received whole. */
export type ReceivedBody =
  | { readonly kind: 'inline'; readonly pieces: readonly Buffer[]; readonly length: number }
  /** The receiver has to close `fd`. */
  | { readonly kind: 'file'; readonly fd: number; readonly length: number };

/**
 * Receives the body of `request`, which has one.
 *
 * @param bodyLength - bytes that are announced, or -1 where they aren't.
 * @throws what the stream or the file system says: the client left, or the disk is full.
 */
export async function receiveBody(
  request: IncomingMessage,
  bodyLength: number,
): Promise<ReceivedBody> {
  if (bodyLength > INLINE_BODY_LIMIT) return storeBody(request, []);
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of iterate(request)) {
    pieces.push(piece);
    length += piece.length;
    if (length > INLINE_BODY_LIMIT) return storeBody(request, pieces);
  }
  return { kind: 'inline', pieces, length };
}

function iterate(request: IncomingMessage): AsyncIterable<Buffer> {
  // Leaving the loop must not destroy the request: the rest of the body is stored from there.
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

async function storeBody(
  request: IncomingMessage,
  received: readonly Buffer[],
): Promise<ReceivedBody> {
  const fd = await openUnlinked();
  try {
    // With `start`, bytes are written at positions: the descriptor's own stays 0, where Python begins.
    const file = createWriteStream('', { fd, start: 0, autoClose: false, highWaterMark: 1 << 20 });
    for (const piece of received) file.write(piece);
    await pipeline(request, file);
    return { kind: 'file', fd, length: file.bytesWritten };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Opens a file that has no name any more: it is gone with its last descriptor, however the process ends. */
async function openUnlinked(): Promise<number> {
  const path = join(tmpdir(), `wsgi-ts-${randomBytes(12).toString('hex')}`);
  // Not a FileHandle: that would close its descriptor when collected, but Python will own this one.
  const fd = await promisify(open)(path, 'wx+', 0o600);
  await promisify(unlink)(path);
  return fd;
}
