// The lines of both logs as texts: gunicorn's form, or an object in JSON (--log-format). Used by logger.ts and
// access-log.ts; python/wsgi_ts/app_log.py writes the error log's form too. Pure but for the process' clock
// and time zone. No control character that a client sent may get through, in either form.

import type { LogLevel } from '../messages.ts';
import type { AccessRecord } from './access-atoms.ts';
import { header, basicUser } from './access-atoms.ts';
import { escapeControls } from './escape.ts';
import { errorLogTimestamps, rfc3339 } from './timestamp.ts';

/** `--log-format` */
export type LineForm = 'text' | 'json';

/** One entry of the error log. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** A function from an entry to its line, without line break. */
export function entryFormatter(form: LineForm, pid: number): (entry: LogEntry) => string {
  if (form === 'json') {
    return ({ level, message, time }) =>
      jsonLine({ time: rfc3339(time), log: 'error', level, pid, message });
  }
  const timestamp = errorLogTimestamps();
  return ({ level, message, time }) =>
    `[${timestamp(time)}] [${pid}] [${level.toUpperCase()}] ${escapeControls(message)}`;
}

/** A function from a request's end to its object in JSON. The fields are documented in docs/logging.md. */
export function accessObject(pid = process.pid): (record: AccessRecord) => string {
  return (record) => {
    const field = (name: string): string | null => wireText(header(record.requestHeaders, name));
    return jsonLine({
      time: rfc3339(record.startedAt + record.duration),
      log: 'access',
      pid,
      remote_address: record.remoteAddress === '' ? null : record.remoteAddress,
      user: wireText(basicUser(header(record.requestHeaders, 'authorization'))),
      method: wireText(record.method),
      target: wireText(record.target),
      protocol: record.protocol,
      status: record.status,
      bytes: record.bytes,
      started: rfc3339(record.startedAt),
      duration: Math.round(record.duration * 1000) / 1e6,
      outcome: record.outcome,
      host: field('host'),
      referer: field('referer'),
      user_agent: field('user-agent'),
    });
  };
}

// JSON leaves DEL, C1 and the marks that reorder text as they are, and the line separators that end a line elsewhere.
const unescaped = /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

function jsonLine(value: Readonly<Record<string, string | number | null>>): string {
  return JSON.stringify(value).replace(
    unescaped,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A text from the wire has one byte a character; most often they are UTF-8. */
function wireText(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return utf8.decode(Buffer.from(text, 'latin1'));
  } catch {
    return text;
  }
}
