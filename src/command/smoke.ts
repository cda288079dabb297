// `wsgi-ts smoke [options] app`: whether the app starts and answers, in one command, for CI. Called by cli.ts. It takes all
// settings of the server besides its own options. What is tested and how is the business of src/smoke; here are words,
// files and exit codes.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Option, type Command } from 'commander';
import type { Variables } from '../binding/site.ts';
import { version } from '../bridge/version.ts';
import { WsgiTsError } from '../errors.ts';
import type { GivenArguments } from '../settings/layers.ts';
import { problemOfField, problemOfPath, readCases } from '../smoke/case-file.ts';
import { jsonReport } from '../smoke/json-report.ts';
import { junit } from '../smoke/junit.ts';
import { markdown } from '../smoke/markdown.ts';
import { runSmokeTest, type Outcome } from '../smoke/smoke.ts';
import { readStatus, visitOf, type SmokeCase, type StatusPattern } from '../smoke/smoke-case.ts';
import { Table } from '../smoke/table.ts';
import { addSettings, argumentsOf, newCommand, readSettings } from './command-line.ts';
import { write } from './output.ts';

const about =
  'Starts the app as in production, in a worker of its own on a free port, sends it requests, says which of the answers ' +
  'were wrong, and ends it. Without --path and --cases, / is visited, and must not be answered by a 5xx.';

const afterwards = `
Exit codes: 0 all passed; 1 a case failed; 2 wrong options, cases or settings; 3 the app raised while it was loaded;
4 what was loaded can't be served; 130, 143 interrupted.

The settings of the server are those of \`wsgi-ts --help\`. Unless they are given here, there is one worker, on a free
port of 127.0.0.1, which logs to standard error, and --timeout is the longest time limit of the cases.`;

const codeOfSignal = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

interface Flags {
  readonly path?: readonly string[];
  readonly cases?: readonly string[];
  readonly expectStatus?: string;
  readonly header?: readonly string[];
  readonly timeLimit: string;
  readonly junit?: string;
  readonly json?: string;
  readonly markdown?: string;
}

/**
 * Runs a smoke test.
 *
 * @returns the exit code
 * @throws CommanderError, and WsgiTsError (exit code 2, 3 or 4) where nothing could be tested
 */
export async function smoke(argv: readonly string[], variables: Variables): Promise<number> {
  const command = addOptions(newCommand('wsgi-ts smoke').usage('[options] app').description(about));
  const given = readSettings(addSettings(command), argv);
  const flags = command.opts<Flags>();
  const cases = readAllCases(flags);
  const serverArguments = withDefaults(given, cases);
  const reports = openReports(flags);
  const hasColours = isatty(1) && !variables['NO_COLOR'] && variables['TERM'] !== 'dumb';
  const table = new Table(cases, hasColours);
  const interruption = new AbortController();
  let exitCode = 0;
  const handlers = Object.entries(codeOfSignal).map(([signal, code]) => {
    const interrupt = (): void => {
      exitCode = code;
      interruption.abort();
    };
    process.on(signal, interrupt);
    return [signal, interrupt] as const;
  });
  try {
    const app = command.args[0] ?? 'the app of the config file';
    const outcome = await runSmokeTest({
      ...{ version, app, argv: serverArguments, env: variables, cases, since: 0 },
      onStarted: (url, seconds) => {
        write(1, `${app} serves at ${url} after ${seconds.toFixed(2)} s\n`);
      },
      onResult: (result) => {
        write(1, table.row(result));
      },
      signal: interruption.signal,
    });
    exitCode = exitCodeOf(outcome);
    const { report, bootError } = outcome;
    reports.write({
      junit: () => junit(report),
      json: () => jsonReport(report, exitCode),
      markdown: () => markdown(report),
    });
    if (bootError === null) write(1, table.end(report));
    else throw noBoot(bootError, report.boot?.output ?? '', exitCode);
    return exitCode;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    write(2, 'Interrupted: the server has ended.\n');
    return exitCode;
  } finally {
    for (const [signal, interrupt] of handlers) process.off(signal, interrupt);
    reports.close();
  }
}

