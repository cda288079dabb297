// What clients are shown while the app can't be loaded: with --reload and in Vite, and there alone. Made by
// failure-handler.ts, on the event loop of a worker, or by integrations/app-beside-vite.ts when loading has failed; it
// reads the source files then, and never for a request.
// It must never put anything into a page unescaped, nor show a byte of the request's.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { WsgiTsError } from '../errors.ts';
import { preferred } from '../http/accept.ts';
import { escapeHtml, type ErrorPage } from '../http/error-page.ts';
import { parseTraceback, type Frame } from './traceback.ts';

/** The field by which a page knows that it is out of date. */
const failureField = 'X-Wsgi-Ts-Failure';

/** Text first: it is for who doesn't say (curl); browsers ask for HTML by name. */
const TYPES = ['text/plain', 'text/html', 'application/json'] as const;

/** Lines of source above and below the one that matters. */
const context = 3;
/** Frames that are shown with their source. */
const mostFrames = 10;
/** Characters of a source file that are read. */
const longest = 1_000_000;

/** The page in each form. */
export interface FailurePage {
  /** The same for the same failure, in every worker. */
  readonly token: string;
  /** What is sent to a client that wants this (`Accept`). */
  choose(accept: string, server: string | null): ErrorPage;
}

/** Asks once a second whether something else is there now. A redirect is followed by the reload. */
const script = (token: string): string => `
const look = async () => {
  try {
    const answer = await fetch(location.href, { method: 'HEAD', cache: 'no-store', redirect: 'manual' });
    if (answer.headers.get('${failureField}') !== '${token}') { location.reload(); return; }
  } catch { /* the server is gone, or changes places with the next one */ }
  setTimeout(look, 1000);
};
setTimeout(look, 1000);
`;

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; color: light-dark(#b00020, #ff8a80); overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.5rem 0 0; overflow-wrap: anywhere; }
p { white-space: pre-wrap; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .5rem; background: light-dark(#f3f3f3, #222); font-size: .875rem; }
mark { display: block; background: light-dark(#ffdce0, #5c1a22); color: inherit; }
footer { margin-top: 2rem; opacity: .7; font-size: .875rem; }
`;

/**
 * Makes the page.
 *
 * @param folders - the person's own, absolute: frames in there come first
 */
export function makeFailurePage(error: WsgiTsError, folders: readonly string[]): FailurePage {
  const { message, remedy, traceback, code } = error;
  const parts = [message, remedy, traceback].filter((part) => part !== undefined);
  const token = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
  const text = Buffer.from(`500 Internal Server Error\n\n${parts.join('\n\n')}\n`);
  const json = Buffer.from(
    `${JSON.stringify({ status: 500, error: 'Internal Server Error', code, message, remedy, traceback })}\n`,
  );
  const html = Buffer.from(renderHtml(error, folders, token));
  const hash = createHash('sha256').update(script(token)).digest('base64');
  const policy =
    `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; connect-src 'self'; ` +
    `base-uri 'none'; form-action 'none'`;
  const bodies = { 'text/plain': text, 'text/html': html, 'application/json': json };
  return {
    token,
    choose: (accept, server) => {
      const type = preferred(accept, TYPES);
      const body = bodies[type];
      const fields = [`500 Internal Server Error`, 'Content-Type'];
      fields.push(type === 'application/json' ? type : `${type}; charset=utf-8`);
      fields.push('Content-Length', String(body.length), failureField, token);
      fields.push('Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff');
      if (type === 'text/html') fields.push('Content-Security-Policy', policy);
      if (server !== null) fields.push('Server', server);
      return { fields, body };
    },
  };
}

function renderHtml(
  { message, remedy, traceback }: WsgiTsError,
  folders: readonly string[],
  token: string,
): string {
  const { frames, type } = parseTraceback(traceback ?? '');
  const own = frames.filter(({ file }) => isOwn(file, folders)).reverse();
  const nearest = own[0] ?? frames.at(-1);
  const what = type === '' ? 'Error' : (type.split('.').at(-1) ?? type);
  const title =
    nearest === undefined
      ? 'The app can’t be loaded'
      : `${what} in ${shorten(nearest.file, folders)}`;
  const shown = own.slice(0, mostFrames).map((frame) => renderFrame(frame, folders));
  return [
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${escapeHtml(title)}</title>\n<style>${style}</style>\n</head>\n<body>`,
    `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(message)}</p>`,
    ...(remedy === undefined ? [] : [`<p><strong>${escapeHtml(remedy)}</strong></p>`]),
    ...shown,
    ...(traceback === undefined
      ? []
      : [`<h2>The whole traceback</h2>\n<pre>${escapeHtml(traceback)}</pre>`]),
    '<footer>wsgi-ts shows this while an app is developed. The page loads itself anew after the next change.' +
      '</footer>',
    `<script>${script(token)}</script>\n</body>\n</html>\n`,
  ].join('\n');
}

function renderFrame(frame: Frame, folders: readonly string[]): string {
  const { file, line, name } = frame;
  const where = `${shorten(file, folders)}, line ${line}${name === '' ? '' : `, in ${name}`}`;
  const source = sourceOf(frame).map(([number, text]) => {
    const shown = `${String(number).padStart(5)}  ${escapeHtml(text)}`;
    return number === line ? `<mark>${shown}</mark>` : `${shown}\n`;
  });
  return `<h2>${escapeHtml(where)}</h2>\n<pre>${source.join('')}</pre>`;
}

/** The lines around the one that matters; where the file can't be read, what the traceback shows. */
function sourceOf({ file, line, source }: Frame): [number, string][] {
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').slice(0, longest).split('\n');
  } catch {
    lines = [];
  }
  if (lines[line - 1] === undefined) return [[line, source[0] ?? '']];
  const first = Math.max(0, line - 1 - context);
  return lines.slice(first, line + context).map((text, index) => [first + index + 1, text]);
}

/** Whether the person wrote it: it is below their folders, and in no environment there. */
function isOwn(file: string, folders: readonly string[]): boolean {
  if (/\/(?:site|dist)-packages\/|\/lib\/python\d/.test(file)) return false;
  return folders.some((folder) => resolve(file).startsWith(`${folder}/`));
}

function shorten(file: string, folders: readonly string[]): string {
  const folder = folders.find((each) => file.startsWith(`${each}/`));
  return folder === undefined ? file : relative(folder, file);
}
