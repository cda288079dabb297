// Someone who visits a site and keeps a record: cookies as a browser has them, forms with their hidden fields, uploads.
// How a request gets there is not the visitor's business: as raw bytes to a port, or injected. Used by sites.ts and
// same-answers.ts.

import { requestBytes } from './fixture-server.ts';
import { connect, type RawResponse } from './raw-client.ts';
import type { Upload } from './browser.ts';

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

interface Content {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly version?: string;
}

/** One visitor. */
export class Visitor {
  readonly record: Visit[] = [];
  readonly #way: Way;
  readonly #cookies = new Map<string, string>();
  #page = '';

  constructor(way: Way) {
    this.#way = way;
  }

  get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.send('GET', target, { headers });
  }

  /** Sends a form as `application/x-www-form-urlencoded`. */
  submit(target: string, fields: Readonly<Record<string, string>>): Promise<Seen> {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return this.send('POST', target, { headers, body: new URLSearchParams(fields).toString() });
  }

  /** Sends a form with files as `multipart/form-data` (RFC 7578). */
  upload(
    target: string,
    fields: Readonly<Record<string, string>>,
    files: readonly Upload[],
  ): Promise<Seen> {
    const boundary = 'a-boundary-that-is-nowhere-else';
    const part = (disposition: string, type: string, content: string | Uint8Array): Buffer[] => [
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type}\r\n`),
      Buffer.from(content as Uint8Array),
      Buffer.from('\r\n'),
    ];
    const body = Buffer.concat([
      ...Object.entries(fields).flatMap(([name, value]) => part(`name="${name}"`, '', value)),
      ...files.flatMap(({ field, name, type, content }) =>
        part(`name="${field}"; filename="${name}"`, `Content-Type: ${type}\r\n`, content),
      ),
      Buffer.from(`--${boundary}--\r\n`),
    ]);
    const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };
    return this.send('POST', target, { headers, body });
  }

  sendJson(method: string, target: string, value: unknown): Promise<Seen> {
    const headers = { 'Content-Type': 'application/json' };
    return this.send(method, target, { headers, body: JSON.stringify(value) });
  }

  /** The value of the hidden field `name` in the page that came last. */
  hidden(name: string): string {
    const match = new RegExp(`name="${name}" value="([^"]+)"`).exec(this.#page);
    if (!match?.[1]) throw new Error(`No field ${name} in the last page:\n${this.#page}`);
    return match[1];
  }

  /** Sends a request with the cookies that are kept, keeps those that come, and notes it down. */
  async send(method: string, target: string, content: Content = {}): Promise<Seen> {
    const headers: [string, string][] = [
      ['Host', 'localhost'],
      ...Object.entries(content.headers ?? {}),
    ];
    if (this.#cookies.size > 0) {
      headers.push(['Cookie', [...this.#cookies].map((pair) => pair.join('=')).join('; ')]);
    }
    const { body, version = 'HTTP/1.1' } = content;
    const received = await this.#way({ method, target, version, headers, body });
    this.record.push({ title: `${String(this.record.length + 1)}. ${method} ${target}`, received });
    const values = (name: string): string[] =>
      received.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    for (const line of values('set-cookie')) this.#keep(line);
    if (values('content-type')[0]?.startsWith('text/html') === true) {
      this.#page = received.body.toString('utf8');
    }
    return { status: received.status, header: (name) => values(name)[0] };
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
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
