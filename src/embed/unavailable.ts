// The answer where there is no app to ask: not loaded, or closed. Used by create-handler.ts on the event loop.

import type { LoadOptions } from '../bridge/handler-options.ts';
import { sendOwnPage } from '../bridge/own-page.ts';
import { closeAfter, isGone, type ServerReply, type ServerRequest } from '../bridge/transaction.ts';
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
  const page = errorPage(503, text, request.headers.accept ?? '', serverHeader);
  // A body that nobody reads would be taken for the next request.
  closeAfter(response);
  sendOwnPage(request, response, page, { accessLog, outcome: 'rejected', hosted: true });
}
