// What each atom of an access-log format stands for: `%(h)s`, `%({referer}i)s`. Pure functions from a record
// to a text, looked up once when the format is compiled (access-log.ts), called for each request.
// A value that came from the client is escaped here, where it is known to be one.

import { escapeField } from './escape.ts';
import { accessLogTimestamps } from './timestamp.ts';

/**
 * How a request came to its end: answered by the app; its client left; a time limit passed; refused before the
 * app was called; the app failed to answer; cut off because the server ended.
 */
export type Outcome = 'ok' | 'client_gone' | 'timeout' | 'rejected' | 'app_error' | 'killed';

/** One answered (or aborted) request. */
export interface AccessRecord {
  /** The peer's address; empty where it has none (a unix socket). */
  readonly remoteAddress: string;
  readonly method: string;
  /** The request target as it came: `/path?query`. */
  readonly target: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  readonly status: number;
  /** Bytes of the body that were handed to the socket. */
  readonly bytes: number;
  /** When the request's head was read; milliseconds since the epoch. */
  readonly startedAt: number;
  /** Milliseconds from then to the end of the answer, with a fraction. */
  readonly duration: number;
  readonly outcome: Outcome;
  /** As they came: name, value, name, value. */
  readonly requestHeaders: readonly string[];
  /** As they were sent: name, value, name, value. */
  readonly responseHeaders: readonly string[];
}

/** One piece of a line. */
export type Atom = (record: AccessRecord) => string;

/** What stands where there is no value, as in Apache's logs. */
const none = '-';

const plain: Readonly<Record<string, (pid: number) => Atom>> = {
  h: () => (record) => quoted(record.remoteAddress),
  l: () => () => none,
  u: () => (record) => quoted(basicUser(header(record.requestHeaders, 'authorization'))),
  t: () => time(),
  r: () => (record) => quoted(`${record.method} ${record.target} ${record.protocol}`),
  m: () => (record) => quoted(record.method),
  U: () => (record) => quoted(split(record.target).path),
  q: () => (record) => escapeField(split(record.target).query),
  H: () => (record) => quoted(record.protocol),
  s: () => (record) => record.status.toString(),
  b: () => (record) => record.bytes.toString(),
  B: () => (record) => record.bytes.toString(),
  f: () => (record) => quoted(header(record.requestHeaders, 'referer')),
  a: () => (record) => quoted(header(record.requestHeaders, 'user-agent')),
  T: () => (record) => Math.floor(record.duration / 1000).toString(),
  M: () => (record) => Math.floor(record.duration).toString(),
  D: () => (record) => microseconds(record).toString(),
  L: () => (record) => (microseconds(record) / 1e6).toFixed(6),
  p: (pid) => () => `<${pid}>`,
  outcome: () => (record) => record.outcome,
};

/** The environ keys that a record still knows; the rest lived in Python and is gone: `-`. */
const environ: Readonly<Record<string, (record: AccessRecord) => string | undefined>> = {
  REQUEST_METHOD: (record) => record.method,
  RAW_URI: (record) => record.target,
  REQUEST_URI: (record) => record.target,
  SCRIPT_NAME: () => '',
  PATH_INFO: (record) => percentDecoded(split(record.target).path),
  QUERY_STRING: (record) => split(record.target).query,
  SERVER_PROTOCOL: (record) => record.protocol,
  REMOTE_ADDR: (record) => record.remoteAddress,
  CONTENT_TYPE: (record) => header(record.requestHeaders, 'content-type'),
  CONTENT_LENGTH: (record) => header(record.requestHeaders, 'content-length'),
};

/** Atoms that are numbers under gunicorn. */
const numbers: ReadonlySet<string> = new Set(['B', 'T', 'D', 'M']);

/**
 * All atoms of a record at once, as gunicorn gives them to Python's `logging`: by name, and the fields of request,
 * response and environ as `{name}i`, `{name}o`, `{name}e`, in lower case. Texts are escaped as in a line.
 */
