// Reports whose texts are hostile, read by those who read such files: Python's XML parser, and Markdown's rules.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { jsonReport } from '../../../src/smoke/json-report.ts';
import { junit } from '../../../src/smoke/junit.ts';
import { markdown } from '../../../src/smoke/markdown.ts';
import type { Report } from '../../../src/smoke/report.ts';
import { testPythonEnvironment } from '../../helpers/python-environment.ts';

const hostile =
  '<&"\'> ]]> \0\x01\x1b[31m\x7f\x9b \ud800 \uffff\u{1f600} ``` | \r\n\ttab </failure>';

const report: Report = {
  ...{ version: '1', app: hostile, began: 0, seconds: 1.5, startSeconds: 0.5, boot: null },
  results: [
    {
      ...{ name: `${hostile} 1`, method: 'GET', path: '/', failures: [], seconds: 0.1 },
      ...{ answer: null, output: hostile },
    },
    {
      ...{ name: hostile, method: 'GET', path: '/', failures: [hostile, 'two'], seconds: 0.2 },
      answer: {
        ...{ httpVersion: '1.1', status: 500, reason: hostile },
        ...{ fields: [['x', hostile] as const], body: Buffer.from([0, 255, 60, 93, 93, 62]) },
      },
      output: hostile,
    },
  ],
};

/** A document as Python's parser has it: tag, attributes, text and children. */
function parsed(xml: string): unknown {
  const script = `
import json, sys, xml.etree.ElementTree as tree
def plain(node): return [node.tag, node.attrib, node.text, [plain(child) for child in node]]
print(json.dumps(plain(tree.fromstring(sys.stdin.buffer.read()))))`;
  const { python } = testPythonEnvironment();
  return JSON.parse(execFileSync(python, ['-c', script], { input: xml, encoding: 'utf8' }));
}

type Element = [string, Record<string, string>, string | null, Element[]];

it('is well-formed JUnit XML, whatever the app says', () => {
  const [tag, counts, , [suite]] = parsed(junit(report)) as Element;
  assert.equal(tag, 'testsuites');
  assert.ok(suite !== undefined);
  assert.deepEqual(
    [counts['tests'], counts['failures'], counts['errors'], counts['time']],
    ['2', '1', '0', '1.500'],
  );
  const [passed, failed] = suite[3];
  assert.ok(passed !== undefined && failed !== undefined);
  assert.deepEqual(passed[3], []);
  const seen =
    '<&"\'> ]]> \\x00\\x01\\x1b[31m\x7f\x9b \\ud800 \\uffff\u{1f600} ``` | \r\n\ttab </failure>';
  assert.equal(failed[1]['name'], seen);
  const [failure, output] = failed[3];
  assert.equal(failure?.[0], 'failure');
  assert.match(failure[2] ?? '', /HTTP\/1\.1 500/);
  assert.equal(output?.[0], 'system-out');
  assert.equal(output[2], seen);
});

it('has one case, boot, where the app did not start', () => {
  const boot = {
    code: 'ERR_X',
    message: hostile,
    remedy: 'do',
    traceback: 'Traceback',
    output: 'o',
  };
  const [, counts, , [suite]] = parsed(junit({ ...report, results: [], boot })) as Element;
  assert.deepEqual([counts['tests'], counts['failures'], counts['errors']], ['1', '0', '1']);
  const [only] = suite?.[3] ?? [];
  assert.equal(only?.[1]['name'], 'boot');
  assert.deepEqual(
    only[3].map(([tag]) => tag),
    ['error', 'system-out'],
  );
});

it('is JSON with what programs need', () => {
  const content = JSON.parse(jsonReport(report, 1)) as {
    ok: boolean;
    failed: number;
    cases: { ok: boolean; output?: string }[];
  };
  assert.deepEqual([content.ok, content.failed], [false, 1]);
  assert.deepEqual(
    content.cases.map(({ ok, output }) => [ok, output === undefined]),
    [
      [true, true],
      [false, false],
    ],
  );
});

it('is Markdown that no text of an app gets out of', () => {
  const lines = markdown(report).split('\n');
  const fences = lines.filter((line) => line.startsWith('````'));
  assert.equal(fences.length, 2); // longer than the three ticks of the text
  const rows = lines.filter((line) => line.startsWith('| ❌') || line.startsWith('| ✅'));
  assert.equal(rows.length, 2);
  for (const row of rows) assert.equal(row.replaceAll('\\|', '').split('|').length, 6);
  // A backslash would be seen anywhere else.
  for (const line of lines) assert.ok(rows.includes(line) || !line.includes('\\|'), line);
});
