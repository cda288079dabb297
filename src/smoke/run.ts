// The cases against a server that runs, one after another, and what came of each. Called by smoke.ts. It prints nothing:
// `onResult` gets each result as soon as there is one.

import { judge, kept, values, type Answer } from './expectation.ts';
import { Cookies, SavedValues, type FilledCase } from './session.ts';
import { overDefaults, serverTimeLimit, type SmokeCase } from './smoke-case.ts';
import { visit, type Visit, type VisitRequest } from './visit.ts';

/** The server, as the cases need it. */
export interface ServerUnderTest {
  /** `http://127.0.0.1:43210`. */
  readonly url: string;
  /** Resolves when all that has been logged so far is written. */
  drainLogs(): Promise<void>;
  /** New workers: after a request that may hold a thread for long. Rejects where they can't be had. */
  renew(): Promise<void>;
  /** How it has ended: `by SIGKILL`; null: it has not. */
  end(): string | null;
  /** What was written since the last call. */
  takeOutput(): string;
}

/** What came of a case. */
export interface CaseResult {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** What is wrong, a sentence each; none: it passed. */
  readonly failures: readonly string[];
  /** Without its body where the case has passed, and with the start of a long one. */
  readonly answer: Answer | null;
  /** Of the request and its answer. */
  readonly seconds: number;
  /** What server and app wrote meanwhile. */
  readonly output: string;
}

/** Seconds that the server's own 504 gets to arrive, which comes with the place where the request hangs. */
const serversWord = 1;

/** Runs all cases; a case that fails doesn't keep the next one from running. Rejects only when `signal` is aborted. */
export async function runCases(
  cases: readonly SmokeCase[],
  server: ServerUnderTest,
  onResult: (result: CaseResult) => void,
  signal: AbortSignal,
): Promise<CaseResult[]> {
  const cookies = new Cookies();
  const saved = new SavedValues(cases);
  const results: CaseResult[] = [];
  const serverLimit = serverTimeLimit(cases);
  for (const smokeCase of cases) {
    const began = performance.now();
    const { timeLimit } = smokeCase;
    const patience = serverLimit - timeLimit < 1 ? serverLimit + serversWord : timeLimit;
    const visited = await attempt(smokeCase, server, { cookies, saved, patience, signal });
    signal.throwIfAborted();
    const seconds = (performance.now() - began) / 1000;
    await server.drainLogs();
    const isLate = seconds > timeLimit && !visited.timedOut;
    const failures = [
      ...(isLate ? [`the answer took longer than ${timeLimit} s`] : []),
      ...findFailures(smokeCase, visited, cookies, saved),
    ];
    // A hundred large bodies would not fit the memory, nor a report.
    const answer = visited.answer === null ? null : kept(visited.answer, failures.length > 0);
    const result = {
      ...{ name: smokeCase.name, method: smokeCase.method, path: smokeCase.path },
      ...{ failures, seconds, answer, output: server.takeOutput() },
    };
    results.push(result);
    onResult(result);
    if ((isLate || visited.timedOut) && results.length < cases.length) {
      // The next case shall not wait for the thread that this one may still have, nor be told what was said of it.
      await server.renew();
      await server.drainLogs();
      server.takeOutput();
    }
    signal.throwIfAborted();
  }
  return results;
}

async function attempt(
  smokeCase: SmokeCase,
  server: ServerUnderTest,
  {
    cookies,
    saved,
    patience,
    signal,
  }: {
    readonly cookies: Cookies;
    readonly saved: SavedValues;
    readonly patience: number;
    readonly signal: AbortSignal;
  },
): Promise<Visit> {
  const filled = saved.fill(smokeCase);
  if (typeof filled === 'string') return { answer: null, failure: filled, timedOut: false };
  const request = requestOf(smokeCase.method, filled, cookies);
  const visited = await visit(server.url, request, patience, signal);
  if (visited.failure !== null && !signal.aborted) {
    // A connection ends before the process does.
    await server.drainLogs();
    const end = server.end();
    if (end !== null) {
      const failure = `${visited.failure}; the server itself has ended ${end}`;
      return { ...visited, failure, timedOut: false };
    }
  }
  if (!visited.timedOut) return visited;
  return { ...visited, failure: `no whole answer within ${smokeCase.timeLimit} s` };
}

function findFailures(
  { expect, save }: SmokeCase,
  { answer, failure }: Visit,
  cookies: Cookies,
  saved: SavedValues,
): string[] {
  if (answer !== null) cookies.take(values(answer, 'set-cookie'));
  if (failure === null) return [...judge(answer, expect), ...saved.take(save, answer, cookies)];
  const headOnly = { ...expect, body: null, json: undefined };
  return [failure, ...(answer === null ? [] : judge(answer, headOnly))];
}

function requestOf(
  method: string,
  { path, headers, body }: FilledCase,
  cookies: Cookies,
): VisitRequest {
  const cookie = cookies.header();
  const defaults: (readonly [string, string])[] = [
    ['User-Agent', 'wsgi-ts smoke'],
    ['Accept', '*/*'],
    ...(body === null ? [] : [['Content-Type', body.type] as const]),
    ...(cookie === null ? [] : [['Cookie', cookie] as const]),
  ];
  return { method, path, headers: overDefaults(headers, defaults), body: body?.bytes ?? null };
}
