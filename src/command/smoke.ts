// `wsgi-ts smoke [options] app`: whether the app starts and answers, in one command, for CI. Called by cli.ts. It takes all
// settings of the server besides its own options. What is tested and how is the business of src/smoke; here are words,
// files and exit codes.

import { closeSync, lstatSync, openSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import type { Variables } from '../binding/site.ts';
import { version } from '../bridge/version.ts';
import { escapeControls } from '../log/escape.ts';
import { WholeFile } from '../master/whole-file.ts';
import { jsonReport } from '../smoke/json-report.ts';
import { junit } from '../smoke/junit.ts';
import { markdown } from '../smoke/markdown.ts';
import { failedOf } from '../smoke/report.ts';
import type { NoServer } from '../smoke/smoke-server.ts';
import { runSmokeTest, type Outcome } from '../smoke/smoke.ts';
import { Table } from '../smoke/table.ts';
import { addSettings, newCommand, readSettings } from './command-line.ts';
import { PatientOutput } from './patient-output.ts';
import {
  addSmokeOptions,
  readAllCases,
  serverArguments,
  wrongOption,
  type SmokeFlags,
} from './smoke-options.ts';

const codeOfSignal = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs a smoke test.
 *
 * @returns the exit code; 2, 3 or 4 where the server did not start, which has been told then
 * @throws CommanderError, and WsgiTsError (exit code 2) for wrong options, cases and files of reports
 */
export async function smoke(argv: readonly string[], variables: Variables): Promise<number> {
  const command = addSmokeOptions(newCommand('wsgi-ts smoke').usage('[options] app'));
  const given = readSettings(addSettings(command), argv);
  const flags = command.opts<SmokeFlags>();
  const cases = readAllCases(flags);
  const argumentsOfServer = serverArguments(given, cases);
  const reports = openReports(flags);
  const hasColours = isatty(1) && !variables['NO_COLOR'] && variables['TERM'] !== 'dumb';
  const table = new Table(cases, hasColours);
  const interruption = new AbortController();
  const out = new PatientOutput(1, interruption.signal);
  const err = new PatientOutput(2, interruption.signal);
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
      ...{ version, app, argv: argumentsOfServer, env: variables, cases, since: 0 },
      onStarted: (url, seconds) => {
        out.write(`${app} serves at ${url} after ${seconds.toFixed(2)} s\n`);
      },
      onResult: (result) => {
        out.write(table.row(result));
      },
      signal: interruption.signal,
    });
    exitCode = exitCodeOf(outcome);
    const { report, noServer } = outcome;
    // People are told first: a report that can't be written shall not cost them the result.
    if (noServer === null) out.write(table.end(report));
    else err.write(wordsOfBoot(noServer, report.boot?.output ?? ''));
    await Promise.all([out.drained(), err.drained()]);
    reports.write({
      junit: () => junit(report),
      json: () => jsonReport(report, exitCode),
      markdown: () => markdown(report),
    });
    return exitCode;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    err.write('Interrupted: the server has ended.\n');
    return exitCode;
  } finally {
    for (const [signal, interrupt] of handlers) process.off(signal, interrupt);
    reports.close();
    out.close();
    err.close();
  }
}

type Kind = 'junit' | 'json' | 'markdown';

/** A file that waits for its report. */
interface ReportFile {
  readonly kind: Kind;
  readonly path: string;
  readonly write: (text: string) => void;
  readonly close: () => void;
}

/**
 * Opens the files of the reports before anything else: a folder that isn't there shall not be found out at the end.
 * Both throw ERR_WSGI_SMOKE_OPTION where one can't be written.
 */
function openReports(flags: SmokeFlags): {
  write: (texts: Record<Kind, () => string>) => void;
  close: () => void;
} {
  const wanted = (['junit', 'json', 'markdown'] as const).flatMap((kind) => {
    const path = flags[kind];
    return path === undefined ? [] : [{ kind, path, place: resolve(path) }];
  });
  for (const [index, { kind, place }] of wanted.entries()) {
    const other = wanted.slice(0, index).find((one) => one.place === place);
    if (other === undefined || place.startsWith('/dev/')) continue;
    throw wrongOption(`--${kind} and --${other.kind} are the same file: ${place}`);
  }
  const files = wanted.map(({ kind, path }) => openReport(kind, path));
  return {
    write: (texts) => {
      const unwritten = files.flatMap(({ kind, path, write: writeReport }) => {
        try {
          writeReport(texts[kind]());
          return [];
        } catch (cause) {
          return [wrongOption(`--${kind}: can't write ${path}`, cause)];
        }
      });
      if (unwritten[0] !== undefined) throw unwritten[0];
    },
    close: () => {
      for (const { close } of files) close();
    },
  };
}

/** @throws WsgiTsError ERR_WSGI_SMOKE_OPTION where it can't be written */
function openReport(kind: Kind, path: string): ReportFile {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (kind !== 'markdown' && (there === undefined || there.isFile())) {
      // Whole or not at all: who reads the reports of an interrupted job must not find an empty one.
      const file = new WholeFile(path);
      file.try();
      return { kind, path, write: file.put.bind(file), close: () => undefined };
    }
    // Markdown is added to what other steps have written; a device, a pipe or a link must stay what it is.
    const fd = openSync(path, kind === 'markdown' ? 'a' : 'w');
    return {
      ...{ kind, path },
      write: (text) => {
        writeFileSync(fd, text);
      },
      close: () => {
        closeSync(fd);
      },
    };
  } catch (cause) {
    throw wrongOption(`--${kind}: can't write ${path}`, cause);
  }
}

function exitCodeOf({ report, noServer }: Outcome): number {
  if (noServer === null) {
    return failedOf(report).length === 0 ? 0 : 1;
  }
  const { exitCode } = noServer.error;
  // 1 means here that a case failed; gunicorn's own 1 is a wrong setting, or a machine that isn't ready.
  return exitCode === 3 || exitCode === 4 ? exitCode : 2;
}

/** Everything that was written, and last of all why there is no server, in the form of cli.ts. */
function wordsOfBoot({ error, isReported }: NoServer, output: string): string {
  if (isReported) return output;
  // An app may have raised any text. The log may be in the output: a traceback that can be seen is not shown twice.
  const [frames, advice] = [error.traceback, error.remedy].map((text) => {
    const harmless = escapeControls(text ?? '');
    return output.includes(harmless) ? [] : [harmless];
  });
  const message = `Error: ${escapeControls(error.message)}`;
  return `${output}${[...(frames ?? []), message, ...(advice ?? [])].join('\n')}\n`;
}
