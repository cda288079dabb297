// A regular expression of a case against a text of the app's, with a limit: one that backtracks may take for ever, and
// meanwhile nothing else happens in this process, Ctrl-C included. Used by expectation.ts and session.ts.

import { runInNewContext } from 'node:vm';

/** Milliseconds. */
const patience = 2000;

/** What is said of an expression that took longer. */
export const tooSlow = 'takes more than 2 s to match: it tries too many ways';

/** As `exec`; undefined where it takes too long. */
export function match(pattern: RegExp, text: string): RegExpExecArray | null | undefined {
  try {
    // Of what Node has, only this one stops an expression that is being matched.
    return runInNewContext(
      'pattern.exec(text)',
      { pattern, text },
      { timeout: patience },
    ) as RegExpExecArray | null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  }
}
