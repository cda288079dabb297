// The answer where there is no app to ask: not loaded, or closed. Used by create-handler.ts on the event loop.

import { writeAccess } from '../bridge/access-entry.ts';
import type { LoadOptions } from '../bridge/handler-options.ts';
import { writeHead, writeWhole } from '../bridge/response-writer.ts';
import {
  closeAfter,
  isFinished,
  isGone,
  whenOver,
  type ServerReply,
  type ServerRequest,
} from '../bridge/transaction.ts';
import { errorPage } from '../http/error-page.ts';

/**
 * Answers 503, and writes the access line.
 *
 * @param text - one sentence for people; nothing of a client's
 */
export function answerUnavailable(
  request: ServerRequest,
  response: ServerReply,
  text: string,
  { serverHeader = null, accessLog = null }: Pick<LoadOptions, 'serverHeader' | 'accessLog'>,
): void {
  if (isGone(response) || response.headersSent) return;
  const { fields, body } = errorPage(503, text, request.headers.accept ?? '', serverHeader);
  // RFC 9110 §9.3.2: HEAD gets the length, and no body.
  const bytes = request.method === 'HEAD' ? 0 : body.length;
  if (accessLog !== null) {
    const [startedAt, start, sent] = [Date.now(), performance.now(), [...fields]];
    whenOver(response, () => {
      const outcome = isFinished(response) ? 'rejected' : 'client_gone';
      const facts = { request, response, startedAt, start, bytes, fields: sent };
      writeAccess(accessLog, { ...facts, outcome, remoteAddress: null });
    });
  }
  // A body that nobody reads would be taken for the next request.
  closeAfter(response);
  writeHead(response, fields, true);
  writeWhole(response, body, 0, bytes);
}
