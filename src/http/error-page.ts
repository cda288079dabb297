// The pages that the server answers by itself, in the form that the client likes: text, HTML or JSON. Used by the
// bridge's reply.ts and by the worker for what never becomes a request. Pure. Must never repeat a byte that the
// client sent: what is said of a request is said by the caller, and escaped here.

import { STATUS_CODES } from 'node:http';
import { choosePageForm, type PageForm } from './accept.ts';

/** A page: its head as `[status line, name, value, …]`, and its body. */
export interface ErrorPage {
  readonly fields: string[];
  readonly body: Buffer;
}

/** Seconds after which a client may try again what was too much. */
const RETRY_AFTER = '1';

const TYPES: Readonly<Record<PageForm, string>> = {
  text: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
  json: 'application/json', // RFC 8259 §11: it has no charset
};

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

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
  const reason = STATUS_CODES[status] ?? 'Error';
  const form = choosePageForm(accept);
  const body = Buffer.from(render(form, status, reason, text));
  // No `Vary` besides: it speaks to caches, and none may keep the page.
  const fields = [`${status} ${reason}`, 'Content-Type', TYPES[form]];
  fields.push('Content-Length', String(body.length), 'Cache-Control', 'no-store');
  fields.push('X-Content-Type-Options', 'nosniff');
  if (status === 503) fields.push('Retry-After', RETRY_AFTER);
  if (server !== null) fields.push('Server', server);
  return { fields, body };
}

function render(form: PageForm, status: number, reason: string, text: string): string {
  switch (form) {
    case 'text':
      return `${status} ${reason}\n\n${text}\n`;
    case 'json':
      return `${JSON.stringify({ status, error: reason, message: text })}\n`;
    case 'html': {
      const title = `${status} ${reason}`;
      return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
        `<title>${title}</title>\n</head>\n<body>\n<h1>${title}</h1>\n<p>${escapeHtml(text)}</p>\n</body>\n</html>\n`
      );
    }
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}
