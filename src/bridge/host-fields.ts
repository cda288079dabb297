// Fields of an answer on a response that a host's middlewares have had in hand. Used by response-writer.ts, on the event
// loop. In a worker nobody touches a response before the bridge does, and nothing of this is needed.

import { OutgoingMessage, type ServerResponse } from 'node:http';

/** Where Node keeps the fields that were set one by one; none is kept while it is null. */
const kept = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === 'kOutHeaders',
);

/** Fields of which a host's middlewares and the app each have something to say. */
const shared: ReadonlySet<string> = new Set(['set-cookie', 'vary']);

/** Whether `response` is as Node has made it: then fields go out one by one, in the order in which they are given. */
export function isPristine(response: ServerResponse): boolean {
  if (kept === undefined || Object.hasOwn(response, 'writeHead')) return false;
  return (response as unknown as Record<symbol, unknown>)[kept] === null;
}

/**
 * `fields` (name, value, …) by their names, each with all of its values: given one by one, Node 20 keeps the last of them
 * alone where fields were set before, and so do packages that wrap `writeHead`. What the app sets, the host has not set
 * besides, but for cookies and `Vary`, which are kept.
 */
export function fieldsOnTop(
  response: ServerResponse,
  fields: readonly string[],
): Record<string, string | string[]> {
  const gathered = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const key = name.toLowerCase();
    const known = gathered.get(key);
    if (known !== undefined) known.values.push(fields[i + 1] ?? '');
    else {
      const before = shared.has(key) ? response.getHeader(key) : undefined;
      const values = [before ?? []].flat().map(String);
      gathered.set(key, { name, values: [...values, fields[i + 1] ?? ''] });
    }
  }
  return Object.fromEntries(
    [...gathered.values()].map(({ name, values: [first = '', ...more] }) => [
      name,
      more.length === 0 ? first : [first, ...more],
    ]),
  );
}
