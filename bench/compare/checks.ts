// What a server must answer before it is timed: status, headers and body, to the byte. A server that answers something
// else has no number.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Answer, Contender } from '../measuring/contender.ts';

/** A question, and what is to be said of its answer: undefined where it is right. */
export interface Check {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** File whose bytes are sent. */
  readonly file?: string;
  readonly expected: Expected;
}

/** What is right. */
export interface Expected {
  /** Value of Content-Type. */
  readonly type: string;
  /** What is wrong with a body; undefined: nothing. */
  readonly body: (body: Buffer) => string | undefined;
}

function shown(body: Buffer): string {
  return `${body.length} bytes: ${JSON.stringify(body.subarray(0, 200).toString('utf8'))}`;
}

/** The body is this text. */
export function text(type: string, wanted: string): Expected {
  return { type, body: (body) => (body.equals(Buffer.from(wanted)) ? undefined : shown(body)) };
}

/** The body holds each of these. */
export function has(type: string, parts: readonly string[]): Expected {
  return {
    type,
    body: (body) => {
      const missing = parts.find((part) => !body.includes(part));
      return missing === undefined ? undefined : `no “${missing}” in ${shown(body)}`;
    },
  };
}

/** The body is this value's JSON; members that are not in it may be there too. */
export function json(wanted: Readonly<Record<string, unknown>>): Expected {
  return {
    type: 'application/json',
    body: (body) => {
      try {
        const got = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
        const right = Object.entries(wanted).every(([key, value]) =>
          isDeepStrictEqual(got[key], value),
        );
        return right ? undefined : shown(body);
      } catch {
        return shown(body);
      }
    },
  };
}

/** The body has this digest. */
export function sha256(type: string, wanted: string): Expected {
  return {
    type,
    body: (body) =>
      createHash('sha256').update(body).digest('hex') === wanted ? undefined : shown(body),
  };
}

/** Asks, and says what is wrong; undefined: nothing. */
export async function findFault(contender: Contender, check: Check): Promise<string | undefined> {
  const { path, method, headers, file, expected } = check;
  const answer = await contender.ask({
    path,
    ...(method !== undefined && { method }),
    ...(headers && { headers }),
    ...(file !== undefined && { body: readFileSync(file) }),
  });
  const fault = faultOf(answer, expected);
  return fault === undefined ? undefined : `${method ?? 'GET'} ${path}: ${fault}`;
}

function faultOf({ status, headers, body }: Answer, expected: Expected): string | undefined {
  if (status !== 200) return `status ${status}, ${shown(body)}`;
  if (headers['content-type'] !== expected.type) {
    return `Content-Type ${headers['content-type'] ?? 'missing'} in place of ${expected.type}`;
  }
  const told = headers['content-length'];
  if (told !== undefined && Number(told) !== body.length) {
    return `Content-Length ${told} of ${body.length} bytes`;
  }
  return expected.body(body);
}
