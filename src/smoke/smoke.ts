// A whole smoke test: the server is started as in production, visited, and ended. Called by command/smoke.ts, in a process
// that loads no Python itself. Whatever happens, it leaves no process behind.

import type { WsgiTsError } from '../errors.ts';
import { CapturedOutput } from './captured-output.ts';
import type { BootFailure, Report } from './report.ts';
import { runCases, type CaseResult } from './run.ts';
import type { SmokeCase } from './smoke-case.ts';
import { startSmokeServer, type NoServer, type SmokeServer } from './smoke-server.ts';

/** What is to be tested, and who wants to know. */
export interface SmokeTest {
  readonly version: string;
  /** As it is called in reports. */
  readonly app: string;
  /** The server's command line behind `wsgi-ts`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cases: readonly SmokeCase[];
  /** Milliseconds of performance.now() from which the time is taken. */
  readonly since: number;
  readonly onStarted: (url: string, seconds: number) => void;
  readonly onResult: (result: CaseResult) => void;
  /** Ends it all, the server too. */
  readonly signal: AbortSignal;
}

/** What a test found. */
export interface Outcome {
  readonly report: Report;
  /** Why there was no server; null: there was one. */
  readonly noServer: NoServer | null;
}

/** Resolves when the server has ended. Rejects with the signal's reason when that is aborted. */
export async function runSmokeTest(test: SmokeTest): Promise<Outcome> {
  const output = new CapturedOutput();
  try {
    const { argv, env, signal } = test;
    const server = await startSmokeServer({ argv, env, signal, output: output.fd });
    if ('error' in server) {
      const boot = bootFailure(server.error, output.take());
      return { report: reportOf(test, [], boot), noServer: server };
    }
    try {
      return { report: await visitAll(test, server, output), noServer: null };
    } finally {
      await server.close();
    }
  } finally {
    output.close();
  }
}

async function visitAll(
  test: SmokeTest,
  server: SmokeServer,
  output: CapturedOutput,
): Promise<Report> {
  const { cases, onResult, onStarted, signal, since } = test;
  const startSeconds = (performance.now() - since) / 1000;
  onStarted(server.url, startSeconds);
  await server.drainLogs();
  output.take(); // of the start
  const takeOutput = (): string => output.take();
  const results = await runCases(
    cases,
    {
      ...{ url: server.url, takeOutput },
      end: () => server.end,
      drainLogs: () => server.drainLogs(),
      renew: () => server.renew(),
    },
    onResult,
    signal,
  );
  return { ...reportOf(test, results, null), startSeconds };
}

function reportOf(
  { version, app, since }: SmokeTest,
  results: readonly CaseResult[],
  boot: BootFailure | null,
): Report {
  const seconds = (performance.now() - since) / 1000;
  const began = performance.timeOrigin + since;
  return { version, app, began, seconds, startSeconds: seconds, boot, results };
}

function bootFailure(error: WsgiTsError, output: string): BootFailure {
  const { code, message, remedy = null, traceback = null } = error;
  return { code, message, remedy, traceback, output };
}
