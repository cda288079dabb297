// The access line of an exchange: written once, when its response is over, however that came about.
// Made by exchange.ts for each request where there is an access log. Must never change the response.

import type { AccessLog, Outcome } from '../log/access-log.ts';
import type { JournalEntry } from '../log/journal.ts';
import { connectionFacts } from './connection-facts.ts';
import type { ServerReply, ServerRequest } from './transaction.ts';

/** What an exchange knows about its own end. */
export interface AccessEntry {
  readonly request: ServerRequest;
  readonly response: ServerReply;
  /** The client's address, as the app sees it; '' on a unix socket, null where the head was refused. */
  readonly remoteAddress: string | null;
  /** Milliseconds since the epoch, and by `performance.now()`. */
  readonly startedAt: number;
  readonly start: number;
  readonly outcome: Outcome;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Status line, name, value, …: as they were sent. */
  readonly fields: readonly string[];
}

/** nginx's status for a client that left before there was an answer. */
const clientClosedRequest = 499;
/** What a proxy in front makes of a connection that was cut off (RFC 9110 §15.6.3). */
const badGateway = 502;

/** What is known of a request before its answer. */
export function accessFacts(
  entry: Omit<AccessEntry, 'outcome' | 'fields' | 'bytes'>,
): JournalEntry {
  const { request } = entry;
  return {
    startedAt: entry.startedAt,
    remoteAddress: entry.remoteAddress ?? connectionFacts(request).remoteAddress,
    method: request.method ?? '',
    target: request.url ?? '',
    protocol: `HTTP/${request.httpVersion}`,
    requestHeaders: request.rawHeaders,
  };
}

/** Writes the line of `entry`. */
export function writeAccess(accessLog: AccessLog, entry: AccessEntry): void {
  const { request, response, outcome } = entry;
  const unanswered = outcome === 'killed' ? badGateway : clientClosedRequest;
  // Field by field: to spread the facts into it takes longer than all the rest.
  accessLog.write({
    startedAt: entry.startedAt,
    remoteAddress: entry.remoteAddress ?? connectionFacts(request).remoteAddress,
    method: request.method ?? '',
    target: request.url ?? '',
    protocol: `HTTP/${request.httpVersion}`,
    requestHeaders: request.rawHeaders,
    status: response.headersSent ? response.statusCode : unanswered,
    bytes: entry.bytes,
    duration: performance.now() - entry.start,
    outcome,
    responseHeaders: entry.fields,
  });
}

/** The line of a request whose worker was killed with it. */
export function writeLost(accessLog: AccessLog, entry: JournalEntry, now: number): void {
  const duration = Math.max(0, now - entry.startedAt);
  const rest = { status: badGateway, bytes: 0, outcome: 'killed', responseHeaders: [] } as const;
  accessLog.write({ ...entry, ...rest, duration });
}
