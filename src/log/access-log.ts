// The access log: gunicorn's `--access-logformat`, compiled once into a function from a record to a line.
// The exchange calls write() for each request that was answered or cut off, on the event loop's thread of a
// worker. It must never block, nor throw because of what a client sent.

import { WsgiTsError } from '../errors.ts';
import { type AccessRecord, type Atom, findAtom, plainAtoms } from './access-atoms.ts';
import { accessObject, type LineForm } from './line-format.ts';
import { Sink } from './sink.ts';

export type { AccessRecord, Outcome } from './access-atoms.ts';

/** Where the lines of one worker go. */
export interface AccessLog {
  write(record: AccessRecord): void;
  /** Opens the file anew (log rotation). @throws WsgiTsError when that fails; the old file stays in use. */
  reopen(): void;
  /** Writes what is buffered, synchronously; used at exit. */
  flushSync(): void;
  /** Flushes and closes. */
  close(): void;
}

/** An access log whose owner can wait for its last line to be written. */
export interface ProcessAccessLog extends AccessLog {
  /** Resolves when every line is written, however slowly it is read. */
  drain(): Promise<void>;
  /** Calls back when every line so far is written, or can't be. */
  written(done: () => void): void;
}

/** What {@link createAccessLog} needs. */
export interface AccessLogOptions {
  /** Path of a file to append to, or `-` for standard output. */
  readonly file: string;
  /** With gunicorn's atoms; see {@link compileFormat}. */
  readonly format: string;
  /** `json`: an object a line, and the format has no effect. */
  readonly form?: LineForm;
  /** The process id to show; by default this process'. */
  readonly pid?: number;
}

/**
 * Opens an access log.
 * @throws WsgiTsError (exit code 1) `ERR_WSGI_LOG_FILE` when the file can't be opened,
 * `ERR_WSGI_LOG_FORMAT` when the format is wrong.
 */
export function createAccessLog(options: AccessLogOptions): ProcessAccessLog {
  const compiled = compileFormat(options.format, options.pid);
  const line = options.form === 'json' ? accessObject(options.pid) : compiled;
  const sink = new Sink({
    file: options.file,
    descriptor: 1,
    setting: '--access-logfile',
    prompt: true,
  });
  return {
    write: (record) => {
      sink.write(`${line(record)}\n`);
    },
    reopen: () => {
      sink.reopen();
    },
    flushSync: () => {
      sink.flushSync();
    },
    drain: () => sink.drain(),
    written: (done) => {
      sink.written(done);
    },
    close: () => {
      sink.close();
    },
  };
}

/**
 * Compiles a format: text with `%(atom)s` (or `%(atom)d`) in it, and `%%` for a percent sign.
 * The atoms are gunicorn's: h l u t r m U q H s B b f a T M D L p, `{name}i`, `{name}o`, `{name}e`
 * (of the environ only what follows from the request's head is known to Node: see `findAtom`).
 * @returns a function from a record to its line, without line break.
 * @throws WsgiTsError (`ERR_WSGI_LOG_FORMAT`, operator, exit code 1) on an unknown atom or a stray `%`.
 */
export function compileFormat(format: string, pid = process.pid): (record: AccessRecord) => string {
  const pieces: (string | Atom)[] = [];
  let text = '';
  let end = 0;
  for (const match of format.matchAll(/%(?:\(([^)]*)\)([sd])|(%)|)/g)) {
    text += format.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[3] !== undefined) {
      text += '%';
      continue;
    }
    const atom = match[1] === undefined ? undefined : findAtom(match[1], pid);
    if (atom === undefined) throw wrong(format.slice(match.index));
    pieces.push(text, atom);
    text = '';
  }
  pieces.push(text + format.slice(end));
  return (record) => {
    let line = '';
    for (const piece of pieces) line += typeof piece === 'string' ? piece : piece(record);
    return line;
  };
}

function wrong(rest: string): WsgiTsError {
  const shown = /^%(\([^)]*\)?.?)?/.exec(rest)?.[0] ?? '%';
  return new WsgiTsError(
    'ERR_WSGI_LOG_FORMAT',
    'operator',
    `--access-logformat: ${shown} is not an atom of an access log's format`,
    {
      exitCode: 1,
      remedy: `Each is written %(x)s, where x is one of ${plainAtoms.join(' ')}, {name}i for a request's header, {name}o for a response's, or {name}e for a key of the environ; %% is a percent sign.`,
    },
  );
}
