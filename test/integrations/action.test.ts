// The GitHub Action: action.yml is what GitHub takes, and its own `run` steps do what they should in a shell as a
// runner has it, with this repository in the place of the package from npm.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { activatedEnvironment } from '../helpers/python-environment.ts';
import { inRepository, repositoryRoot } from '../helpers/repository.ts';

interface Step {
  readonly name: string;
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly 'working-directory'?: string;
}

interface Action {
  readonly inputs: Readonly<
    Record<
      string,
      { readonly description: string; readonly required?: boolean; readonly default?: string }
    >
  >;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const action = parse(fs.readFileSync(inRepository('action.yml'), 'utf8')) as Action;
const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-action-')));
after(() => {
  fs.rmSync(folder, { recursive: true });
});

/** What running the action came to. */
interface Run {
  /** By the steps' names; those that were left out are not there. */
  readonly codes: Readonly<Record<string, number | null>>;
  readonly log: string;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** An expression of the action's: an input and nothing more, or a comparison of one with ''. */
function evaluate(expression: string, inputs: Readonly<Record<string, string>>): string {
  return expression.replace(
    /\$\{\{ inputs\.([\w-]+) \}\}/g,
    (_, name: string) => inputs[name] ?? '',
  );
}

function applies(condition: string | undefined, inputs: Readonly<Record<string, string>>): boolean {
  const [, name = ''] = /^inputs\.([\w-]+) != ''$/.exec(condition ?? '') ?? [];
  return condition === undefined || (inputs[name] ?? '') !== '';
}

/** Runs the `run` steps as a runner does, one after another, until one fails. */
function runAction(given: Readonly<Record<string, string>>): Run {
  const temporary = fs.mkdtempSync(join(folder, 'runner-'));
  const files = { output: join(temporary, 'output'), summary: join(temporary, 'summary') };
  for (const file of Object.values(files)) fs.writeFileSync(file, '');
  const inputs = Object.fromEntries(
    Object.entries(action.inputs).map(([name, { default: value = '' }]) => [
      name,
      given[name] ?? value,
    ]),
  );
  const codes: Record<string, number | null> = {};
  let log = '';
  for (const { name, if: condition, run, env = {}, 'working-directory': directory = '.' } of action
    .runs.steps) {
    if (run === undefined || !applies(condition, inputs)) continue;
    const variables = Object.entries(env).map(([key, value]) => [key, evaluate(value, inputs)]);
    const script = join(temporary, 'step.sh');
    fs.writeFileSync(script, run);
    // https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax: what `shell: bash` is
    const result = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: join(repositoryRoot, evaluate(directory, inputs)),
      encoding: 'utf8',
      env: {
        ...activatedEnvironment({ npm_config_offline: 'true' }),
        PATH: [activatedEnvironment()['PATH'], dirname(process.execPath)].join(delimiter),
        ...{
          RUNNER_TEMP: temporary,
          GITHUB_OUTPUT: files.output,
          GITHUB_STEP_SUMMARY: files.summary,
        },
        ...(Object.fromEntries(variables) as Record<string, string>),
      },
    });
    codes[name] = result.status;
    log += result.stdout + result.stderr;
    if (result.status !== 0) break;
  }
  const outputs = fs.readFileSync(files.output, 'utf8').trimEnd().split('\n');
  return {
    ...{ codes, log, summary: fs.readFileSync(files.summary, 'utf8') },
    outputs: Object.fromEntries(outputs.map((line) => line.split('=', 2))) as Record<
      string,
      string
    >,
  };
}

test('no input is a part of a script: it comes as a variable', () => {
  assert.equal(action.runs.using, 'composite');
  for (const { name, run, uses, shell, ...step } of action.runs.steps) {
    assert.equal(run === undefined, uses !== undefined, name);
    if (run === undefined) continue;
    assert.doesNotMatch(run, /\$\{\{/, name);
    assert.equal(shell, 'bash', name);
    for (const value of Object.values(step.env ?? {}))
      assert.match(value, /^\$\{\{ inputs\.[\w-]+ \}\}$/);
  }
  for (const { uses } of action.runs.steps) {
    if (uses !== undefined) assert.match(uses, /^actions\/[\w-]+@v\d+$/);
  }
});

test('every input is described and used', () => {
  const text = JSON.stringify(action.runs);
  for (const [name, { description }] of Object.entries(action.inputs)) {
    assert.ok(description.length > 0);
    assert.ok(text.includes(`inputs.${name}`), name);
  }
});

test('its steps install, prepare and test an app, and nothing in an input is run but `prepare`', () => {
  const marker = join(folder, 'marker');
  const run = runAction({
    ...{ app: 'app:app', 'working-directory': 'fixtures/tutorial', version: repositoryRoot },
    paths: '\n  /\n  /?$(touch hacked)`touch hacked`;"\'&x=1  \n',
    args: '--header=X-Two: words $(touch hacked)\n--threads=2',
    prepare: `test -f app.py\nprintf '%s' "$PWD" > '${marker}'`,
  });
  assert.deepEqual(
    run.codes,
    {
      'Install wsgi-ts': 0,
      'Compile what embeds Python': 0,
      'Prepare the app': 0,
      'Smoke test': 0,
    },
    run.log,
  );
  assert.match(run.log, /\n2 passed in /);
  assert.equal(fs.readFileSync(marker, 'utf8'), inRepository('fixtures', 'tutorial'));
  assert.equal(fs.existsSync(inRepository('fixtures', 'tutorial', 'hacked')), false);
  assert.match(run.summary, /^### Smoke test of ` app:app `: 2 passed/);
  assert.match(fs.readFileSync(run.outputs['junit'] ?? '', 'utf8'), /<testsuites .*tests="2"/);
  assert.match(fs.readFileSync(run.outputs['json'] ?? '', 'utf8'), /"ok": true/);
  assert.match(run.outputs['key'] ?? '', /^wsgi-ts-binding-\d+$/);
});

test('an app that fails fails its step, and what it prints is no command to the runner', () => {
  const noRequirements = join(folder, 'requirements.txt');
  fs.writeFileSync(noRequirements, '# none\n');
  const { codes, log, outputs } = runAction({
    ...{ app: 'smoke_cases:app', 'working-directory': 'fixtures/apps', version: repositoryRoot },
    paths: '/broken',
    requirements: noRequirements,
  });
  assert.equal(codes['Install the requirements'], 0, log);
  assert.equal(codes['Smoke test'], 1, log);
  const [, token = ''] = /^::stop-commands::(\S+)$/m.exec(log) ?? [];
  assert.ok(token.length >= 32);
  assert.ok(log.indexOf('ValueError: this view is broken') < log.indexOf(`\n::${token}::\n`));
  assert.match(fs.readFileSync(outputs['junit'] ?? '', 'utf8'), /ValueError: this view is broken/);
});
