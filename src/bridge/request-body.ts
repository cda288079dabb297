// A request's body: received whole before Python hears of the request, so that a slow client never holds a
// Python thread, and a cut-off body never looks complete. Small ones stay in memory, larger ones go to an
// unlinked temporary file whose descriptor Python reads from (request-spool.ts).
// Called by exchange.ts on the event loop. Must never hand over a descriptor that it also closes.
import { finished, type Readable } from 'node:stream';
import { WsgiTsError } from '../errors.ts';
import { RequestSpool, type ReceivedBody } from './request-spool.ts';
import { BODY_LENT, BODY_REFUSED, type ServerReply, type ServerRequest } from './transaction.ts';

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
 * stored; what the stream says: the client left; what `BODY_REFUSED` says
 */
export async function receiveBody(
  request: ServerRequest,
  response: ServerReply,
  { announced, limit, folder, onProgress }: BodyOptions,
): Promise<ReceivedBody> {
  if (limit > 0 && announced > limit) throw tooLong(limit);
  if (expectsContinue(request)) response.writeContinue();
  const readable: Readable = request;
  let stop: (error?: Error) => void = () => undefined;
  let length = 0;
  let paused = false;
  /** Whether the connection gives pieces that the stream doesn't see, and doesn't stop the connection for. */
  let lent = false;
  const spool = new RequestSpool(folder, {
    onWritten: () => {
      if (!paused || spool.isFull) return;
      paused = false;
      readable.resume();
      if (lent) request.socket.resume();
    },
    onError: (error) => {
      stop(error);
    },
  });
  const take = (piece: Buffer): void => {
    length += piece.length;
    onProgress(length);
    if (limit > 0 && length > limit) {
      stop(tooLong(limit));
      return;
    }
    spool.put(piece);
    if (!spool.isFull) return;
    paused = true;
    readable.pause();
  };
  const takeLent = (piece: Buffer): void => {
    lent = true;
    take(piece);
    if (paused) request.socket.pause();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const unwatch = finished(readable, { writable: false }, (error) => {
        stop(error ?? undefined);
      });
      stop = (error) => {
        unwatch();
        readable.off('data', take).off(BODY_LENT, takeLent).off(BODY_REFUSED, stop);
        if (error === undefined) resolve();
        else reject(error);
      };
      readable.on('data', take).on(BODY_LENT, takeLent).on(BODY_REFUSED, stop);
    });
    return await spool.finish();
  } catch (error) {
    // Not destroyed: its connection is still to be answered.
    readable.pause();
    await spool.discard();
    throw error;
  }
}

/** RFC 9110 §10.1.1: what a client sends that waits for a word before the body; request-head.ts refuses all else. */
function expectsContinue(request: ServerRequest): boolean {
  return request.httpVersion !== '1.0' && request.headers.expect !== undefined;
}

function tooLong(limit: number): WsgiTsError {
  const message = `the body has more than the ${limit} bytes that are allowed`;
  return new WsgiTsError('ERR_WSGI_BODY_TOO_LONG', 'client', message, { status: 413 });
}
