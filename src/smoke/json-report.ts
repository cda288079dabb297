// A smoke test as JSON, for programs. Called by command/smoke.ts. Pure. docs/ci.md describes the form.

import { bodyText } from './expectation.ts';
import { failedOf, hasPassed, type Report } from './report.ts';
import type { CaseResult } from './run.ts';

/** The document. */
export function jsonReport(report: Report, exitCode: number): string {
  const { version, app, began, seconds, startSeconds, boot, results } = report;
  const failed = failedOf(report).length;
  const content = {
    ...{ version, app, began: new Date(began).toISOString(), seconds, startSeconds },
    ...{ ok: boot === null && failed === 0, exitCode },
    ...{ passed: results.length - failed, failed, boot, cases: results.map(caseOf) },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function caseOf(result: CaseResult): unknown {
  const { name, method, path, failures, seconds, answer, output } = result;
  const ok = hasPassed(result);
  return {
    ...{ name, method, path, ok, seconds, failures },
    answer:
      answer === null
        ? null
        : {
            ...{ status: answer.status, reason: answer.reason, headers: answer.fields },
            ...(ok ? {} : { body: bodyText(answer) }),
            ...(answer.leftOut === undefined ? {} : { leftOut: answer.leftOut }),
          },
    ...(ok ? {} : { output }),
  };
}
