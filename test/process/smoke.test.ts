// `wsgi-ts smoke` as a CI job runs it: cases that pass, cases that fail, apps that don't start, wrong use, Ctrl-C.

import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { activatedEnvironment, testPythonEnvironment } from '../helpers/python-environment.ts';
import { inRepository } from '../helpers/repository.ts';
import { isAlive, runCli, type CliResult } from '../helpers/server-process.ts';
import { SpawnedProcess } from '../helpers/spawned-process.ts';
import { execFileSync } from 'node:child_process';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'wsgi-ts-smoke-test-')));
after(() => {
  fs.rmSync(folder, { recursive: true });
});
const inFolder = (name: string): string => join(folder, name);
const apps = ['--chdir', inRepository('fixtures', 'apps')];

function smoke(...args: string[]): Promise<CliResult> {
  return runCli(['smoke', ...args]);
}

function write(name: string, content: unknown): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  fs.writeFileSync(inFolder(name), text);
  return inFolder(name);
}

interface Report {
  readonly ok: boolean;
  readonly exitCode: number;
  readonly boot: { readonly code: string; readonly output: string } | null;
  readonly cases: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly failures: readonly string[];
    readonly output?: string;
    readonly answer: { readonly status: number } | null;
  }[];
}

function readReport(path: string): Report {
  return JSON.parse(fs.readFileSync(path, 'utf8')) as Report;
}

/** `tests failures errors` of a JUnit file, and the names of its cases, as Python's parser reads them. */
function readJunit(path: string): string[] {
  const script = `
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
print(*(root.get(name) for name in ("tests", "failures", "errors")))
for case in root.iter("testcase"): print(ascii(case.get("name")))`;
  const { python } = testPythonEnvironment();
  return execFileSync(python, ['-c', script, path], { encoding: 'utf8' }).trimEnd().split('\n');
}

test('cases pass: a login with a session, bodies, JSON; the config file of production has its say', async () => {
  const cases = write('passes.json', {
    headers: { 'X-Sent': 'by all' },
    cases: [
      { path: '/', expect: { status: 200, body: 'Welcome', headers: { server: 'wsgi-ts' } } },
      { path: '/health', expect: { json: { ok: true, checks: [{ name: 'database' }] } } },
      { path: '/nothing', expect: { status: '4xx', headers: { location: null } } },
      { path: '/login', save: { token: { body: 'value="(\\w+)"' } } },
      {
        ...{ name: 'log in', method: 'post', path: '/login' },
        form: { token: '{{token}}', user: 'änn & co' },
        expect: { status: 302, headers: { location: '/account' } },
      },
      { path: '/account', expect: { body: { equals: 'You are änn & co' } } },
      {
        ...{ method: 'POST', path: '/echo', json: { token: '{{token}}', other: '{{other}}' } },
        expect: {
          json: {
            ...{ type: 'application/json', header: 'by all' },
            text: '{"token":"t0ken","other":"{{other}}"}',
          },
        },
      },
    ],
  });
  const config = write(
    'production.py',
    `bind = "127.0.0.1:1"
workers = 3
daemon = True
pidfile = "/nowhere/pid"
errorlog = "/nowhere/log"
threads = 2
`,
  );
  const { end, stdout, stderr } = await smoke(
    ...['-c', config, '--cases', cases, ...apps, 'smoke_cases:app'],
  );
  assert.equal(end, 0, stdout + stderr);
  assert.match(stdout, /^smoke_cases:app serves at http:\/\/127\.0\.0\.1:\d+ after [\d.]+ s\n/);
  assert.equal(stdout.match(/^ok /gm)?.length, 7);
  assert.match(stdout, /\n\n7 passed in [\d.]+ s\n$/);
  assert.doesNotMatch(stdout, /index was asked|imported|\x1b/);
});

