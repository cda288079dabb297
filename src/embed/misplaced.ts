// A request that its own program has spoilt for the app, before it got there: what is wrong, and what is answered. Used by
// create-handler.ts on the event loop. In a worker there is nobody in front of the app, and nothing of this is asked.

import type { LoadOptions } from '../bridge/handler-options.ts';
import { cutOff, type ServerReply, type ServerRequest } from '../bridge/transaction.ts';
import { WsgiTsError } from '../errors.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';
import { answerInstead } from './answer-instead.ts';

/** How many characters of a target the log shows. */
const TARGET_SHOWN = 512;
const NOT_TAKEN = 'The server could not take this request.';

/** Why the app can't answer this request any more; null: it can. */
export function alreadyBegun(response: ServerReply): WsgiTsError | null {
  return response.headersSent ? begun() : null;
}

/** Why the app can't have the body of this request any more; null: it can, or there is none. */
export function alreadyRead(request: ServerRequest): WsgiTsError | null {
  return request.readableEnded && hasBody(request) ? bodyRead() : null;
}

/** RFC 9112 §6: what tells of a body; RFC 9113 §8.1: in HTTP/2 it is there where the head doesn't end the stream. */
function hasBody(request: ServerRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (length !== undefined) return Number(length) > 0;
  return 'stream' in request ? !request.stream.endAfterHeaders : coding !== undefined;
}

/**
 * Gives a request back with the reason: to `next`, else it is ended. A response that is complete already is left alone.
 * The log is told in any case.
 */
export function refuseMisplaced(
  error: WsgiTsError,
  request: ServerRequest,
  response: ServerReply,
  next: ((error: unknown) => void) | undefined,
  { load, logger }: { readonly load: LoadOptions; readonly logger: Logger },
): void {
  const { originalUrl = request.url ?? '' } = request as { readonly originalUrl?: string };
  const line = `${escapeField(request.method ?? '')} ${escapeField(originalUrl.slice(0, TARGET_SHOWN))}`;
  (load.loggerFor?.(request) ?? logger).error(`${line}: ${error.message}\n${error.remedy ?? ''}`);
  if (response.writableEnded) return;
  if (next !== undefined) next(error);
  else if (response.headersSent) cutOff(response);
  else answerInstead(request, response, 500, NOT_TAKEN, load);
}

function begun(): WsgiTsError {
  const message =
    'The response was begun before the request came to the app, which was not called.';
  return new WsgiTsError('ERR_WSGI_RESPONSE_BEGUN', 'operator', message, {
    remedy:
      'Whoever calls writeHead, write or end in front of the app answers the request by himself, and calls no next().',
    status: 500,
  });
}

function bodyRead(): WsgiTsError {
  const message =
    'The body of the request was read before it came to the app, which was not called.';
  return new WsgiTsError('ERR_WSGI_BODY_READ', 'operator', message, {
    remedy:
      'Mount the app before body parsers (express.json() and the like), or those below other paths.',
    status: 500,
  });
}
