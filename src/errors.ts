// The errors that people meet, each with a stable code and the one whose fault it is.
// Everything in src/ throws these; cli.ts turns them into a line and an exit code, the exchange into a
// status. It must never import anything: this file is the lowest floor of the house.

/** Whose fault an error is: it decides what is logged and who is told. */
export type Blame = 'client' | 'application' | 'operator' | 'server';

/** What Python raised: plain text, so that it can go to another process. */
export interface PythonFailure {
  /** `ModuleNotFoundError`; with its module where it is no built-in one: `jinja2.exceptions.TemplateNotFound`. */
  readonly type: string;
  /** Python's `str()` of it. */
  readonly message: string;
  /** The person's own Python traceback, their frames only, with no trailing line break. */
  readonly traceback: string;
}

/** What a {@link WsgiTsError} may carry besides its message. */
export interface ErrorDetails {
  /** HTTP status to answer where a request is at hand. */
  readonly status?: number | undefined;
  /** Exit code of the process where the error ends it: 1 configuration, 3 boot failed, 4 app not loadable. */
  readonly exitCode?: number | undefined;
  /** What to do about it: whole sentences, or the command to run. Printed below the message. */
  readonly remedy?: string | undefined;
  /** The person's own Python traceback, their frames only, with no trailing line break. */
  readonly traceback?: string | undefined;
  /** What Python raised, where that is the reason. */
  readonly python?: PythonFailure | undefined;
  readonly cause?: unknown;
}

/** An error with a stable `code` (`ERR_WSGI_…`), to be matched instead of its text. */
export class WsgiTsError extends Error {
  readonly code: string;
  readonly blame: Blame;
  readonly status: number | undefined;
  readonly exitCode: number;
  readonly remedy: string | undefined;
  readonly traceback: string | undefined;
  readonly python: PythonFailure | undefined;

  constructor(code: string, blame: Blame, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'WsgiTsError';
    this.code = code;
    this.blame = blame;
    this.status = details.status;
    this.exitCode = details.exitCode ?? 1;
    this.remedy = details.remedy;
    this.traceback = details.traceback;
    this.python = details.python;
  }
}

/** An error as an entry of the log: what happened, what to do about it, and the person's own frames. */
export function inWords(error: unknown): string {
  if (!(error instanceof WsgiTsError)) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { message, remedy, traceback } = error;
  return [message, remedy, traceback].filter((part) => part !== undefined).join('\n');
}
