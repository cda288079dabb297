// What Python says for the error log, as an entry of it. Called by dispatcher.ts for each such frame, on the event loop.
// Pure but for the logger that it is given.

import type { Logger } from '../log/logger.ts';
import { FrameKind, LOG_LEVELS, WHOLE_LINE } from './frame.ts';

/** Logs the payload of a `log`, `record` or `errors` frame; any other kind is a fault of ours. */
export function logFrame(logger: Logger, kind: number, payload: Buffer): void {
  const level = LOG_LEVELS[payload[0] ?? 0] ?? 'error';
  const text = payload.toString('utf8', 1);
  if (kind === FrameKind.errors) logger.log(level, text, 'errors');
  else if (kind === FrameKind.log) logger.log(level, text);
  else if (kind === FrameKind.record)
    logger.log(level, text, payload[0] === WHOLE_LINE ? 'line' : 'record');
  else logger.critical(`a frame of unknown kind ${kind}: this is a bug in wsgi-ts`);
}
