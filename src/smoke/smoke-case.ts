// What a case of a smoke test is: a request and what its answer must be. Made by case-file.ts from a file, or here
// from a path alone; used by everything in this folder. Types and plain values only.

/** What a text must be: each part that is there must hold. */
export interface TextExpectation {
  readonly contains: readonly string[];
  readonly lacks: readonly string[];
  readonly equals: string | null;
  readonly matches: RegExp | null;
}

/** A status, `404`, or all of a class, `4xx`. */
export type StatusPattern = number | `${number}xx`;

/** A value as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** What an answer must be. */
export interface Expectation {
  /** One of these; null: any below 400. */
  readonly status: readonly StatusPattern[] | null;
  /** By name in lower case; null: the field must not be there. */
  readonly headers: ReadonlyMap<string, TextExpectation | null>;
  readonly body: TextExpectation | null;
  /** What the JSON of the body must have; undefined: it need not be JSON. */
  readonly json: Json | undefined;
}

/** Where a value that later cases need is found in an answer. */
export type Place =
  | { readonly from: 'cookie'; readonly name: string }
  | { readonly from: 'header'; readonly name: string }
  /** The first group of the expression, or all that it matches. */
  | { readonly from: 'body'; readonly pattern: RegExp };

/** The body of a request, before `{{names}}` are replaced. */
export type RequestBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'json'; readonly value: Json }
  | { readonly kind: 'form'; readonly fields: readonly (readonly [string, string])[] };

/** Header fields as they are sent, in order. */
export type Fields = readonly (readonly [string, string])[];

/** One request and what is expected of its answer. */
export interface SmokeCase {
  readonly name: string;
  readonly method: string;
  /** With its query; begins with a slash. */
  readonly path: string;
  readonly headers: Fields;
  readonly body: RequestBody;
  /** Seconds from the connection to the last byte of the answer. */
  readonly timeLimit: number;
  readonly expect: Expectation;
  /** By the name that `{{name}}` stands for from the next case on. */
  readonly save: ReadonlyMap<string, Place>;
}

/** What is expected where nothing is said. */
const anyGoodAnswer: Expectation = {
  status: null,
  headers: new Map(),
  body: null,
  json: undefined,
};

/** A case that only looks at a status. */
export function visitOf(
  path: string,
  status: readonly StatusPattern[] | null,
  timeLimit: number,
): SmokeCase {
  return {
    ...{ name: `GET ${path}`, method: 'GET', path, headers: [], body: { kind: 'none' }, timeLimit },
    ...{ expect: { ...anyGoodAnswer, status }, save: new Map() },
  };
}

/** Fields, and before them the defaults that none of them replaces. */
export function overDefaults(own: Fields, defaults: Fields): Fields {
  const names = new Set(own.map(([name]) => name.toLowerCase()));
  return [...defaults.filter(([name]) => !names.has(name.toLowerCase())), ...own];
}

/** Seconds of `--timeout` that fit the cases: with it the server itself says where a request hangs. */
export function serverTimeLimit(cases: readonly SmokeCase[]): number {
  return Math.max(1, Math.ceil(Math.max(...cases.map(({ timeLimit }) => timeLimit))));
}

/** Reads `404` or `4xx`; null where it is neither. */
export function readStatus(value: unknown): StatusPattern | null {
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  if (/^[1-5]xx$/i.test(text)) return text.toLowerCase() as StatusPattern;
  return /^[1-5]\d\d$/.test(text) ? Number(text) : null;
}
