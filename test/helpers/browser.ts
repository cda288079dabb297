// A visitor of a web site: keeps cookies as a browser does, fills in forms, uploads files, follows nothing by
// itself. Every request is a connection of its own, so that the requests of one visitor reach all workers.
// What comes back is as it came: field names as written, in order, bodies as bytes.

import { request } from 'node:http';
import { SiteVisitor, type Content } from './site-visitor.ts';
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

/** One visitor of the site at an origin such as `http://127.0.0.1:8000`. */
export class Browser extends SiteVisitor<Answer> {
  readonly #origin: string;

  constructor(origin: string) {
    super();
    this.#origin = origin;
  }

  /**
   * Sends a request with the cookies that are kept, and keeps those that come.
   *
   * @throws Error when the connection fails or breaks off, or nothing comes within the safety net
   */
  async send(method: string, path: string, content: Content = {}): Promise<Answer> {
    const { body } = content;
    const headers: Record<string, string | number> = { ...content.headers };
    if (this.cookieField !== null) headers['Cookie'] = this.cookieField;
    if (body !== undefined) headers['Content-Length'] = Buffer.byteLength(body);
    const answer = await exchange(new URL(path, this.#origin), method, headers, body);
    for (const line of answer.all('Set-Cookie')) this.keep(line);
    if (answer.header('Content-Type')?.startsWith('text/html')) this.page = answer.text;
    return answer;
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
