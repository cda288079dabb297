// What the cases of a run hand on to those after them: the cookies that answers have set, so that a session lasts, and what
// was saved of answers, which is put in where later cases say `{{name}}`. Made by run.ts. There is one server, and it is
// ours, so neither domain, path nor `Secure` choose between cookies.

import { parseSetCookie } from 'set-cookie-parser';
import { bodyText, values, type Answer } from './expectation.ts';
import { match, tooSlow } from './matching.ts';
import type { Json, Place, RequestBody, SmokeCase } from './smoke-case.ts';

/** What a browser would keep between the cases of one run. */
export class Cookies {
  readonly #values = new Map<string, string>();

  /** Takes over what the `Set-Cookie` fields of an answer say (RFC 6265 §5.2, §5.3). */
  take(fields: readonly string[], now: Date = new Date()): void {
    // The parser drops names that objects inherit, such as toString; with a letter before them there are none.
    const marked = fields.map((field) => `_${field.trimStart()}`);
    const options = { decodeValues: false, silent: true };
    for (const { name: given, value, maxAge, expires } of parseSetCookie(marked, options)) {
      const name = given.slice(1);
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

/** A body as it is sent, and the type that it has. */
export interface EncodedBody {
  readonly bytes: Buffer;
  readonly type: string;
}

/** The parts of a case that are sent, with values in the places of names. */
export interface FilledCase {
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: EncodedBody | null;
}

/** The saved values of one run. A name that no case saves is left as it is: a body may hold such braces. */
export class SavedValues {
  readonly #known: ReadonlySet<string>;
  readonly #values = new Map<string, string>();

  constructor(cases: readonly Pick<SmokeCase, 'save'>[]) {
    this.#known = new Set(cases.flatMap(({ save }) => [...save.keys()]));
  }

  /** Takes what a case wants saved; returns what is not there, a sentence each. */
  take(save: ReadonlyMap<string, Place>, answer: Answer, cookies: Cookies): string[] {
    return [...save].flatMap(([name, place]) => {
      const found = find(place, answer, cookies);
      if ('missing' in found) {
        this.#values.delete(name);
        return [`nothing to save as ${name}: ${found.missing}`];
      }
      this.#values.set(name, found.value);
      return [];
    });
  }

  /** Puts them into a case; a sentence where it needs one that no answer gave. */
  fill({ path, headers, body }: Pick<SmokeCase, keyof FilledCase>): FilledCase | string {
    const unsaved: string[] = [];
    const put = (text: string): string =>
      text.replace(/\{\{(\w+)\}\}/g, (all, name: string) => {
        if (!this.#known.has(name)) return all;
        const value = this.#values.get(name);
        if (value === undefined) unsaved.push(name);
        return value ?? '';
      });
    const filled = {
      path: put(path),
      headers: headers.map(([name, value]) => [name, put(value)] as const),
      body: encode(body, put),
    };
    const [name] = unsaved;
    if (name === undefined) return filled;
    return `{{${name}}} has no value: the case that saves it failed to, or comes later`;
  }
}

function encode(body: RequestBody, put: (text: string) => string): EncodedBody | null {
  switch (body.kind) {
    case 'none':
      return null;
    case 'text':
      return { bytes: Buffer.from(put(body.text)), type: 'text/plain; charset=utf-8' };
    case 'json': {
      const text = JSON.stringify(putIntoJson(body.value, put));
      return { bytes: Buffer.from(text), type: 'application/json' };
    }
    case 'form': {
      const fields = body.fields.map(([name, value]) => [name, put(value)] as [string, string]);
      const text = new URLSearchParams(fields).toString();
      return { bytes: Buffer.from(text), type: 'application/x-www-form-urlencoded' };
    }
  }
}

function putIntoJson(value: Json, put: (text: string) => string): Json {
  if (typeof value === 'string') return put(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => putIntoJson(item, put));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, putIntoJson(member, put)]),
  );
}

/** The value at a place, or why there is none. */
type Found = { readonly value: string } | { readonly missing: string };

function find(place: Place, answer: Answer, cookies: Cookies): Found {
  if (place.from !== 'body') {
    const isCookie = place.from === 'cookie';
    const value = isCookie ? cookies.get(place.name) : values(answer, place.name)[0];
    const missing = `there is no ${isCookie ? 'cookie' : 'field'} ${place.name}`;
    return value === undefined ? { missing } : { value };
  }
  const { pattern } = place;
  const found = match(pattern, bodyText(answer));
  if (found === undefined) return { missing: `${String(pattern)} ${tooSlow}` };
  if (found === null) return { missing: `the body does not match ${String(pattern)}` };
  return { value: found[1] ?? found[0] };
}
