// What cases have saved of their answers, and where it is put in: `{{name}}` in the path, headers and body of later
// ones. Made by run.ts. A name that no case of the file saves is left as it is: a body may hold such braces.

import { bodyText, values, type Answer } from './expectation.ts';
import type { Cookies } from './cookies.ts';
import type { Json, Place, RequestBody, SmokeCase } from './smoke-case.ts';

/** A case whose request needs what no answer gave. */
export class NotSaved extends Error {
  constructor(name: string) {
    super(`{{${name}}} has no value: the case that saves it failed to, or comes later`);
  }
}

/** The values of one run. */
export class SavedValues {
  readonly #known: ReadonlySet<string>;
  readonly #values = new Map<string, string>();

  constructor(cases: readonly SmokeCase[]) {
    this.#known = new Set(cases.flatMap(({ save }) => [...save.keys()]));
  }

  /** Takes what a case wants saved; returns what is not there, a sentence each. */
  take(save: ReadonlyMap<string, Place>, answer: Answer, cookies: Cookies): string[] {
    return [...save].flatMap(([name, place]) => {
      const value = find(place, answer, cookies);
      if (value === undefined) {
        this.#values.delete(name);
        return [`nothing to save as ${name}: ${missing(place)}`];
      }
      this.#values.set(name, value);
      return [];
    });
  }

  /** @throws NotSaved */
  putInto(text: string): string {
    return text.replace(/\{\{(\w+)\}\}/g, (all, name: string) => {
      if (!this.#known.has(name)) return all;
      const value = this.#values.get(name);
      if (value === undefined) throw new NotSaved(name);
      return value;
    });
  }

  /**
   * The bytes of a body and the type that they have.
   * @throws NotSaved
   */
  encode(body: RequestBody): { readonly bytes: Buffer; readonly type: string } | null {
    switch (body.kind) {
      case 'none':
        return null;
      case 'text':
        return { bytes: Buffer.from(this.putInto(body.text)), type: 'text/plain; charset=utf-8' };
      case 'json': {
        const text = JSON.stringify(this.#putIntoJson(body.value));
        return { bytes: Buffer.from(text), type: 'application/json' };
      }
      case 'form': {
        const fields = body.fields.map(
          ([name, value]) => [name, this.putInto(value)] as [string, string],
        );
        const text = new URLSearchParams(fields).toString();
        return { bytes: Buffer.from(text), type: 'application/x-www-form-urlencoded' };
      }
    }
  }

  #putIntoJson(value: Json): Json {
    if (typeof value === 'string') return this.putInto(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item: Json) => this.#putIntoJson(item));
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, this.#putIntoJson(member)]),
    );
  }
}

function find(place: Place, answer: Answer, cookies: Cookies): string | undefined {
  if (place.from === 'cookie') return cookies.get(place.name);
  if (place.from === 'header') return values(answer, place.name)[0];
  const match = place.pattern.exec(bodyText(answer));
  return match?.[1] ?? match?.[0];
}

function missing(place: Place): string {
  if (place.from === 'cookie') return `there is no cookie ${place.name}`;
  if (place.from === 'header') return `there is no field ${place.name}`;
  return `the body does not match ${String(place.pattern)}`;
}
