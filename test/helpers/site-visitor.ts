// What a visitor of a site does, however a request gets there: cookies as a browser has them, forms with their hidden
// fields, uploads. Made whole by browser.ts, which asks over HTTP, and by visitor.ts, which keeps a record.

/** What to send besides method and target. */
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

/** One visitor; `Result` is what comes of a request. */
export abstract class SiteVisitor<Result> {
  readonly cookies = new Map<string, string>();
  /** The page that came last. */
  protected page = '';

  abstract send(method: string, target: string, content?: Content): Promise<Result>;

  get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<Result> {
    return this.send('GET', target, { headers });
  }

  /** Sends a form as `application/x-www-form-urlencoded`. */
  submit(target: string, fields: Readonly<Record<string, string>>): Promise<Result> {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return this.send('POST', target, { headers, body: new URLSearchParams(fields).toString() });
  }

  /** Sends a form with files as `multipart/form-data` (RFC 7578). */
  upload(
    target: string,
    fields: Readonly<Record<string, string>>,
    files: readonly Upload[],
  ): Promise<Result> {
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
    return this.send('POST', target, { headers, body });
  }

  sendJson(method: string, target: string, value: unknown): Promise<Result> {
    const headers = { 'Content-Type': 'application/json' };
    return this.send(method, target, { headers, body: JSON.stringify(value) });
  }

  /** The value of the hidden field `name` in the page that came last, as a form would send it back. */
  hidden(name: string): string {
    const match = new RegExp(`name="${name}" value="([^"]+)"`).exec(this.page);
    if (!match?.[1]) throw new Error(`No field ${name} in the last page:\n${this.page}`);
    return match[1];
  }

  /** Value of the field `Cookie`; null: there is nothing to send. */
  protected get cookieField(): string | null {
    if (this.cookies.size === 0) return null;
    return [...this.cookies].map((pair) => pair.join('=')).join('; ');
  }

  /** Takes a `Set-Cookie` field. */
  protected keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
