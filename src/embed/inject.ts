// A request to an app without a socket, in the form of light-my-request. Used by create-handler.ts on the event loop.
// What light-my-request's request lacks to be one of a connection is added here; it must never touch the answer.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { declareConnection } from '../bridge/connection-facts.ts';
import { WsgiTsError } from '../errors.ts';

/** A request to inject. */
export interface InjectRequest {
  /** Default: `GET`. */
  readonly method?: string;
  /** A path with its query, or a URL: of that, scheme and host are the request's, too. */
  readonly url: string;
  /** Pairs that are added to the query of `url`, or a query. */
  readonly query?: string | Readonly<Record<string, string | readonly string[]>>;
  /** Fields by their names; a list is as many fields of one name. */
  readonly headers?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** Added to the field `Cookie`. */
  readonly cookies?: Readonly<Record<string, string>>;
  /**
   * The body: text, bytes, Blob, a stream, URLSearchParams, FormData, or any other object, which is sent as JSON; the last
   * ones with their `Content-Type`, where `headers` have none.
   */
  readonly payload?: string | object;
  /** Value of the field `Host`. Default: the host of `url`, else `localhost`. */
  readonly authority?: string;
  /** The client's address, which is `REMOTE_ADDR`. Default: `127.0.0.1`. */
  readonly remoteAddress?: string;
}

/** The answer, whole. */
export interface InjectResponse {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** Fields by their names in lower case; one that came more than once is a list. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body as UTF-8. */
  readonly body: string;
  /** As `body`. */
  readonly payload: string;
  /** The body's bytes. */
  readonly rawPayload: Buffer;
  /** What `Set-Cookie` fields say, each with `name`, `value` and its attributes (`path`, `httpOnly`, …). */
  readonly cookies: readonly {
    readonly name: string;
    readonly value: string;
    [attribute: string]: unknown;
  }[];
  /**
   * The body, read as JSON.
   *
   * @throws SyntaxError where it is none
   */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as light-my-request has it
  json<T = unknown>(): T;
}

/** What takes the request. */
type Dispatch = (request: IncomingMessage, response: ServerResponse) => void;

/** Requests under way: Python's threads alone don't keep a process alive. */
let under = 0;
let holding: NodeJS.Timeout | undefined;
const LONG = 2 ** 30;

/**
 * Sends `dispatch` a request and reads its answer.
 *
 * @throws WsgiTsError `ERR_WSGI_INJECTION` (operator) for a request that can't be sent, `ERR_WSGI_CUT_OFF` (application)
 * where the answer breaks off
 */
export async function inject(
  dispatch: Dispatch,
  given: InjectRequest | string,
): Promise<InjectResponse> {
  const request = typeof given === 'string' ? { url: given } : given;
  if (under++ === 0) holding = setInterval(() => undefined, LONG);
  try {
    const { default: lightMyRequest } = await import('light-my-request');
    const { url, secure } = read(request.url);
    const { authority = url.host } = request;
    const options = { ...request, authority, ...(await content(request)) };
    const faults = new Set<unknown>();
    const exchange = lightMyRequest((injected, response) => {
      // '' is what a unix socket has: SERVER_NAME and SERVER_PORT are what Host says.
      const here = { localAddress: '', localPort: '', remotePort: '', environ: [] };
      const { remoteAddress = '' } = injected.socket;
      const scheme = secure ? 'https' : 'http';
      declareConnection(injected.socket, { ...here, remoteAddress, scheme });
      try {
        dispatch(injected, response);
      } catch (error) {
        faults.add(error); // is no word about the request
        throw error;
      }
    }, options as never);
    const answer = await exchange.catch((error: unknown) => {
      throw faults.has(error) ? error : coded(error);
    });
    return withoutBlanks(answer as unknown as InjectResponse);
  } finally {
    if (--under === 0) clearInterval(holding);
  }
}

/** Blanks around a field's value are none of it (RFC 9110 §5.5): a client that reads bytes takes them away. */
function withoutBlanks(answer: InjectResponse): InjectResponse {
  const headers = answer.headers as Record<string, string | string[] | undefined>;
  const trim = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '');
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.map(trim) : trim(value);
  }
  return answer;
}

function read(text: unknown): { url: URL; secure: boolean } {
  if (typeof text === 'string' && URL.canParse(text, 'http://localhost')) {
    const url = new URL(text, 'http://localhost');
    if (url.protocol === 'http:' || url.protocol === 'https:') {
      return { url, secure: url.protocol === 'https:' };
    }
  }
  throw refused(`url: ${JSON.stringify(text)} is neither a path nor a URL of http or https`);
}

type Fields = Record<string, string | number | readonly string[]>;

/** What light-my-request is given of a request: a body in one of the forms that it knows, and fields that fit it. */
async function content(
  request: InjectRequest,
): Promise<{ readonly headers: Fields; readonly payload?: unknown }> {
  const headers: Fields = {};
  const names = new Set<string>();
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value === undefined) continue;
    headers[name] = value;
    names.add(name.toLowerCase());
  }
  if (request.payload === undefined) return { headers };
  const { payload, type } = await formOf(request.payload);
  if (type !== '' && !names.has('content-type')) headers['content-type'] = type;
  const framed = names.has('content-length') || names.has('transfer-encoding');
  // A body whose length nobody knows is sent in chunks, as node:http does it.
  if (payload instanceof Readable && !framed) headers['transfer-encoding'] = 'chunked';
  return { headers, payload };
}

/** Of bytes it takes Buffer alone, of streams those of Node; any other object would become JSON. */
async function formOf(
  given: unknown,
): Promise<{ readonly payload: unknown; readonly type: string }> {
  if (given instanceof URLSearchParams) {
    return { payload: given.toString(), type: 'application/x-www-form-urlencoded' };
  }
  if (given instanceof Blob) {
    return { payload: Buffer.from(await given.arrayBuffer()), type: given.type };
  }
  let payload = given;
  if (given instanceof ArrayBuffer) payload = Buffer.from(given);
  else if (ArrayBuffer.isView(given) && !Buffer.isBuffer(given)) {
    payload = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  } else if (isIterable(given)) payload = Readable.from(given, { objectMode: false });
  return { payload, type: '' };
}

/** A stream of Node that is not today's, or of the web; a list is JSON. */
function isIterable(given: unknown): given is AsyncIterable<Uint8Array> {
  if (typeof given !== 'object' || given === null || given instanceof Readable) return false;
  return Symbol.asyncIterator in given;
}

/** An error of light-my-request's as ours: it refuses the request, its payload fails, or the connection has been cut. */
function coded(error: unknown): WsgiTsError {
  if (error instanceof Error && 'code' in error && error.code === 'LIGHT_ECONNRESET') {
    const message = 'The answer broke off. The error log says why.';
    return new WsgiTsError('ERR_WSGI_CUT_OFF', 'application', message);
  }
  return refused(error instanceof Error ? error.message : String(error), error);
}

function refused(message: string, cause?: unknown): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_INJECTION', 'operator', message, { cause });
}
