// How long a request's body is (RFC 9112 §6.3), from what its head says. Used by the guard and by the bridge. Pure.
// Whatever could be read in two ways is refused: two readings of one message are how requests are smuggled.

import { WsgiTsError } from '../errors.ts';

/**
 * The length of a request's body.
 *
 * @param lengths - the values of all `Content-Length` fields
 * @param codings - the values of all `Transfer-Encoding` fields
 * @returns bytes, 0 for no body, -1 where the last chunk will tell
 * @throws WsgiTsError (client): 400, or 501 for a coding that is not undone here
 */
export function bodyFraming(
  version: '1.0' | '1.1',
  lengths: readonly string[],
  codings: readonly string[],
): number {
  if (codings.length > 0) {
    if (version === '1.0') throw refuse(400, 'Transfer-Encoding in HTTP/1.0');
    if (lengths.length > 0) throw refuse(400, 'both Content-Length and Transfer-Encoding');
    checkCodings(codings.join(',').toLowerCase());
    return -1;
  }
  if (lengths.length === 0) return 0;
  const [text = ''] = lengths;
  const length = /^\d+$/.test(text) ? Number(text) : NaN;
  if (lengths.length > 1 || !Number.isSafeInteger(length)) {
    throw refuse(400, 'Content-Length is not one number');
  }
  return length;
}

/** RFC 9112 §6.1 and §6.3: `chunked` once, and last; §7: other codings need not be known. */
function checkCodings(list: string): void {
  const codings = list.split(',').map((coding) => coding.trim());
  const chunked = codings.filter((coding) => coding === 'chunked').length;
  if (chunked !== 1 || codings.at(-1) !== 'chunked') {
    throw refuse(400, 'the last coding of the body is not chunked, and chunked alone');
  }
  if (codings.length > 1) throw refuse(501, 'the body is in a coding other than chunked');
}

function refuse(status: number, message: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_FRAMING', 'client', message, { status });
}
