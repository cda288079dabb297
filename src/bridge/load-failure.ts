// An app that can't be loaded, from Python's words (wsgi_ts/load_error.py) to ours.
// Used by handler.ts and by the command's check. Pure.
import { WsgiTsError, type PythonFailure } from '../errors.ts';

/** What `wsgi_ts.boot.start` and `check` answer where the app can't be loaded. */
export interface LoadFailure {
  readonly ok: false;
  readonly code: string;
  readonly exit_code: number;
  readonly message: string;
  readonly remedy: string | null;
  readonly traceback: string | null;
  readonly python: PythonFailure | null;
}

/** The error to throw for it. */
export function loadFailure({
  code,
  exit_code,
  message,
  remedy,
  traceback,
  python,
}: LoadFailure): WsgiTsError {
  return new WsgiTsError(code, 'application', message, {
    exitCode: exit_code,
    remedy: remedy ?? undefined,
    traceback: traceback ?? undefined,
    python: python ?? undefined,
  });
}
