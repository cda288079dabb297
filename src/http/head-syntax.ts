// The form of a message's lines: request line, fields, chunk sizes, trailers (RFC 9112 §2–§7, RFC 9110 §5).
// Used by request-guard.ts alone. Each function reads one line of a text, one character a byte, from an offset on.
// Pure. It must never say what a field means.

import { METHODS } from 'node:http';
import { WsgiTsError } from '../errors.ts';

/** RFC 9110 §5.6.2 */
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** RFC 9110 §5.5: VCHAR, obs-text, space and tab; nothing else has a use, and CR, LF, NUL are dangerous. */
const VALUE = '[\\t\\x20-\\x7e\\x80-\\xff]*';
/** RFC 9110 §5.6.4 */
const QUOTED =
  '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';

const requestLine = new RegExp(`(${TOKEN}) ([\\x21-\\x7e]+) HTTP/(\\d\\.\\d)\\r\\n`, 'y');
const field = new RegExp(`${TOKEN}:${VALUE}\\r\\n`, 'y');
const chunkLine = new RegExp(
  // RFC 9112 §7.1.1, but for the white space that it allows in extensions: node:http's parser refuses it, and in a
  // request with `Upgrade` says nothing of that. A size of 13 digits is below 2⁵³.
  `0*([0-9A-Fa-f]{1,13})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)\\r\\n`,
  'y',
);

export const CR = 0x0d;
export const LF = 0x0a;
/** RFC 8446 §5.1: the first byte of a handshake. */
export const TLS_HANDSHAKE = 0x16;

const methods: ReadonlySet<string> = new Set(METHODS);

/**
 * RFC 9110 §6.5.1: no trailer may change framing, routing, authentication, how the request or its content is to
 * be read.
 */
const forbiddenTrailers: ReadonlySet<string> = new Set([
  ...[
    'transfer-encoding',
    'content-length',
    'trailer',
    'connection',
    'te',
    'upgrade',
    'keep-alive',
  ],
  ...['host', 'max-forwards', 'expect', 'cache-control', 'pragma', 'range', 'if-range', 'if-match'],
  ...['if-none-match', 'if-modified-since', 'if-unmodified-since', 'authorization', 'cookie'],
  ...['proxy-authorization', 'proxy-connection', 'proxy', 'set-cookie', 'www-authenticate'],
  ...[
    'content-encoding',
    'content-type',
    'content-range',
    'content-location',
    'content-disposition',
  ],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'],
]);

/** RFC 9112 §3.2: origin form, asterisk, absolute form. Which of them is allowed when, is the bridge's to say. */
const target = /^(?:\/|\*$|[a-z]+:\/\/[^/?])/i;

/** What a request line says. */
export interface RequestLine {
  readonly version: '1.0' | '1.1';
  /** Offset of the line behind it. */
  readonly next: number;
}

/** Bad syntax, or what this server doesn't do. */
export function refusal(status: number, why: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_SYNTAX', 'client', why, { status });
}

/** The refusal of a line that has too many bytes. */
export function tooLarge(status: number): WsgiTsError {
  if (status === 414) return refusal(414, 'the request line is too long');
  return refusal(status, status === 431 ? 'a field is too large' : 'malformed chunk');
}

/** The refusal of a head that has more than `limit` fields. */
export function tooMany(limit: number): WsgiTsError {
  return refusal(431, `more than ${limit} fields`);
}

/** The refusal of a method that is not served; null: it is. Methods are case-sensitive (RFC 9110 §9.1). */
export function refuseMethod(method: string): WsgiTsError | null {
  if (!methods.has(method)) return refusal(501, 'a method that is not known here');
  return method === 'CONNECT' ? refusal(501, 'CONNECT is for proxies') : null;
}

/**
 * Reads the request line at `at`, which is whole.
 *
 * @throws WsgiTsError (client): 400; 501 for a method that isn't known, 505 for a version that isn't.
 */
