// The pages that the server answers by itself. Used by the bridge's reply.ts and by the worker for what never
// becomes a request. Pure. Must never repeat a byte that the client sent.

import { STATUS_CODES } from 'node:http';

/** A page: its head as `[status line, name, value, …]`, and its body. */
export interface ErrorPage {
  readonly fields: string[];
  readonly body: Buffer;
}

/**
 * The page for `status`.
 *
 * @param text - one sentence for people
 * @param accept - the request's `Accept`, or ''
 * @param server - value of the `Server` field; null: none
 */
export function errorPage(
  status: number,
  text: string,
  accept: string,
  server: string | null,
): ErrorPage {
  void accept;
  const reason = STATUS_CODES[status] ?? 'Error';
  const body = Buffer.from(`${status} ${reason}\n\n${text}\n`, 'latin1');
  const fields = [`${status} ${reason}`, 'Content-Type', 'text/plain; charset=iso-8859-1'];
  fields.push('Content-Length', String(body.length));
  if (server !== null) fields.push('Server', server);
  return { fields, body };
}
