// The cookies that answers have set, for the requests that follow: a session lasts from one case to the next. Made by
// run.ts. There is one server, and it is ours, so neither domain, path nor `Secure` choose between cookies.

import { parseSetCookie } from 'set-cookie-parser';

/** What a browser would keep between the cases of one run. */
export class Cookies {
  readonly #values = new Map<string, string>();

  /** Takes over what the `Set-Cookie` fields of an answer say (RFC 6265 §5.2, §5.3). */
  take(fields: readonly string[], now: Date = new Date()): void {
    for (const { name, value, maxAge, expires } of parseSetCookie([...fields], {
      decodeValues: false,
    })) {
      if (name === '') continue;
      const isOver = maxAge === undefined ? expires !== undefined && expires <= now : maxAge <= 0;
      if (isOver) this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Value of the `Cookie` field; null: there are none. */
  header(): string | null {
    if (this.#values.size === 0) return null;
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}