export function readRequestLine(text: string, at: number): RequestLine {
  requestLine.lastIndex = at;
  const match = requestLine.exec(text);
  if (match === null) throw refusal(400, 'malformed request line');
  const [, method = '', asked = '', version] = match;
  if (version !== '1.0' && version !== '1.1')
    throw refusal(505, 'a version of HTTP that is not spoken here');
  const refused = refuseMethod(method);
  if (refused !== null) throw refused;
  if (!target.test(asked)) throw refusal(400, 'a target of no known form');
  return { version, next: requestLine.lastIndex };
}

/** The offset behind the field at `at`, or -1 where there is none of the right form, or none that is whole. */
export function readField(text: string, at: number): number {
  field.lastIndex = at;
  return field.test(text) ? field.lastIndex : -1;
}

/** Why the line from `at` to `end` is no field, for the log. */
export function whyNoField(text: string, at: number, end: number): string {
  const line = text.slice(at, end);
  if (/^[\t ]/.test(line)) return 'a field that is continued on a second line';
  if (!line.includes(':')) return 'a field without a colon';
  if (/^[^:]*[\t ]:/.test(line)) return 'white space in front of the colon of a field';
  if (!new RegExp(`^${TOKEN}:`).test(line))
    return "a character that is not allowed in a field's name";
  return "a control character in a field's value";
}

/** Name in lower case and value of the field at `at`, which is known to be one and ends before `next`. */
export function splitField(text: string, at: number, next: number): [name: string, value: string] {
  const colon = text.indexOf(':', at);
  return [
    text.slice(at, colon).toLowerCase(),
    text.slice(colon + 1, next).replace(/^[\t ]+|[\t\r\n ]+$/g, ''),
  ];
}

/**
 * What a `Connection` field says of the connection (RFC 9112 §9.3): whether another request may follow; null:
 * nothing.
 */
export function readPersistence(version: '1.0' | '1.1', value: string): 'start' | 'over' | null {
  if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/i.test(value)) return 'over';
  if (version === '1.0' && /(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/i.test(value)) return 'start';
  return null;
}

/** What a chunk's line says. */
export interface ChunkLine {
  /** Bytes; 0: it was the last chunk. */
  readonly size: number;
  readonly next: number;
}

/** Reads the whole line of a chunk at `at`. @throws WsgiTsError (client, 400) */
export function readChunkLine(text: string, at: number): ChunkLine {
  chunkLine.lastIndex = at;
  const match = chunkLine.exec(text);
  if (match === null) throw refusal(400, 'malformed chunk size');
  return { size: Number.parseInt(match[1] ?? '', 16), next: chunkLine.lastIndex };
}

/** Whether a field of this name, in lower case, may stand behind a chunked body. */
export function isTrailer(name: string): boolean {
  return !forbiddenTrailers.has(name);
}

/**
 * Whether the line at `at` isn't whole.
 *
 * @throws WsgiTsError (`status`) when it has more than `limit` bytes, its end not counted, whole or not
 */
export function isIncomplete(text: string, at: number, limit: number, status: number): boolean {
  const end = text.indexOf('\n', at);
  const last = end < 0 ? text.length : end;
  // The CR in front of the LF; where that isn't there yet, this may be it.
  const length = last > at && text.charCodeAt(last - 1) === CR ? last - at - 1 : last - at;
  if (length > limit) throw tooLarge(status);
  if (end >= 0 && (end === at || text.charCodeAt(end - 1) !== CR)) {
    throw refusal(400, 'a line that ends without a carriage return');
  }
  return end < 0;
}

/** The request line that begins at `at`, or what there is of it, `limit` bytes at most; '' where it is TLS. */
export function lineAt(text: string, at: number, limit: number): string {
  if (text.charCodeAt(at) === TLS_HANDSHAKE) return '';
  const end = text.indexOf('\n', at);
  const line = text.slice(at, end < 0 ? text.length : end).slice(0, limit);
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
