// One request on a connection of its own, and its answer. Called by run.ts, on the event loop. It judges nothing, follows
// no redirects, and never waits longer than its limit.

import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Answer } from './expectation.ts';

/** A request as it is sent. */
export interface VisitRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | null;
}

/** How a visit ended. */
export type Visit =
  { readonly answer: Answer; readonly failure: null; readonly timedOut: false } | FailedVisit;

/** One that brought no whole answer. */
export interface FailedVisit {
  /** What there was of one. */
  readonly answer: Answer | null;
  /** Why it is not whole: a sentence. */
  readonly failure: string;
  readonly timedOut: boolean;
}

/** Bytes of a body that are kept; more is a failure. */
const largestBody = 64 * 1024 * 1024;
/** Bytes of a head: more than any server sends. */
const largestHead = 1024 * 1024;

/**
 * Visits `url`'s server. Never rejects.
 *
 * @param url - as the server says it: `http://…`, `https://…` (its certificate is not judged: it is ours) or `unix:…`
 * @param seconds - the limit of it all
 * @param signal - ends it at once
 */
export async function visit(
  url: string,
  request: VisitRequest,
  seconds: number,
  signal: AbortSignal,
): Promise<Visit> {
  const send = url.startsWith('https:') ? (await import('node:https')).request : requestHttp;
  try {
    const sent = send({ ...optionsOf(url, request), signal });
    return await answerTo(sent, request.body, seconds);
  } catch (error) {
    // Node refuses what can't stand in a head, such as a saved value with a line break.
    const why = error instanceof Error ? error.message : String(error);
    return { answer: null, failure: `the request can't be sent: ${why}`, timedOut: false };
  }
}

function answerTo(request: ClientRequest, body: Buffer | null, seconds: number): Promise<Visit> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let length = 0;
    let head: Omit<Answer, 'body'> | null = null;
    const conclude = (visited: Visit): void => {
      clearTimeout(timer);
      resolve(visited);
      request.destroy();
    };
    const end = (failure: string, timedOut = false): void => {
      const answer = head === null ? null : { ...head, body: Buffer.concat(pieces) };
      conclude({ answer, failure, timedOut });
    };
    const timer = setTimeout(() => {
      end('no whole answer in time', true);
    }, seconds * 1000);
    request.on('response', (response) => {
      const ofAnswer = headOf(response);
      head = ofAnswer;
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > largestBody) end(`the body is longer than ${largestBody} bytes`);
        else pieces.push(piece);
      });
      response.on('end', () => {
        const answer = { ...ofAnswer, body: Buffer.concat(pieces) };
        conclude({ answer, failure: null, timedOut: false });
      });
      response.on('error', () => {
        end('the answer was cut off');
      });
    });
    request.on('error', (error) => {
      if (head === null) end(noAnswer(error));
    });
    request.on('close', () => {
      if (head === null) end(closed);
    });
    request.end(body ?? undefined);
  });
}

function headOf({
  rawHeaders,
  statusCode,
  statusMessage,
  httpVersion,
}: IncomingMessage): Omit<Answer, 'body'> {
  const names = rawHeaders.filter((_, index) => index % 2 === 0);
  return {
    ...{ httpVersion, status: statusCode ?? 0, reason: statusMessage ?? '' },
    fields: names.map((name, index) => [name, rawHeaders[index * 2 + 1] ?? ''] as const),
  };
}

function optionsOf(url: string, { method, path, headers, body }: VisitRequest): RequestOptions {
  const length = body === null ? [] : [['Content-Length', String(body.length)] as const];
  return {
    ...addressOf(url),
    ...(url.startsWith('https:') ? { rejectUnauthorized: false } : {}),
    // Without an agent each request has a connection of its own, which ends with it.
    ...{ method, path: encodePath(path), agent: false, maxHeaderSize: largestHead },
    headers: byName([...headers, ...length]),
  };
}

/** Fields as node:http takes them: one that is there several times is sent as often. */
function byName(fields: VisitRequest['headers']): Record<string, string[]> {
  const found = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (const [name, value] of fields) {
    const known = found.get(name.toLowerCase());
    if (known === undefined) found.set(name.toLowerCase(), { name, values: [value] });
    else known.values.push(value);
  }
  return Object.fromEntries([...found.values()].map(({ name, values }) => [name, values]));
}

function addressOf(url: string): { socketPath: string } | { host: string; port: number } {
  if (url.startsWith('unix:')) return { socketPath: url.slice('unix:'.length) };
  const { hostname, port, protocol } = new URL(url);
  const usual = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? usual : Number(port) };
}

/** As browsers do: what can't stand in a request line is percent-encoded as UTF-8 (RFC 3986 §2.1). */
function encodePath(path: string): string {
  return path.replace(/[^\x21-\x7e]+/gu, (part) => encodeURIComponent(part));
}

const closed = 'the server closed the connection without an answer';

function noAnswer({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNRESET') return closed;
  if (code === 'ECONNREFUSED') return 'the server takes no connections any more';
  return `no answer that could be read: ${message}`;
}
