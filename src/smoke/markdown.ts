// A smoke test as Markdown: for the page of a job, as GitHub's $GITHUB_STEP_SUMMARY. Called by command/smoke.ts. Pure. No
// text of an app's can leave its place in it.

import {
  describeAnswer,
  describeFailures,
  failedOf,
  hasPassed,
  summary,
  type Report,
} from './report.ts';
import type { CaseResult } from './run.ts';

/** The text. */
export function markdown(report: Report): string {
  const { app, boot, results } = report;
  return [
    `### Smoke test of ${code(app)}: ${summary(report)}`,
    '',
    ...(boot === null
      ? [
          ...[
            '|   | case | status | time |',
            '| --- | --- | --- | ---: |',
            ...results.map(row),
            '',
          ],
          ...failedOf(report).flatMap(details),
        ]
      : [
          code(boot.message),
          '',
          fenced([boot.output, boot.remedy].filter(Boolean).join('\n').trimEnd()),
          '',
        ]),
  ].join('\n');
}

function row(result: CaseResult): string {
  const { name, answer, seconds } = result;
  const status = answer === null ? 'none' : String(answer.status);
  const mark = hasPassed(result) ? '✅' : '❌';
  // GFM §4.10: a bar ends a cell even in code.
  const cell = code(name).replaceAll('|', '\\|');
  return `| ${mark} | ${cell} | ${status} | ${(seconds * 1000).toFixed(0)} ms |`;
}

function details(result: CaseResult): string[] {
  const { name, answer, output } = result;
  const text = [
    ...describeFailures(result),
    ...(answer === null ? [] : ['', describeAnswer(answer)]),
    ...(output === '' ? [] : ['', 'Written meanwhile:', output.trimEnd()]),
  ].join('\n');
  return [`#### ${code(name)}`, '', fenced(text), ''];
}

/** A span of code in one line. */
function code(text: string): string {
  const line = text.replace(/[\0-\x1f\x7f]+/g, ' ');
  const ticks = '`'.repeat(longestTicks(line) + 1);
  return `${ticks} ${line} ${ticks}`;
}

function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestTicks(text) + 1));
  return `${fence}text\n${text}\n${fence}`;
}

function longestTicks(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
}