test('a case that fails shows what was written during it alone; the others go on', async () => {
  const json = inFolder('failures.json');
  const junit = inFolder('failures.xml');
  const markdown = write('summary.md', 'before\n');
  const cases = write('fails.json', [
    { path: '/broken', expect: { status: 200 } },
    { path: '/dies' },
    { path: '/hostile', expect: { status: 500, body: 'not there' } },
    { path: '/account', headers: { 'X-Token': '{{token}}' } },
    { path: '/sleep', timeLimit: 1 },
    { path: '/', timeLimit: 30, save: { token: { cookie: 'none' } } },
    { path: '/kills' },
    { path: '/health' },
  ]);
  const { end, stdout } = await smoke(
    ...['--junit', junit, '--json', json, '--markdown', markdown, '--path', '/'],
    ...['--cases', cases, ...apps, 'smoke_cases:app'],
  );
  assert.equal(end, 1, stdout);
  assert.match(stdout, /\n1 passed, 8 failed in [\d.]+ s\n$/);
  const report = readReport(json);
  const [index, broken, dies, hostile, account, sleep, last, kills, gone] = report.cases;
  assert.deepEqual([report.ok, report.exitCode, index?.ok], [false, 1, true]);
  assert.deepEqual(broken?.failures, ['status 500 instead of 200']);
  assert.match(
    broken.output ?? '',
    /^about to break\non standard error\n[^]*Traceback[^]*in broken\n[^]*ValueError: this view is broken\n$/,
  );
  assert.deepEqual(dies?.failures, ['the server closed the connection without an answer']);
  assert.match(dies.output ?? '', /exited with code 9/);
  assert.deepEqual(hostile?.failures, ['the body does not contain "not there"']);
  assert.match(account?.failures.join() ?? '', /^\{\{token\}\} has no value/);
  assert.deepEqual(sleep?.failures, ['no whole answer within 1 s']);
  assert.deepEqual(last?.failures, ['nothing to save as token: there is no cookie none']);
  assert.equal(last.output, 'index was asked\n');
  assert.deepEqual(
    [kills?.failures, gone?.failures],
    [
      'the server closed the connection without an answer',
      'the server takes no connections any more',
    ].map((what) => [`${what}; the server itself has ended by SIGKILL`]),
  );

  assert.match(stdout, /FAIL {2}GET \/broken\n {2}status 500 instead of 200\n/);
  assert.match(stdout, / {4}ValueError: this view is broken\n/);

  assert.doesNotMatch(stdout, /[\0-\x08\x0b-\x1f]/);
  assert.equal(readJunit(junit)[0], '9 8 0');
  const summary = fs.readFileSync(markdown, 'utf8');
  assert.match(summary, /^before\n### Smoke test of ` smoke_cases:app `: 1 passed, 8 failed in /);
});

test('an app that raises ends it with 3 and its traceback, one that is none with 4; reports tell of the boot', async () => {
  write('raises.py', 'print("printed before")\nraise LookupError("no database")\n');
  const [junit, json] = [inFolder('boot.xml'), inFolder('boot.json')];
  const raises = await smoke(
    ...['--junit', junit, '--json', json, '--chdir', folder, 'raises:app'],
  );
  assert.equal(raises.end, 3);
  assert.match(raises.stderr, /printed before\n/);
  assert.equal(raises.stderr.match(/^Traceback/gm)?.length, 1, raises.stderr);
  assert.match(raises.stderr, /\nError: [^\n]+\n$/);
  const { ok, exitCode, boot, cases } = readReport(json);
  assert.deepEqual([ok, exitCode, boot?.code, cases], [false, 3, 'ERR_WSGI_IMPORT_FAILED', []]);
  assert.deepEqual(readJunit(junit), ['1 0 1', "'boot'"]);

  write('waits.py', 'import time\nprint("waits")\ntime.sleep(600)\n');
  const waits = await smoke(
    ...['--boot-timeout=1', '--junit', junit, '--json', json, '--chdir', folder, 'waits:app'],
  );
  assert.equal(waits.end, 3, waits.stderr);
  assert.match(waits.stderr, /did not load the app within 1 s\n/);
  assert.match(waits.stderr, /waits\.py", line 3 in <module>\n/);
  assert.equal(readReport(json).boot?.code, 'ERR_WSGI_START');
  assert.deepEqual(readJunit(junit), ['1 0 1', "'boot'"]);

  write('hostile.py', 'raise ValueError("a\\x00\\x1b[31mred")\n');
  const hostile = await smoke('--chdir', folder, 'hostile:app');
  assert.match(hostile.stderr, /ValueError: a\\x00\\x1b\[31mred\n/);
  assert.doesNotMatch(hostile.stderr, /[\0-\x08\x0b-\x1f]/);
  assert.equal(hostile.stderr.match(/^Traceback/gm)?.length, 1, hostile.stderr);

  const noApp = await smoke(...apps, 'smoke_cases:nothing');
  assert.equal(noApp.end, 4);
  assert.match(noApp.stderr, /has no `nothing`/);
});

test('wrong use ends it with 2 and says why, before anything is sent', async () => {
  const wrongCases = write('wrong.json', [
    { path: '/' },
    { path: '/', expect: { status: 'fine' } },
  ]);
  for (const [args, said] of [
    [['--path', 'health'], /--path: 'health' must begin with a slash/],
    [['--expect-status', '2x'], /--expect-status: '2x' is no status/],
    [['--header', 'no colon'], /--header: 'no colon' is no name of a header/],
    [['--time-limit', '0'], /--time-limit: '0' is no number of seconds/],
    [['--cases', inFolder('none.json')], /--cases: can't read /],
    [['--cases', wrongCases], /wrong\.json:\n {2}\[1\]\.expect\.status: must be a status/],
    [['--junit', inFolder('none/report.xml')], /--junit: can't write /],
    [['--ready-fd=3'], /--ready-fd makes no sense in a smoke test/],
    [['--junit=a', '--json=./a'], /--json and --junit are the same file: \/[^\n]*\/a\n/],
    [['--daemon'], /--daemon makes no sense in a smoke test/],
    [['--timelimit', '1'], /unknown option '--timelimit'\n\(Did you mean --time-limit\?\)/],
    [['--workers', '0'], /^Error: --workers: '0' is not a whole number/],
  ] as const) {
    const { end, stdout, stderr } = await smoke(...args, 'app:app');
    assert.deepEqual([end, stdout], [2, ''], stderr);
    assert.match(stderr, said);
    assert.equal(stderr.match(/rror: /g)?.length ?? 1, 1, stderr);
  }
});

test('a report that can not be written in the end costs nobody the result', async () => {
  const { end, stdout, stderr } = await smoke(
    ...['--junit=/dev/full', '--json', inFolder('full.json'), ...apps, 'smoke_cases:app'],
  );
  assert.match(stdout, /\n1 passed in /);
  assert.match(stderr, /^Error: --junit: can't write \/dev\/full\nENOSPC[^\n]*\n$/);
  assert.equal(end, 2);
  assert.ok(readReport(inFolder('full.json')).ok);
});

test('a server that was told not to serve is told of as such', async () => {
  const args = ['smoke', ...apps, 'smoke_cases:app'];
  const { end, stderr } = await runCli(args, { env: { GUNICORN_CMD_ARGS: '--check-config' } });
  assert.equal(end, 2);
  assert.match(stderr, /Error: The server ended with exit code 0\n[^\n]*--check-config/);
});

test('what a config file prints is shown when the settings are wrong, and what is wrong once', async () => {
  const config = write('wrong.py', 'print("Error: printed by the file")\nthreads = "many"\n');
  const junit = inFolder('wrong.xml');
  const { end, stderr } = await smoke('--junit', junit, '-c', config, ...apps, 'smoke_cases:app');
  assert.equal(end, 2);
  assert.match(stderr, /^Error: printed by the file\nError: [^\n]*threads[^\n]*'many'/);
  assert.equal(stderr.match(/'many'/g)?.length, 1, stderr);
  assert.deepEqual(readJunit(junit), ['1 0 1', "'boot'"]);
});

test('Ctrl-C ends the server too, and all with 130; no empty report is left', async () => {
  const [pids, junit, json] = [inFolder('pids'), inFolder('none.xml'), write('last.json', '{}')];
  const command = [inRepository('dist', 'src', 'cli.js'), 'smoke', '--path=/', '--path=/spin'];
  const running = new SpawnedProcess(
    process.execPath,
    [
      ...[...command, '--junit', junit, '--json', json, '--env', `PIDS=${pids}`],
      ...[...apps, 'smoke_cases:app'],
    ],
    { cwd: folder, env: activatedEnvironment() },
  );
  await running.waitForOutput(/ok {4}GET \//);
  running.signal('SIGINT');
  assert.equal(await running.waitForEnd(), 130);
  assert.match(running.stderr(), /Interrupted: the server has ended/);
  const started = fs.readFileSync(pids, 'utf8').split(' ').map(Number);
  assert.equal(started.length, 3);
  assert.deepEqual(started.filter(isAlive), []);
  assert.deepEqual([fs.existsSync(junit), fs.readFileSync(json, 'utf8')], [false, '{}']);
});
