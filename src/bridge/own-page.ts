// A page of the server's own where there is no app to ask, and its access line. Used by whoever stands in for an app: the
// worker's failure handler, and embed/ while an app is not loaded or closed. Runs on the event loop. What becomes of the
// request's body and of the connection, the caller says before.

import type { ErrorPage } from '../http/error-page.ts';
import type { AccessLog, Outcome } from '../log/access-log.ts';
import { writeAccess } from './access-entry.ts';
import { writeHead, writeWhole } from './response-writer.ts';
import {
  isFinished,
  isGone,
  whenOver,
  type ServerReply,
  type ServerRequest,
} from './transaction.ts';

/** What is to be known besides the page. */
export interface PageOptions {
  readonly accessLog: AccessLog | null;
  /** What the access line says where the client gets the page. */
  readonly outcome: Outcome;
  /** Whether middlewares of somebody else's program may have had the response in hand. */
  readonly hosted: boolean;
}

/** Sends `page`, unless nobody waits for it. */
export function sendOwnPage(
  request: ServerRequest,
  response: ServerReply,
  { fields, body }: ErrorPage,
  { accessLog, outcome, hosted }: PageOptions,
): void {
  // RFC 9110 §9.3.2: HEAD gets the length, and no body.
  const bytes = request.method === 'HEAD' ? 0 : body.length;
  if (accessLog !== null) {
    const [startedAt, start, sent] = [Date.now(), performance.now(), [...fields]];
    whenOver(response, () => {
      const facts = { request, response, startedAt, start, bytes, fields: sent };
      const how = isFinished(response) ? outcome : 'client_gone';
      writeAccess(accessLog, { ...facts, outcome: how, remoteAddress: null });
    });
  }
  if (isGone(response)) return;
  writeHead(response, fields, hosted);
  writeWhole(response, body, 0, bytes, hosted);
}
