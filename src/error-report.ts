// An error as one process tells another of it: a worker its master, a server whoever has started it. Plain values that
// survive IPC, and the way back. Pure; it imports errors.ts alone.

import { inWords, WsgiTsError } from './errors.ts';
import type { Blame, PythonFailure } from './errors.ts';

/** A {@link WsgiTsError} as plain values. */
export interface ErrorReport {
  readonly code: string;
  readonly blame: Blame;
  readonly message: string;
  readonly exitCode: number;
  readonly remedy?: string | undefined;
  readonly traceback?: string | undefined;
  readonly python?: PythonFailure | undefined;
}

/**
 * What is told of an error.
 *
 * @param code - of an error that has none: a fault in wsgi-ts itself
 */
export function reportOf(error: unknown, code: string): ErrorReport {
  if (!(error instanceof WsgiTsError)) {
    const message = `a fault in wsgi-ts itself: ${inWords(error)}`;
    return { code, blame: 'server', message, exitCode: 1 };
  }
  const { blame, message, remedy, traceback, python, exitCode } = error;
  return { code: error.code, blame, message, exitCode, remedy, traceback, python };
}

/** The error that was told of. */
export function errorOf({ code, blame, message, ...details }: ErrorReport): WsgiTsError {
  return new WsgiTsError(code, blame, message, details);
}
