// A smoke test as JUnit XML, which Jenkins, GitLab and GitHub's actions read. Called by command/smoke.ts. Pure. All texts
// may be hostile: whatever they hold, the result is well-formed XML 1.0.

import {
  describeAnswer,
  describeFailures,
  failedOf,
  hasPassed,
  type BootFailure,
  type Report,
} from './report.ts';
import type { CaseResult } from './run.ts';

// All but what XML 1.0 §2.2 takes as a character.
const illegal = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Written as they are, an attribute would have spaces in their places (§3.3.3), and a text no \r.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** The document. */
export function junit(report: Report): string {
  const { app, results, boot, seconds } = report;
  const failures = failedOf(report).length;
  const cases =
    boot === null ? results.map((result) => testcase(app, result)) : [bootCase(report, boot)];
  const counts = {
    ...{ tests: cases.length, failures, errors: boot === null ? 0 : 1, skipped: 0 },
    time: seconds.toFixed(3),
  };
  const timestamp = new Date(report.began).toISOString().slice(0, 19);
  const suite = element('testsuite', { name: `wsgi-ts smoke ${app}`, ...counts, timestamp }, [
    ...cases,
  ]);
  const all = element('testsuites', { name: 'wsgi-ts smoke', ...counts }, [suite]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${all}\n`;
}

function testcase(app: string, result: CaseResult): string {
  const { name, seconds, answer, output } = result;
  const reasons = describeFailures(result);
  const attributes = { classname: app, name, time: seconds.toFixed(3) };
  if (hasPassed(result)) return element('testcase', attributes, []);
  const text = [...reasons, ...(answer === null ? [] : ['', describeAnswer(answer)])].join('\n');
  return element('testcase', attributes, [
    element('failure', { message: reasons.join('; '), type: 'failure' }, [escaped(text)]),
    ...written(output),
  ]);
}

function bootCase({ app, startSeconds }: Report, boot: BootFailure): string {
  const { code, message, remedy, traceback, output } = boot;
  const text = [traceback, message, remedy].filter((part) => part !== null).join('\n');
  return element('testcase', { classname: app, name: 'boot', time: startSeconds.toFixed(3) }, [
    element('error', { message, type: code }, [escaped(text)]),
    ...written(output),
  ]);
}

function written(output: string): string[] {
  return output === '' ? [] : [element('system-out', {}, [escaped(output)])];
}

function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: readonly string[],
): string {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escaped(String(value), /[&<>"\t\n\r]/g)}"`)
    .join('');
  if (content.length === 0) return `<${name}${list}/>`;
  return `<${name}${list}>${content.join('')}</${name}>`;
}

function escaped(text: string, marks = /[&<>\r]/g): string {
  return text
    .replace(illegal, (character) => {
      const code = character.codePointAt(0) ?? 0;
      return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
    })
    .replace(marks, (mark) => entities[mark] ?? mark);
}
