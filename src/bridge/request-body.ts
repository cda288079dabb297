// A request's body: received whole before Python hears of the request, so that a slow client never holds a
// Python thread, and a cut-off body never looks complete. Small ones stay in memory, larger ones go to an
// unlinked temporary file whose descriptor Python reads from.
// Called by exchange.ts on the event loop. Must never hand over a descriptor that it also closes.
import { WsgiTsError } from '../errors.ts';
import { SpoolFile } from './spool-file.ts';
import type { ServerReply, ServerRequest } from './transaction.ts';

/** Bytes of a body that travel inside the request's frame; longer ones are stored in a file. */
const INLINE_BODY_LIMIT = 64 * 1024;

/** A body that has been received whole. */
export type ReceivedBody =
  | { readonly kind: 'inline'; readonly pieces: readonly Buffer[]; readonly length: number }
  /** The receiver has to close `fd`. */
  | { readonly kind: 'file'; readonly fd: number; readonly length: number };

/** What is known of a body before it comes, and who wants to hear of it. */
export interface BodyOptions {
  /** Bytes, or -1 where they aren't announced. */
  readonly announced: number;
  /** Bytes that it may have; 0: any number. */
  readonly limit: number;
  /** Where longer ones are stored; null: the system's folder for temporary files. */
  readonly folder: string | null;
  /** Told how many bytes have come, with each piece. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Receives the body of `request`, which has one.
 *
 * @throws WsgiTsError (client, 413) for a body that is too long, (operator, 507 or 500) where it can't be
 * stored; what the stream says: the client left.
 */
export async function receiveBody(
  request: ServerRequest,
  response: ServerReply,
  { announced, limit, folder, onProgress }: BodyOptions,
): Promise<ReceivedBody> {
  if (limit > 0 && announced > limit) throw tooLong(limit);
  if (expectsContinue(request)) response.writeContinue();
  const pieces: Buffer[] = [];
  let length = 0;
  let file = announced > INLINE_BODY_LIMIT ? await SpoolFile.open(folder) : null;
  try {
    // An error of ours must not destroy the request: its connection is still to be answered.
    const received = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const piece of received) {
      pieces.push(piece);
      length += piece.length;
      onProgress(length);
      if (limit > 0 && length > limit) throw tooLong(limit);
      if (file === null && length <= INLINE_BODY_LIMIT) continue;
      file ??= await SpoolFile.open(folder);
      const data = pieces.length === 1 ? piece : Buffer.concat(pieces);
      pieces.length = 0;
      await file.write(data, length - data.length);
    }
  } catch (error) {
    file?.close();
    throw error;
  }
  if (file === null) return { kind: 'inline', pieces, length };
  return { kind: 'file', fd: file.fd, length };
}

/** RFC 9110 §10.1.1: what a client sends that waits for a word before the body; request-head.ts refuses all else. */
function expectsContinue(request: ServerRequest): boolean {
  return request.httpVersion !== '1.0' && request.headers.expect !== undefined;
}

function tooLong(limit: number): WsgiTsError {
  const message = `the body has more than the ${limit} bytes that are allowed`;
  return new WsgiTsError('ERR_WSGI_BODY_TOO_LONG', 'client', message, { status: 413 });
}
