// A JSON value being read, with its place, and the list of all that is wrong. Used by case-file.ts. Pure.

import type { Json, TextExpectation } from './smoke-case.ts';

/** Levels of lists and objects in a value: more than anybody writes, and few enough for whatever follows them. */
const deepest = 500;

/** All mistakes of a file. */
export class Mistakes {
  readonly #lines: string[] = [];

  get count(): number {
    return this.#lines.length;
  }

  add(place: string, why: string): void {
    const line = `  ${place}${why.startsWith('is ') ? '' : ':'} ${why}`;
    if (!this.#lines.includes(line)) this.#lines.push(line);
  }

  /** A line each. */
  text(): string {
    return this.#lines.join('\n');
  }

  root(value: unknown): Member {
    return new Member(this, '', value);
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value somewhere in the file; undefined where there is none. */
export class Member {
  readonly #mistakes: Mistakes;
  readonly #place: string;
  readonly value: unknown;

  constructor(mistakes: Mistakes, place: string, value: unknown) {
    this.#mistakes = mistakes;
    this.#place = place;
    this.value = value;
  }

  wrong(why: string): void {
    this.#mistakes.add(this.#place === '' ? 'the file' : this.#place, why);
  }

  /** Says so where it is none. */
  isObject(): boolean {
    if (isRecord(this.value)) return true;
    this.wrong(
      this.value === undefined ? 'is missing' : `must be an object, not ${kind(this.value)}`,
    );
    return false;
  }

  member(name: string): Member {
    const value =
      isRecord(this.value) && Object.hasOwn(this.value, name) ? this.value[name] : undefined;
    return this.#below(
      /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`,
      value,
    );
  }

  /** The members of an object, in order; none where it is missing. */
  optionalEntries(what: string): [string, Member][] {
    if (this.value === undefined) return [];
    if (isRecord(this.value)) {
      return Object.keys(this.value).map((name) => [name, this.member(name)]);
    }
    this.wrong(`must be ${what}, not ${kind(this.value)}`);
    return [];
  }

  items(what: string): Member[] | undefined {
    if (Array.isArray(this.value)) {
      return this.value.map((item, index) => this.#below(`[${index}]`, item));
    }
    this.wrong(
      this.value === undefined ? 'is missing' : `must be ${what}, not ${kind(this.value)}`,
    );
    return undefined;
  }

  text(): string | undefined {
    if (typeof this.value === 'string') return this.value;
    this.wrong(this.value === undefined ? 'is missing' : `must be a text, not ${kind(this.value)}`);
    return undefined;
  }

  optionalText(): string | undefined {
    return this.value === undefined ? undefined : this.text();
  }

  /** Any value, with a limit to its depth. */
  json(): Json | undefined {
    if (isWithin(this.value, deepest)) return this.value as Json | undefined;
    this.wrong(`is nested more than ${deepest} levels deep`);
    return null;
  }

  /** A regular expression. */
  pattern(source: string, flags: string): RegExp | null {
    if (!/^[imsu]*$/.test(flags)) {
      this.wrong('has flags other than i, m, s and u');
      return null;
    }
    try {
      return new RegExp(source, flags);
    } catch (error) {
      this.wrong(`is no regular expression: ${error instanceof Error ? error.message : ''}`);
      return null;
    }
  }

  onlyKnows(names: readonly string[]): void {
    if (!isRecord(this.value)) return;
    for (const name of Object.keys(this.value)) {
      if (!names.includes(name)) {
        this.member(name).wrong(`is not known here: there are ${names.join(', ')}`);
      }
    }
  }

  #below(place: string, value: unknown): Member {
    return new Member(this.#mistakes, `${this.#place}${place}`.replace(/^\./, ''), value);
  }
}

/** Never deeper in calls than `levels`. */
function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isWithin(item, levels - 1));
}

/**
 * What a text must be: a text, which it contains or equals (`alone`), several that it contains, or an object with
 * `contains`, `lacks`, `equals`, `matches` and `flags`.
 */
export function textExpectation(member: Member, alone: 'contains' | 'equals'): TextExpectation {
  const nothing: TextExpectation = { contains: [], lacks: [], equals: null, matches: null };
  const { value } = member;
  if (typeof value === 'string') {
    return alone === 'equals' ? { ...nothing, equals: value } : { ...nothing, contains: [value] };
  }
  if (alone === 'contains' && Array.isArray(value)) return { ...nothing, contains: texts(member) };
  if (!isRecord(value)) {
    member.wrong(`must be a text or an object, not ${kind(value)}`);
    return nothing;
  }
  member.onlyKnows(['contains', 'lacks', 'equals', 'matches', 'flags']);
  if (Object.keys(value).every((name) => name === 'flags')) {
    member.wrong('expects nothing: it needs contains, lacks, equals or matches');
  }
  const matches = member.member('matches');
  const source = matches.optionalText();
  const flags = member.member('flags').optionalText() ?? '';
  return {
    contains: texts(member.member('contains')),
    lacks: texts(member.member('lacks')),
    equals: member.member('equals').optionalText() ?? null,
    matches: source === undefined ? null : matches.pattern(source, flags),
  };
}

/** One text, or a list of them. */
function texts(member: Member): string[] {
  if (member.value === undefined) return [];
  const all = Array.isArray(member.value) ? (member.items('a list of texts') ?? []) : [member];
  return all.map((one) => one.text() ?? '');
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object'
    ? 'an object'
    : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}
