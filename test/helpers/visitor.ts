// Someone who visits a site and keeps a record: cookies as a browser has them, forms with their hidden fields, uploads.
// How a request gets there is not the visitor's business: as raw bytes to a port, or injected. Used by sites.ts and
// same-answers.ts.

import { requestBytes } from './fixture-server.ts';
import { connect, type RawResponse } from './raw-client.ts';
import { SiteVisitor, type Content } from './site-visitor.ts';

/** A request, whole. */
export interface Sent {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array | undefined;
}

/** What a record needs of an answer. */
export type Received = Pick<RawResponse, 'status' | 'reason' | 'version' | 'headers' | 'body'>;

/** Gets a request to an app. */
export type Way = (request: Sent) => Promise<Received>;

/** A request and its answer. */
export interface Visit {
  /** `POST /login`, with a number: the same may be asked twice. */
  readonly title: string;
  readonly received: Received;
}

/** An answer, as a visit goes by it. */
export interface Seen {
  readonly status: number;
  header(name: string): string | undefined;
}

/** A request line may say another version. */
interface VersionedContent extends Content {
  readonly version?: string;
}

/** One visitor. */
export class Visitor extends SiteVisitor<Seen> {
  readonly record: Visit[] = [];
  readonly #way: Way;

  constructor(way: Way) {
    super();
    this.#way = way;
  }

  /** Sends a request with the cookies that are kept, keeps those that come, and notes it down. */
  async send(method: string, target: string, content: VersionedContent = {}): Promise<Seen> {
    const headers: [string, string][] = [
      ['Host', 'localhost'],
      ...Object.entries(content.headers ?? {}),
    ];
    if (this.cookieField !== null) headers.push(['Cookie', this.cookieField]);
    const { body, version = 'HTTP/1.1' } = content;
    const received = await this.#way({ method, target, version, headers, body });
    this.record.push({ title: `${String(this.record.length + 1)}. ${method} ${target}`, received });
    const values = (name: string): string[] =>
      received.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    for (const line of values('set-cookie')) this.keep(line);
    if (values('content-type')[0]?.startsWith('text/html') === true) {
      this.page = received.body.toString('utf8');
    }
    return { status: received.status, header: (name) => values(name)[0] };
  }
}

/** As raw bytes, to a port of 127.0.0.1: each request on a connection of its own. */
export function overSocket(url: string): Way {
  const port = Number(new URL(url).port);
  return async ({ method, target, version, headers, body }) => {
    using client = await connect(port);
    const parts = { method, version, headers, ...(body === undefined ? {} : { body }) };
    await client.send(requestBytes(target, parts));
    return await client.readResponse(method);
  };
}