function addOptions(command: Command): Command {
  const option = (flags: string, doc: string): Option =>
    new Option(flags, doc).helpGroup('Smoke test:');
  const repeated = (flags: string, doc: string): Option =>
    option(flags, `${doc} (may be repeated)`).argParser(
      (text, before: readonly string[] | undefined) => [...(before ?? []), text],
    );
  return command
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
function readAllCases(flags: Flags): SmokeCase[] {
  const { path = [], cases = [], expectStatus, header = [], timeLimit: text } = flags;
  const timeLimit = Number(text);
  if (!(/^\d+(\.\d+)?$/.test(text) && timeLimit > 0 && timeLimit <= 86400)) {
    throw wrongOption(`--time-limit: '${text}' is no number of seconds, above 0 and up to 86400`);
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
  return all.map((smokeCase) => {
    const own = smokeCase.headers.map(([name]) => name.toLowerCase());
    const others = headers.filter(([name]) => !own.includes(name.toLowerCase()));
    return { ...smokeCase, headers: [...others, ...smokeCase.headers] };
  });
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

function wrongOption(message: string, cause?: unknown): WsgiTsError {
  const remedy =
    cause instanceof Error ? cause.message : 'wsgi-ts smoke --help shows every option.';
  const details = { exitCode: 2, remedy, cause };
  return new WsgiTsError('ERR_WSGI_SMOKE_OPTION', 'operator', message, details);
}

/** The server's command line: what was given, and what a smoke test has in place of other defaults and files' words. */
function withDefaults(given: GivenArguments, cases: readonly SmokeCase[]): string[] {
  const { texts } = given;
  for (const key of ['daemon', 'checkConfig', 'printConfig'] as const) {
    if (texts[key] === undefined) continue;
    const flag = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw wrongOption(`--${flag} makes no sense in a smoke test`);
  }
  const longest = Math.max(...cases.map(({ timeLimit }) => timeLimit));
  const defaults: GivenArguments['texts'] = {
    bind: ['127.0.0.1:0'],
    workers: ['1'],
    // The log goes where the app writes to as well, so that each case gets its own lines.
    errorLogFile: ['-'],
    pid: [''],
    // The server says where a request hangs, and gives its thread to the next case.
    timeout: [String(Math.max(1, Math.ceil(longest)))],
    gracefulTimeout: ['1'],
  };
  const own = Object.entries(texts).filter(([, value]) => value !== undefined);
  return argumentsOf({ ...given, texts: { ...defaults, ...Object.fromEntries(own) } });
}

type Kind = 'junit' | 'json' | 'markdown';

/** Opens the files of the reports before anything else: a folder that isn't there shall not be found out at the end. */
function openReports(flags: Flags): {
  write: (texts: Record<Kind, () => string>) => void;
  close: () => void;
} {
  const files = (['junit', 'json', 'markdown'] as const).flatMap((kind) => {
    const path = flags[kind];
    if (path === undefined) return [];
    try {
      return [{ kind, fd: openSync(path, kind === 'markdown' ? 'a' : 'w') }];
    } catch (cause) {
      throw wrongOption(`--${kind}: can't write ${path}`, cause);
    }
  });
  return {
    write: (texts) => {
      for (const { kind, fd } of files) writeSync(fd, texts[kind]());
    },
    close: () => {
      for (const { fd } of files) closeSync(fd);
    },
  };
}

function exitCodeOf({ report, bootError }: Outcome): number {
  if (bootError === null) {
    return report.results.every(({ failures }) => failures.length === 0) ? 0 : 1;
  }
  const { exitCode } = bootError;
  // 1 means here that a case failed; gunicorn's own 1 is a wrong setting, or a machine that isn't ready.
  return exitCode === 3 || exitCode === 4 ? exitCode : 2;
}

/** The error that cli.ts reports: what the server has said itself already is not said twice. */
function noBoot(error: WsgiTsError, output: string, exitCode: number): WsgiTsError {
  const { code, blame, message, remedy, traceback } = error;
  write(2, output);
  const wasSaid = output.includes(message);
  return new WsgiTsError(code, blame, message, {
    exitCode,
    ...(remedy === undefined ? {} : { remedy }),
    ...(traceback === undefined || wasSaid ? {} : { traceback }),
  });
}