export function allAtoms(
  pid = process.pid,
): (record: AccessRecord) => Record<string, string | number> {
  const simple = Object.entries(plain).map(([name, make]) => [name, make(pid)] as const);
  return (record) => {
    const atoms: Record<string, string | number> = {};
    for (const [name, atom] of simple) {
      atoms[name] = numbers.has(name) ? Number(atom(record)) : atom(record);
    }
    for (const [fields, letter] of [
      [record.requestHeaders, 'i'],
      [record.responseHeaders, 'o'],
    ] as const) {
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const name = (fields[i] ?? '').toLowerCase();
        atoms[`{${name}}${letter}`] = quoted(header(fields, name));
      }
    }
    for (const [name, value] of Object.entries(environ)) {
      atoms[`{${name.toLowerCase()}}e`] = quoted(value(record));
    }
    return atoms;
  };
}

/** The single-letter atoms, for messages. */
export const plainAtoms: readonly string[] = Object.keys(plain);

/**
 * Finds what an atom stands for.
 * @param name `h`, `{name}i` (request header), `{name}o` (response header) or `{name}e` (environ; of these
 * only the keys that follow from the request's head are known to Node: the `REQUEST_…`, `PATH_INFO`,
 * `QUERY_STRING`, `SERVER_PROTOCOL`, `REMOTE_ADDR`, `CONTENT_…` and `HTTP_…` ones; any other is `-`).
 * Header names and environ keys may be in any case.
 * @param pid the process id that `%(p)s` shows.
 * @returns undefined for an atom that doesn't exist.
 */
export function findAtom(name: string, pid: number): Atom | undefined {
  if (Object.hasOwn(plain, name)) return plain[name]?.(pid);
  const match = /^\{(.+)\}([ioe])$/.exec(name);
  const key = match?.[1]?.toLowerCase() ?? '';
  if (match?.[2] === 'i') return (record) => quoted(header(record.requestHeaders, key));
  if (match?.[2] === 'o') return (record) => quoted(header(record.responseHeaders, key));
  if (match?.[2] === 'e') return environAtom(key.toUpperCase());
  return undefined;
}

function environAtom(key: string): Atom {
  if (Object.hasOwn(environ, key)) return (record) => quoted(environ[key]?.(record));
  if (!key.startsWith('HTTP_')) return () => none;
  const field = key.slice('HTTP_'.length).replaceAll('_', '-').toLowerCase();
  return (record) => quoted(header(record.requestHeaders, field));
}

/** The time of logging, as gunicorn has it, not that of the request's arrival (Apache's). */
function time(): Atom {
  const format = accessLogTimestamps();
  return (record) => `[${format(record.startedAt + record.duration)}]`;
}

function quoted(value: string | undefined): string {
  return value === undefined || value === '' ? none : escapeField(value);
}

function microseconds(record: AccessRecord): number {
  return Math.floor(record.duration * 1000);
}

/** The values of all fields called `name` (lower-case), joined by a comma. */
export function header(fields: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i] ?? '';
    if (field.length !== name.length || field.toLowerCase() !== name) continue;
    const next = fields[i + 1] ?? '';
    value = value === undefined ? next : `${value}, ${next}`;
  }
  return value;
}

/** RFC 7617: `Basic ` and base64 of `user:password`. */
export function basicUser(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const match = /^basic +(\S+)/i.exec(authorization);
  if (match?.[1] === undefined) return undefined;
  const credentials = Buffer.from(match[1], 'base64').toString('latin1');
  const colon = credentials.indexOf(':');
  return colon < 0 ? undefined : credentials.slice(0, colon);
}

/** Path and query; the absolute form (RFC 9112 3.2.2) loses its scheme and authority. */
function split(target: string): { path: string; query: string } {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    path: path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, ''),
    query: mark < 0 ? '' : target.slice(mark + 1),
  };
}

function percentDecoded(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(parseInt(code, 16)),
  );
}
