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

/** Codes of what is wrong with a name, a file or a setting that was given, and not with the app (docs/errors.md). */
const operators: ReadonlySet<string> = new Set([
  ...['ERR_WSGI_APP_EXPRESSION', 'ERR_WSGI_MODULE_NOT_FOUND'],
  ...['ERR_WSGI_CONFIG_FILE', 'ERR_WSGI_CONFIG_FILE_NOT_FOUND'],
  ...['ERR_WSGI_LOG_CONFIG', 'ERR_WSGI_SYSLOG'],
]);

/** The error to throw for it. */
export function loadFailure({
  code,
  exit_code,
  message,
  remedy,
  traceback,
  python,
}: LoadFailure): WsgiTsError {
  return new WsgiTsError(code, operators.has(code) ? 'operator' : 'application', message, {
    exitCode: exit_code,
    remedy: remedy ?? undefined,
    traceback: traceback ?? undefined,
    python: python ?? undefined,
  });
}
