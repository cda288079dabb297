// The options of `wsgi-ts smoke`, and what they come to: the cases, and the command line of the server. Used by smoke.ts
// beside this file.

import { readFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { argumentsOf } from '../embed/arguments.ts';
import { WsgiTsError } from '../errors.ts';
import type { GivenArguments, GivenTexts } from '../settings/layers.ts';
import { unusedSettings } from '../settings/rows/unused.ts';
import {
  isTimeLimit,
  problemOfField,
  problemOfPath,
  readCases,
  timeLimitRange,
} from '../smoke/case-file.ts';
import {
  overDefaults,
  readStatus,
  serverTimeLimit,
  visitOf,
  type SmokeCase,
  type StatusPattern,
} from '../smoke/smoke-case.ts';

const about =
  'Starts the app as in production, in a worker of its own on a free port, sends it requests, says which of the answers ' +
  'were wrong, and ends it. Without --path and --cases, / is visited, and must not be answered by a 5xx.';

const afterwards = `
Exit codes: 0 all passed; 1 a case failed; 2 wrong options, cases or settings; 3 the app raised while it was loaded;
4 what was loaded can't be served; 129, 130, 143 interrupted.

The settings of the server are those of \`wsgi-ts --help\`. Unless they are given here, there is one worker, on a free
port of 127.0.0.1, which logs to standard error; --timeout is the longest time limit of the cases, and --boot-timeout 60.`;

/** What commander makes of them. */
export interface SmokeFlags {
  readonly path?: readonly string[];
  readonly cases?: readonly string[];
  readonly expectStatus?: string;
  readonly header?: readonly string[];
  readonly timeLimit: string;
  readonly junit?: string;
  readonly json?: string;
  readonly markdown?: string;
}

/** The command with its own options; those of the server come after them. */
export function addSmokeOptions(command: Command): Command {
  const option = (flags: string, doc: string): Option =>
    new Option(flags, doc).helpGroup('Smoke test:');
  const repeated = (flags: string, doc: string): Option =>
    option(flags, `${doc} (may be repeated)`).argParser(
      (text, before: readonly string[] | undefined) => [...(before ?? []), text],
    );
  return command
    .description(about)
    .addOption(repeated('--path <PATH>', 'GET this path; its status must be below 400'))
    .addOption(repeated('--cases <FILE>', 'A file of cases, in JSON: docs/ci.md'))
    .addOption(
      option('--expect-status <LIST>', 'What --path must be answered by: 200, 4xx, or 200,302'),
    )
    .addOption(repeated('--header <FIELD>', "A header for every request: 'Host: shop.example'"))
    .addOption(
      option('--time-limit <SECONDS>', 'For each case that has none of its own').default('10'),
    )
    .addOption(option('--junit <FILE>', 'Write the results as JUnit XML'))
    .addOption(option('--json <FILE>', 'Write the results as JSON'))
    .addOption(
      option('--markdown <FILE>', 'Append the results as Markdown, as for $GITHUB_STEP_SUMMARY'),
    )
    .addHelpText('after', afterwards);
}

/** The cases, in the order of paths first and files then. */
export function readAllCases(flags: SmokeFlags): SmokeCase[] {
  const { path = [], cases = [], expectStatus, header = [], timeLimit: text } = flags;
  const timeLimit = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || !isTimeLimit(timeLimit)) {
    throw wrongOption(`--time-limit: '${text}' is no number of ${timeLimitRange}`);
  }
  const statuses = expectStatus === undefined ? null : readStatuses(expectStatus);
  for (const one of path) {
    const problem = problemOfPath(one);
    if (problem !== null) throw wrongOption(`--path: '${one}' ${problem}`);
  }
  const headers = header.map(readHeader);
  const visits = path.map((one) => visitOf(one, statuses, timeLimit));
  const ofFiles = cases.flatMap((file) => readCases(file, readText(file), { timeLimit }));
  const all = [...visits, ...ofFiles];
  if (all.length === 0) all.push(visitOf('/', statuses ?? noServerError, timeLimit));
  return all.map((smokeCase) => ({
    ...smokeCase,
    headers: overDefaults(smokeCase.headers, headers),
  }));
}

const noServerError = ['2xx', '3xx', '4xx'] as const;

function readStatuses(text: string): StatusPattern[] {
  return text.split(',').map((part) => {
    const status = readStatus(part.trim());
    if (status !== null) return status;
    throw wrongOption(
      `--expect-status: '${part}' is no status, such as 200, nor a class, such as 2xx`,
    );
  });
}

function readHeader(text: string): [string, string] {
  const [, name = '', value = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  const problem = problemOfField(name.trim(), value.trim());
  if (problem !== null) throw wrongOption(`--header: '${text}' ${problem}`);
  return [name.trim(), value.trim()];
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw wrongOption(`--cases: can't read ${file}`, cause);
  }
}

/** The error for an option that can't be used. */
export function wrongOption(message: string, cause?: unknown): WsgiTsError {
  const remedy =
    cause instanceof Error ? cause.message : 'wsgi-ts smoke --help shows every option.';
  const details = { exitCode: 2, remedy, cause };
  return new WsgiTsError('ERR_WSGI_SMOKE_OPTION', 'operator', message, details);
}

/** The server's command line: what was given, and what a smoke test has in place of other defaults and files' words. */
export function serverArguments(given: GivenArguments, cases: readonly SmokeCase[]): string[] {
  const { texts, unused = {} } = given;
  for (const key of ['daemon', 'checkConfig', 'printConfig', 'readyFd'] as const) {
    if (texts[key] === undefined) continue;
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw wrongOption(`--${flag} makes no sense in a smoke test`);
  }
  const defaults: GivenTexts = {
    bind: ['127.0.0.1:0'],
    workers: ['1'],
    // The log goes where the app writes to as well, so that each case gets its own lines.
    errorLogFile: ['-'],
    pid: [''],
    // The server says where a request hangs, and gives its thread to the next case.
    timeout: [String(serverTimeLimit(cases))],
    gracefulTimeout: ['1'],
    // A job shall not wait for an app that waits, say, for a database.
    bootTimeout: ['60'],
  };
  const others = unusedSettings.flatMap(({ name, flags, takes }) => {
    const [value, flag = ''] = [unused[name], flags.at(-1)];
    if (value === undefined) return [];
    return takes === 'value' ? [`${flag}=${value}`] : [flag];
  });
  return [...argumentsOf({ ...defaults, ...texts }), ...others, '--', ...(texts.app ?? [])];
}
