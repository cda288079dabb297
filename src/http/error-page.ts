// The pages that the server answers by itself, as text, HTML or JSON. Used by the bridge's reply.ts and by the
// worker for what never becomes a request. Pure. Must never repeat a byte that the client sent.

import { STATUS_CODES } from 'node:http';
import { preferred } from './accept.ts';

/** A page: its head as `[status line, name, value, …]`, and its body. */
export interface ErrorPage {
  readonly fields: string[];
  readonly body: Buffer;
}

/** Text first: it is for who doesn't say (curl); browsers ask for HTML by name. */
const TYPES = ['text/plain', 'text/html', 'application/json'] as const;

/** RFC 9110 §10.2.3, in seconds: there may be a thread, or another server, by then. */
const RETRY_AFTER = '1';

/**
 * The page for `status`.
 *
 * @param text - one sentence for people; nothing of a client's
 * @param accept - the request's `Accept`, or ''
 * @param server - value of the `Server` field; null: none
 */
export function errorPage(
  status: number,
  text: string,
  accept: string,
  server: string | null,
): ErrorPage {
  const reason = STATUS_CODES[status] ?? 'Error';
  const type = preferred(accept, TYPES);
  const body = Buffer.from(render(type, status, reason, text));
  const fields = [`${status} ${reason}`, 'Content-Type', contentType(type)];
  fields.push('Content-Length', String(body.length));
  // It is about this moment, and about who asked for it in which form.
  fields.push('Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff');
  if (status === 503) fields.push('Retry-After', RETRY_AFTER);
  if (server !== null) fields.push('Server', server);
  return { fields, body };
}

function contentType(type: (typeof TYPES)[number]): string {
  // RFC 8259 §11: JSON has no charset.
  return type === 'application/json' ? type : `${type}; charset=utf-8`;
}

function render(
  type: (typeof TYPES)[number],
  status: number,
  reason: string,
  text: string,
): string {
  switch (type) {
    case 'text/html':
      return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
        `<title>${status} ${escapeHtml(reason)}</title>\n</head>\n<body>\n` +
        `<h1>${status} ${escapeHtml(reason)}</h1>\n<p>${escapeHtml(text)}</p>\n</body>\n</html>\n`
      );
    case 'application/json':
      return `${JSON.stringify({ status, error: reason, message: text })}\n`;
    case 'text/plain':
      return `${status} ${reason}\n\n${text}\n`;
  }
}

/** `text` as text of a page, or within the double quotes of an attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
