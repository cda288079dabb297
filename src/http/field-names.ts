// Which header fields of a request mean something to the server itself, by name. Compiled once from the policy of
// trust, asked by the bridge's request-head.ts for each field of each request: it must be quick about those that
// mean nothing, which most do. Pure.

import { forwardedFields, type Trust } from './policy.ts';

/** What a field is to the server. */
export const Field = {
  /** Goes to the app as it came. */
  ordinary: 0,
  /** A name that begins with a colon: HTTP/2's own (RFC 9113 §8.3), never a field. */
  pseudo: 1,
  host: 2,
  contentType: 3,
  contentLength: 4,
  transferEncoding: 5,
  expect: 6,
  upgrade: 7,
  /** Says by its value whether the client's connection is secure, if a trusted peer sends it. */
  scheme: 8,
  /** A forwarded field that is read. */
  forwarded: 9,
  /** Has underscores, and a trusted peer may send it. */
  forwarder: 10,
  /** A forwarded field that is not read while others are: all below it speak to us. */
  unread: 11,
  /** Shares its key in `environ` with another name. */
  ambiguous: 12,
} as const;

/** One of {@link Field}. */
export type FieldKind = (typeof Field)[keyof typeof Field];

const COLON = 0x3a;

/** The names, and what each is. */
export class FieldNames {
  readonly #kinds = new Map<string, FieldKind>();
  /** For each length of a name, a bit for each first letter (its lowest five bits, whatever its case). */
  readonly #firstLetters = new Uint32Array(256);
  readonly #underscored: FieldKind;
  readonly #keepsAll: boolean;

  constructor(trust: Trust) {
    this.#keepsAll = trust.headerMap === 'dangerous';
    const listed = trust.forwarderHeaders.map((name) => name.toLowerCase());
    this.#underscored = listed.includes('*') ? Field.forwarder : Field.ambiguous;
    for (const name of listed.filter((one) => one.includes('_'))) {
      this.#add(name, Field.forwarder);
      // `Remote-User` would be taken for the `REMOTE_USER` that only a trusted peer may send.
      this.#add(name.replaceAll('_', '-'), Field.ambiguous);
    }
    for (const name of Object.keys(trust.secureSchemeHeaders)) this.#add(name, Field.scheme);
    if (trust.forwardedHops > 0) {
      for (const field of forwardedFields) this.#add(`x-forwarded-${field}`, Field.unread);
      this.#add('forwarded', Field.unread);
      const read =
        trust.forwardedHeader === 'forwarded'
          ? ['forwarded']
          : trust.forwardedFields.map((field) => `x-forwarded-${field}`);
      for (const name of read) this.#add(name, Field.forwarded);
    }
    this.#add('host', Field.host);
    this.#add('content-type', Field.contentType);
    this.#add('content-length', Field.contentLength);
    this.#add('transfer-encoding', Field.transferEncoding);
    this.#add('expect', Field.expect);
    this.#add('upgrade', Field.upgrade);
  }

  /** What the field of this name, in any case, is. */
  kindOf(name: string): FieldKind {
    const first = name.charCodeAt(0);
    if (first === COLON) return Field.pseudo;
    const mask = this.#firstLetters[name.length] ?? 0;
    if (((mask >>> (first & 31)) & 1) !== 0) {
      const kind = this.#kinds.get(name.toLowerCase());
      if (kind !== undefined) return kind;
    }
    return name.includes('_') ? this.#kindOfUnderscored(name) : Field.ordinary;
  }

  #kindOfUnderscored(name: string): FieldKind {
    if (this.#keepsAll) {
      // Also where all names are kept, no client says what only proxies may.
      const kind = this.#kinds.get(name.toLowerCase().replaceAll('_', '-'));
      if (kind === Field.forwarded || kind === Field.unread) return Field.unread;
    }
    return this.#underscored;
  }

  #add(name: string, kind: FieldKind): void {
    this.#kinds.set(name, kind);
    const { length } = name;
    const letter = 1 << (name.charCodeAt(0) & 31);
    this.#firstLetters[length] = (this.#firstLetters[length] ?? 0) | letter;
  }
}
