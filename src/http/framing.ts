// Where the body of an HTTP/1 request ends, by its fields (RFC 9112 §6). Asked by the worker's request guard for
// the bytes as they come, and by the bridge's request-head.ts for the request that node:http made of them: both
// must read one head alike. Pure. It must never guess: whoever stands between us and the client may guess
// otherwise, and where the two differ a request can be smuggled.

import { WsgiTsError } from '../errors.ts';

/** RFC 9110 §5.6.2, token: what a coding's name is made of. Whatever parameters follow it are of no interest. */
const CODING = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(;.*)?$/;

/**
 * What the fields of a request say of its body.
 *
 * @param lengths - values of its `Content-Length` fields, in order
 * @param codings - values of its `Transfer-Encoding` fields, in order
 * @returns bytes; 0 for none, -1 for one that is chunked: only its end tells where it ends
 * @throws {@link WsgiTsError} (client): 400 for what can be read in two ways, 501 for a coding other than chunked
 */
export function bodyFraming(
  version: '1.0' | '1.1',
  lengths: readonly string[],
  codings: readonly string[],
): number {
  if (codings.length > 0) {
    // RFC 9112 §6.1: the fault may be an attempt at smuggling, and a 1.0 sender can't have meant it.
    if (version === '1.0') throw badFraming('a Transfer-Encoding in a request of HTTP/1.0');
    if (lengths.length > 0) throw badFraming('both Content-Length and Transfer-Encoding');
    checkCodings(codings);
    return -1;
  }
  const [length] = lengths;
  if (length === undefined) return 0;
  // RFC 9110 §8.6 would allow equal ones to be taken for one; no client needs it, and smugglers do.
  if (lengths.length > 1) throw badLength('more than one Content-Length');
  return contentLength(length);
}

/**
 * The number in `Content-Length`.
 *
 * @returns bytes
 * @throws {@link WsgiTsError} (client, 400)
 */
function contentLength(value: string): number {
  const length = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(length)) throw badLength('a Content-Length that is no length');
  return length;
}

/** RFC 9112 §6.3, item 4: chunked has to be the last coding; §7.1: and is applied once. It is all we know. */
function checkCodings(fields: readonly string[]): void {
  const names = fields.flatMap((field) => field.split(',')).map(codingName);
  if (names.indexOf('chunked') !== names.length - 1) {
    throw badFraming('a Transfer-Encoding that does not end with chunked, once');
  }
  if (names.length > 1) {
    throw new WsgiTsError(
      'ERR_WSGI_TRANSFER_CODING',
      'client',
      'the body is in a coding other than chunked',
      { status: 501 },
    );
  }
}

function codingName(coding: string): string {
  const [, name, parameters] = CODING.exec(coding) ?? [];
  // RFC 9112 §7.1: chunked has no parameters.
  if (name === undefined || (parameters !== undefined && name.toLowerCase() === 'chunked')) {
    throw badFraming('a Transfer-Encoding that is no list of codings');
  }
  return name.toLowerCase();
}

function badFraming(what: string): WsgiTsError {
  return refusal('ERR_WSGI_FRAMING', what);
}

function badLength(what: string): WsgiTsError {
  return refusal('ERR_WSGI_CONTENT_LENGTH', what);
}

function refusal(code: string, what: string): WsgiTsError {
  return new WsgiTsError(code, 'client', `the request has ${what}`, { status: 400 });
}
