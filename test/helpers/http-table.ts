// The rows of fixtures/http: what a client sends and what becomes of it. Read by the test that sends them to real
// workers and by the page docs/http.md that shows them.

import { readdirSync, readFileSync } from 'node:fs';
import { inRepository } from './repository.ts';

/** A text, or one that is repeated. */
export type Part = string | { readonly repeat: string; readonly times: number };

/** One kind of input, and what becomes of it. */
export interface TableRow {
  /** What is sent, in words. */
  readonly input: string;
  /** The bytes, as latin-1. */
  readonly send: string | readonly Part[];
  /** Whether the client then ends its side. */
  readonly fin?: boolean;
  /** Statuses of the answers, in order. */
  readonly answers: readonly number[];
  /** What becomes of the connection. */
  readonly after: 'open' | 'closed';
  /** What the error log says, in part. */
  readonly log?: string;
  /** Lines in the access log, where it is not one an answer. */
  readonly access?: number;
  /** The outcome word of the last access line, where it is neither `ok` nor `rejected`. */
  readonly access_outcome?: string;
  /** What the app saw of the last request: keys of fixtures/apps/request_seen.py; null: nothing. */
  readonly saw?: Readonly<Record<string, string | null>>;
  /** Options of the server. */
  readonly args?: readonly string[];
  /** It is about time, or a race of its own making: sent whole and once. */
  readonly once?: boolean;
  /** It makes no sense over TLS. */
  readonly plain?: boolean;
  /** What the same request is answered over HTTP/2, where it can be sent there; several: 1xx ones first. */
  readonly http2?: number | readonly number[];
  /** Whether `node:http` alone, without anything in front, would take it. */
  readonly node_takes?: boolean;
  readonly rule: string;
  readonly note?: string;
}

/** The rows of one subject. */
export interface TableSection {
  readonly title: string;
  readonly rows: readonly TableRow[];
}

/** All sections, in order. */
export function readHttpTable(): TableSection[] {
  const folder = inRepository('fixtures', 'http');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as TableSection);
}

/** The bytes of a row, as latin-1. */
export function bytesOf({ send }: TableRow): string {
  if (typeof send === 'string') return send;
  return send
    .map((part) => (typeof part === 'string' ? part : part.repeat.repeat(part.times)))
    .join('');
}
