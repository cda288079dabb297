// Whether an answer is what a case expects. Called by run.ts after each visit. Pure; every answer is acceptable here,
// however strange: what is wrong comes back as texts.

import { match, tooSlow } from './matching.ts';
import type {
  Expectation,
  Json,
  JsonObject,
  StatusPattern,
  TextExpectation,
} from './smoke-case.ts';

/** Differences that are told of one answer: the first ones say enough. */
const mostDifferences = 10;

/** An answer as it came. */
export interface Answer {
  readonly httpVersion: string;
  readonly status: number;
  readonly reason: string;
  /** Names and values as they were sent, in order; a value holds one byte a character. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** Bytes of the body that were not kept; undefined: none. */
  readonly leftOut?: number;
}

/** Bytes of a body that are kept once it is judged. */
const mostKept = 64 * 1024;

/** What of an answer is kept for the reports: of the body the start, or nothing. */
export function kept({ body, ...head }: Answer, withBody: boolean): Answer {
  if (!withBody) return { ...head, body: Buffer.alloc(0) };
  if (body.length <= mostKept) return { ...head, body };
  // A copy: a part of the old buffer would keep all of it.
  return {
    ...{ ...head, body: Buffer.from(body.subarray(0, mostKept)) },
    leftOut: body.length - mostKept,
  };
}

/** What is wrong with an answer, a sentence each; none: it is as expected. */
export function judge(answer: Answer, expect: Expectation): string[] {
  const body = bodyText(answer);
  return [
    ...judgeStatus(answer.status, expect.status),
    ...[...expect.headers].flatMap(([name, wanted]) =>
      judgeField(name, values(answer, name), wanted),
    ),
    ...(expect.body === null ? [] : misses(body, expect.body).map((why) => `the body ${why}`)),
    ...(expect.json === undefined ? [] : judgeJson(body, expect.json)),
  ];
}

/** The values of a field, in order. */
export function values({ fields }: Answer, name: string): string[] {
  return fields.flatMap(([field, value]) => (field.toLowerCase() === name ? [value] : []));
}

/** The body as text: in the charset that it claims to be in, where Node knows that one, else UTF-8. */
export function bodyText(answer: Answer): string {
  const [type = ''] = values(answer, 'content-type');
  const [, charset = 'utf-8'] = /;\s*charset="?([^\s;"]+)/i.exec(type) ?? [];
  try {
    return new TextDecoder(charset).decode(answer.body);
  } catch {
    return new TextDecoder().decode(answer.body);
  }
}

function judgeStatus(status: number, wanted: readonly StatusPattern[] | null): string[] {
  if (wanted === null) return status < 400 ? [] : [`status ${status}, not one below 400`];
  const isWanted = wanted.some(
    (pattern) => pattern === status || pattern === `${Math.floor(status / 100)}xx`,
  );
  return isWanted ? [] : [`status ${status} instead of ${wanted.join(' or ')}`];
}

/** Of a field that came more than once, one value must be as expected. */
function judgeField(
  name: string,
  found: readonly string[],
  wanted: TextExpectation | null,
): string[] {
  if (wanted === null) {
    return found.length === 0 ? [] : [`there is a field ${name}: ${found.join(', ')}`];
  }
  if (found.length === 0) return [`there is no field ${name}`];
  const each = found.map((value) => misses(value, wanted));
  if (each.some((reasons) => reasons.length === 0)) return [];
  return found.flatMap((value, index) =>
    (each[index] ?? []).map((why) => `the field ${name}, ${JSON.stringify(value)}, ${why}`),
  );
}

function misses(text: string, wanted: TextExpectation): string[] {
  const { contains, lacks, equals, matches } = wanted;
  return [
    ...contains
      .filter((part) => !text.includes(part))
      .map((part) => `does not contain ${JSON.stringify(part)}`),
    ...lacks
      .filter((part) => text.includes(part))
      .map((part) => `contains ${JSON.stringify(part)}`),
    ...(equals === null || text === equals ? [] : [`is not ${JSON.stringify(equals)}`]),
    ...(matches === null ? [] : mismatch(text, matches)),
  ];
}

function mismatch(text: string, pattern: RegExp): string[] {
  const found = match(pattern, text);
  if (found === undefined) return [`could not be judged: ${String(pattern)} ${tooSlow}`];
  return found === null ? [`does not match ${String(pattern)}`] : [];
}

function judgeJson(body: string, wanted: Json): string[] {
  let value: Json;
  try {
    value = JSON.parse(body) as Json;
  } catch {
    return ['the body is no JSON'];
  }
  return missingFrom(value, wanted);
}

/**
 * What `actual` lacks of `expected`. An object may have more members than are asked for; a list has as many items, each
 * of which is compared in the same way; anything else is equal or not.
 *
 * @returns one text a difference, with the place of each: `json.user.name: "bob" instead of "ann"`
 */
export function missingFrom(actual: Json, expected: Json, place = 'json'): string[] {
  return [...differences(actual, expected, place)].slice(0, mostDifferences);
}

function* differences(actual: Json, expected: Json, place: string): Generator<string> {
  if (isList(expected)) {
    if (!isList(actual)) yield instead(actual, expected, place);
    else if (actual.length !== expected.length) {
      yield `${place}: ${actual.length} items instead of ${expected.length}`;
    } else {
      for (const [index, item] of expected.entries()) {
        yield* differences(actual[index] ?? null, item, `${place}[${index}]`);
      }
    }
  } else if (isObject(expected)) {
    if (!isObject(actual)) {
      yield instead(actual, expected, place);
      return;
    }
    for (const [name, value] of Object.entries(expected)) {
      const here = /^[A-Za-z_]\w*$/.test(name)
        ? `${place}.${name}`
        : `${place}[${JSON.stringify(name)}]`;
      const found = Object.hasOwn(actual, name) ? actual[name] : undefined;
      if (found === undefined) yield `${here} is missing`;
      else yield* differences(found, value, here);
    }
  } else if (actual !== expected) {
    yield instead(actual, expected, place);
  }
}

function instead(actual: Json, expected: Json, place: string): string {
  return `${place}: ${shown(actual)} instead of ${shown(expected)}`;
}

function shown(value: Json): string {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    // JSON.parse takes any depth, JSON.stringify does not; an answer may have any.
    if (!(error instanceof RangeError)) throw error;
    return `a ${isList(value) ? 'list' : 'object'} too deep to be shown`;
  }
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
