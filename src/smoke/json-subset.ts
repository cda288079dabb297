// Whether one JSON value has all that another asks for. Used by expectation.ts. Pure.

import type { Json, JsonObject } from './smoke-case.ts';

/** Differences that are told of one answer: the first ones say enough. */
const mostDifferences = 10;

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
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
