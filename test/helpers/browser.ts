// A visitor of a web site: keeps cookies as a browser does, fills in forms, uploads files, follows nothing by
// itself. Every request is a connection of its own, so that the requests of one visitor reach all workers.
// What comes back is as it came: field names as written, in order, bodies as bytes.

import { request } from 'node:http';
import { safetyNet } from './spawned-process.ts';

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  /** Name and value of each field, in order, names as they were written. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** The body as UTF-8. */
  readonly text: string;
  /** All values of a field, by its name in any case. */
  all(name: string): string[];
  /** The first value of a field. */
  header(name: string): string | undefined;
}

/** What to send besides method and path. */
export interface Content {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A file in a form. */
export interface Upload {
  readonly field: string;
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
}

/** One visitor of the site at an origin such as `http://127.0.0.1:8000`. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #origin: string;
  #page = '';

  constructor(origin: string) {
    this.#origin = origin;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('GET', path, { headers });
  }

  /** Sends a form as `application/x-www-form-urlencoded`. */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<Answer> {
    return this.send('POST', path, {
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** Sends a form with files as `multipart/form-data` (RFC 7578). */
  upload(
    path: string,
    fields: Readonly<Record<string, string>>,
    files: readonly Upload[],
  ): Promise<Answer> {
    const boundary = '----------------------------a-boundary';
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
    return this.send('POST', path, { headers, body });
  }

  sendJson(method: string, path: string, value: unknown): Promise<Answer> {
    const headers = { 'Content-Type': 'application/json' };
    return this.send(method, path, { headers, body: JSON.stringify(value) });
  }

  /** The value of the hidden field `name` in the page that came last, as a form would send it back. */
  hidden(name: string): string {
    const match = new RegExp(`name="${name}" value="([^"]+)"`).exec(this.#page);
    if (!match?.[1]) throw new Error(`No field ${name} in the last page:\n${this.#page}`);
    return match[1];
  }

  /**
   * Sends a request with the cookies that are kept, and keeps those that come.
   *
   * @throws Error when the connection fails or breaks off, or nothing comes within the safety net
   */
  async send(method: string, path: string, content: Content = {}): Promise<Answer> {
    const { body } = content;
    const headers: Record<string, string | number> = { ...content.headers };
    if (this.cookies.size > 0) {
      headers['Cookie'] = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    }
    if (body !== undefined) headers['Content-Length'] = Buffer.byteLength(body);
    const answer = await exchange(new URL(path, this.#origin), method, headers, body);
    for (const line of answer.all('Set-Cookie')) this.#keep(line);
    if (answer.header('Content-Type')?.startsWith('text/html')) this.#page = answer.text;
    return answer;
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function exchange(
  url: URL,
  method: string,
  headers: Record<string, string | number>,
  body: string | Uint8Array | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, headers, agent: false, timeout: safetyNet },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const raw = incoming.rawHeaders;
          const fields = raw.flatMap((name, index) =>
            index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as const] : [],
          );
          const all = (name: string): string[] =>
            fields
              .filter(([key]) => key.toLowerCase() === name.toLowerCase())
              .map(([, value]) => value);
          const whole = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: fields,
            body: whole,
            text: whole.toString('utf8'),
            all,
            header: (name) => all(name)[0],
          });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`No answer from ${url.href}`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
