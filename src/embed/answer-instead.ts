// The answer where the app is not asked: it is not loaded, or closed, or can't have the request. Used by create-handler.ts and
// misplaced.ts on the event loop.

import type { LoadOptions } from '../bridge/handler-options.ts';
import { sendOwnPage } from '../bridge/own-page.ts';
import { closeAfter, isGone, type ServerReply, type ServerRequest } from '../bridge/transaction.ts';
import { errorPage } from '../http/error-page.ts';

/**
 * Answers with a page, and writes the access line.
 *
 * @param text - one sentence for people; nothing of a client's
 */
export function answerInstead(
  request: ServerRequest,
  response: ServerReply,
  status: number,
  text: string,
  { serverHeader = null, accessLog = null }: Pick<LoadOptions, 'serverHeader' | 'accessLog'>,
): void {
  if (isGone(response) || response.headersSent) return;
  const page = errorPage(status, text, request.headers.accept ?? '', serverHeader);
  // A body that nobody reads would be taken for the next request.
  closeAfter(response);
  sendOwnPage(request, response, page, { accessLog, outcome: 'rejected', hosted: true });
}
