// Stands in for an app that can't be loaded (--reload): the same shape as the bridge's handler, but each request is
// answered with the traceback. Made by worker.ts; runs on the event loop. It needs Python for nothing but duplicates
// of descriptors, which are made before the first request.

import { resolve } from 'node:path';
import { writeAccess, type AccessEntry } from '../bridge/access-entry.ts';
import type { WsgiHandler } from '../bridge/handler-options.ts';
import { runningInterpreter, type Interpreter } from '../bridge/interpreter.ts';
import { writeHead, writeWhole } from '../bridge/response-writer.ts';
import {
  dropRequest,
  isFinished,
  isGone,
  whenOver,
  type ServerReply,
  type ServerRequest,
} from '../bridge/transaction.ts';
import type { AccessLog } from '../log/access-log.ts';
import type { WsgiTsError } from '../errors.ts';
import type { WorkerConfiguration } from '../messages.ts';
import { makeFailurePage, type FailurePage } from './failure-page.ts';

/** What {@link createFailureHandler} needs from the worker. */
interface FailureOptions {
  readonly page: FailurePage;
  /** The one that could not load the app. */
  readonly interpreter: Interpreter;
  readonly accessLog: AccessLog | null;
  /** Value of the `Server` field; null: none. */
  readonly serverHeader: string | null;
}

/** The handler of a worker whose Python runs, and could not load the app for `error`. */
export function standInFor(
  error: WsgiTsError,
  { chdir, pythonpath, http }: WorkerConfiguration,
  accessLog: AccessLog | null,
): WsgiHandler {
  const interpreter = runningInterpreter();
  if (interpreter === undefined) throw error;
  // What the app said before it failed is told now, not when the worker ends.
  interpreter.call('output', 'flush');
  const page = makeFailurePage(error, [chdir, ...pythonpath.map((path) => resolve(chdir, path))]);
  const serverHeader = http.serverHeader ? 'wsgi-ts' : null;
  return createFailureHandler({ page, interpreter, accessLog, serverHeader });
}

/** Makes the handler. */
function createFailureHandler(options: FailureOptions): WsgiHandler {
  const { page, interpreter, accessLog, serverHeader } = options;
  let served = 0;
  const nothing = (): void => undefined;
  const handler = (request: ServerRequest, response: ServerReply): void => {
    const [startedAt, start] = [Date.now(), performance.now()];
    const { fields, body } = page.choose(request.headers.accept ?? '', serverHeader);
    const sent = [...fields];
    // RFC 9110 §9.3.2: HEAD gets the length, and no body.
    const bytes = request.method === 'HEAD' ? 0 : body.length;
    if (accessLog !== null) {
      whenOver(response, () => {
        const outcome = isFinished(response) ? 'app_error' : 'client_gone';
        const entry = {
          request,
          response,
          startedAt,
          start,
          outcome,
          bytes,
          fields: sent,
        } as const;
        writeAccess(accessLog, { ...entry, remoteAddress: null } satisfies AccessEntry);
      });
    }
    if (isGone(response)) return;
    served++;
    // The app would have read it.
    if (hasBody(request)) dropRequest(response);
    writeHead(response, fields, false);
    writeWhole(response, body, 0, bytes);
  };
  const members = {
    // It is never busy: whoever comes is accepted.
    load: { value: { outstanding: 0, threads: 10_000, lastAnswerAt: 0, serviceTime: 0 } },
    served: { get: () => served },
    stuck: { value: () => 0 },
    reopenLogs: { value: nothing },
    duplicate: {
      value: (fd: number) =>
        Promise.resolve(interpreter.call('descriptors', 'duplicate', fd) as number),
    },
    drain: { value: nothing },
    cut: { value: nothing },
    clientEnded: { value: nothing },
    close: { value: () => Promise.resolve() },
  } satisfies Record<keyof WsgiHandler, PropertyDescriptor>;
  return Object.defineProperties(handler, members) as WsgiHandler;
}

function hasBody({ headers }: ServerRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
