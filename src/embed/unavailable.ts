// The answer where there is no app to ask: not loaded, or closed. Used by create-handler.ts on the event loop.

import { writeHead, writeWhole } from '../bridge/response-writer.ts';
import { closeAfter, isGone, type ServerReply, type ServerRequest } from '../bridge/transaction.ts';
import { errorPage } from '../http/error-page.ts';

/**
 * Answers 503.
 *
 * @param text - one sentence for people; nothing of a client's
 * @param server - value of the `Server` field; null: none
 */
export function answerUnavailable(
  request: ServerRequest,
  response: ServerReply,
  text: string,
  server: string | null,
): void {
  if (isGone(response) || response.headersSent) return;
  const { fields, body } = errorPage(503, text, request.headers.accept ?? '', server);
  // A body that nobody reads would be taken for the next request.
  closeAfter(response);
  writeHead(response, fields);
  // RFC 9110 §9.3.2: HEAD gets the length, and no body.
  writeWhole(response, body, 0, request.method === 'HEAD' ? 0 : body.length);
}
