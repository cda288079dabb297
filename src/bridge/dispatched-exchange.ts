// What a dispatcher knows of an exchange, and says to it: the seam between frames and HTTP. Types only: dispatcher.ts
// calls, exchange.ts is it.

import type { Logger } from '../log/logger.ts';

/** What a dispatcher knows of an exchange (exchange.ts). */
export interface DispatchedExchange {
  readonly request: { readonly socket: unknown };
  /** Its id in frames: what `register` returned. */
  readonly id: number;
  /** When Python got it, by the dispatcher's clock (milliseconds). */
  dispatchedAt: number;
  /** Where its errors go. */
  readonly logger: Logger;
  /** Whether its response has not begun. */
  readonly unanswered: boolean;
  /** Whether Python is at work on it. */
  readonly inPython: boolean;
  hint(buffer: Buffer, start: number, end: number): void;
  respond(buffer: Buffer, start: number, end: number): void;
  respondWithStream(buffer: Buffer, start: number): void;
  respondWithFile(buffer: Buffer, start: number): void;
  end(outcome: number): void;
  timeOut(limit: number, stack: string): void;
  abandon(): void;
  clientEnded(): void;
}
