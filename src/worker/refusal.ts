// What a client is told whose bytes never become a request: pure functions from the HTTP parser's error code
// to a short, complete answer. Used by http-server.ts; it must never repeat what the client sent.

import { STATUS_CODES } from 'node:http';

/** Statuses by the code of Node's error; anything else that the parser refuses is 400. */
const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** The status for an error of Node's `clientError` event. */
export function refusalStatus(code: string | undefined): number {
  return statuses[code ?? ''] ?? 400;
}

/** Head fields and body of an answer after which the connection ends (RFC 9112 9.6). */
export function refusalParts(status: number): [fields: Record<string, string>, body: string] {
  const body = `${status} ${STATUS_CODES[status] ?? ''}\n`;
  const fields = {
    Connection: 'close',
    'Content-Type': 'text/plain',
    'Content-Length': body.length.toString(),
  };
  return [fields, body];
}

/** The same as bytes of a whole answer, where there is no response object. */
export function refusal(status: number, date: Date): string {
  const [fields, body] = refusalParts(status);
  const head = Object.entries({ Date: date.toUTCString(), ...fields });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines}\r\n${body}`;
}
