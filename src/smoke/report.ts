// What a smoke test found, whole, and its parts in words. Made by smoke.ts; written by table.ts, junit.ts, markdown.ts and
// json-report.ts. Pure.

import { escapeControls } from '../log/escape.ts';
import { bodyText, type Answer } from './expectation.ts';
import type { CaseResult } from './run.ts';

/** Why there is no server to visit. */
export interface BootFailure {
  /** `ERR_WSGI_…`. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  readonly traceback: string | null;
  /** Everything that was written. */
  readonly output: string;
}

/** A whole run. */
export interface Report {
  /** wsgi-ts' own. */
  readonly version: string;
  readonly app: string;
  /** When it began, in milliseconds since 1970. */
  readonly began: number;
  /** From the start of the command to the last answer. */
  readonly seconds: number;
  /** Until the server could be visited. */
  readonly startSeconds: number;
  /** Null: it serves. */
  readonly boot: BootFailure | null;
  readonly results: readonly CaseResult[];
}

/** Characters of a body that are shown. */
const mostShown = 4000;

export function hasPassed({ failures }: Pick<CaseResult, 'failures'>): boolean {
  return failures.length === 0;
}

export function failedOf({ results }: Pick<Report, 'results'>): CaseResult[] {
  return results.filter((result) => !hasPassed(result));
}

/** `3 passed, 1 failed in 0.8 s`. */
export function summary(report: Report): string {
  const { boot, results, seconds } = report;
  const failed = failedOf(report).length;
  const passed = results.length - failed;
  const time = `in ${seconds.toFixed(1)} s`;
  if (boot !== null) return `The app did not start: ${boot.code} ${time}`;
  return failed === 0 ? `${passed} passed ${time}` : `${passed} passed, ${failed} failed ${time}`;
}

/** Status line, fields and body of an answer, harmless to a terminal. */
export function describeAnswer(answer: Answer): string {
  const { httpVersion, status, reason, fields, body, leftOut = 0 } = answer;
  const head = [
    `HTTP/${httpVersion} ${status} ${reason}`.trimEnd(),
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  if (body.length === 0) return escapeControls(head.join('\n'));
  const text = bodyText(answer);
  const isLong = text.length > mostShown;
  const shown = isLong ? `${text.slice(0, mostShown)}\n[${rest(text, leftOut)}]` : text;
  return escapeControls([...head, '', shown.trimEnd()].join('\n'));
}

function rest(text: string, leftOut: number): string {
  const characters = `${text.length - mostShown} characters`;
  return leftOut === 0 ? `${characters} left out` : `${characters} and ${leftOut} bytes left out`;
}

/** What is wrong, harmless to a terminal. */
export function describeFailures({ failures }: CaseResult): string[] {
  return failures.map((failure) => escapeControls(failure));
}
