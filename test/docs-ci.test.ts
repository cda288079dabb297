// docs/ci.md, and the files it speaks of, say what is so: YAML and JSON that can be read, options and inputs that exist.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { parse } from 'yaml';
import { readCases } from '../src/smoke/case-file.ts';
import { inRepository } from './helpers/repository.ts';
import { runCli } from './helpers/server-process.ts';

const page = readFileSync(inRepository('docs', 'ci.md'), 'utf8');
const gitlab = readFileSync(inRepository('ci', 'gitlab.yml'), 'utf8');
let help = '';
before(async () => {
  help = (await runCli(['smoke', '--help'])).stdout;
});

function blocks(language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm');
  return [...page.matchAll(pattern)].map(([, text = '']) => text);
}

/** The options that a text names. */
function options(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([option]) => option);
}

test('the file of cases can be read', () => {
  const files = blocks('json');
  assert.equal(files.length, 1);
  assert.equal(readCases('docs/ci.md', files[0] ?? '', { timeLimit: 10 }).length, 7);
});

test('the workflows give the action inputs that it has', () => {
  const { inputs } = parse(readFileSync(inRepository('action.yml'), 'utf8')) as { inputs: object };
  const workflows = blocks('yaml').map((text) => parse(text) as Record<string, unknown>);
  assert.equal(workflows.length, 4);
  const uses = workflows.flatMap(({ jobs }) => {
    const { steps = [] } =
      (jobs as { smoke: { steps: { uses: string; with?: object }[] } } | undefined)?.smoke ?? {};
    return steps.filter((step) => step.uses.startsWith('OWNER/wsgi-ts@'));
  });
  assert.equal(uses.length, 2);
  for (const { with: given = {} } of uses) {
    assert.ok('app' in given);
    for (const name of Object.keys(given)) assert.ok(name in inputs, name);
  }
});

test('the options that it names are those of the command', () => {
  const others = ['--no-install', '--no-input']; // npx', Django's
  const named = new Set(options(page).filter((option) => !others.includes(option)));
  assert.ok(named.size > 10);
  for (const option of named) assert.match(help, new RegExp(`${option}[ ,]`), option);
  const own = options(/^Smoke test:$([^]*?)^$/m.exec(help)?.[1] ?? '');
  assert.deepEqual(
    own.filter((option) => !named.has(option)),
    [],
  );
});

test('the table of exit codes is that of the help', () => {
  for (const code of ['0', '1', '2', '3', '4', '129, 130, 143']) {
    assert.match(page, new RegExp(`^\\| ${code} +\\|`, 'm'));
    assert.match(help, new RegExp(`[ ;:\\n]${code} `));
  }
});

test("GitLab's template is a hidden job with a JUnit report", () => {
  const template = parse(gitlab) as Record<string, Record<string, unknown>>;
  assert.deepEqual(Object.keys(template), ['.wsgi-ts-smoke']);
  const { script, artifacts } = template['.wsgi-ts-smoke'] ?? {};
  const [command = ''] = script as string[];
  const [, report = ''] = /--junit (\S+)/.exec(command) ?? [];
  assert.deepEqual(artifacts, { when: 'always', reports: { junit: report } });
});
