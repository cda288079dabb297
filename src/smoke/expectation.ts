// Whether an answer is what a case expects. Called by run.ts after each visit. Pure; every answer is acceptable here,
// however strange: what is wrong comes back as texts.

import { missingFrom } from './json-subset.ts';
import type { Expectation, Json, StatusPattern, TextExpectation } from './smoke-case.ts';

/** An answer as it came. */
export interface Answer {
  readonly httpVersion: string;
  readonly status: number;
  readonly reason: string;
  /** Names and values as they were sent, in order; a value holds one byte a character. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
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
    ...(matches === null || matches.test(text) ? [] : [`does not match ${String(matches)}`]),
  ];
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
