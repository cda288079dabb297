// The access line of an exchange: written once, when its response is over, however that came about.
// Made by exchange.ts for each request where there is an access log. Must never change the response.

import type { AccessLog, Outcome } from '../log/access-log.ts';
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

/** Writes the line of `entry`. */
export function writeAccess(accessLog: AccessLog, entry: AccessEntry): void {
  const { request, response, outcome } = entry;
  accessLog.write({
    remoteAddress: entry.remoteAddress ?? connectionFacts(request).remoteAddress,
    method: request.method ?? '',
    target: request.url ?? '',
    protocol: `HTTP/${request.httpVersion}`,
    status: response.headersSent ? response.statusCode : clientClosedRequest,
    bytes: entry.bytes,
    startedAt: entry.startedAt,
    duration: performance.now() - entry.start,
    outcome,
    requestHeaders: request.rawHeaders,
    responseHeaders: entry.fields,
  });
}
