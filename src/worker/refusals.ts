// What a client is told whose bytes never become a request, and what the logs say about it. One for each worker,
// used by http1-connection.ts and connection.ts on the event loop. It must never repeat what the client sent.

import type { WsgiTsError } from '../errors.ts';
import { errorPage } from '../http/error-page.ts';
import type { AccessLog } from '../log/access-log.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';

/** What a refused client is told. */
export interface RefusalPage {
  readonly status: number;
  readonly statusLine: string;
  /** Name, value, … */
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** What the logs of a worker are told of refused clients. */
export class Refusals {
  readonly #logger: Logger;
  readonly #accessLog: AccessLog | null;
  readonly #server: string | null;

  /** @param server - value of the `Server` field; null: none */
  constructor(logger: Logger, accessLog: AccessLog | null, server: string | null) {
    this.#logger = logger;
    this.#accessLog = accessLog;
    this.#server = server;
  }

  /** Logs, as gunicorn does, that `peer` ('' on a unix socket) sent what is no request. */
  log(peer: string, why: string): void {
    this.#logger.warning(
      `Invalid request from ip=${escapeField(peer) || '-'}: ${escapeField(why)}`,
    );
  }

  /**
   * Logs a refused request, its access line too.
   *
   * @param requestLine - as much of it as came; '' where there was none
   * @returns the answer: a page, with `Date`
   */
  page(peer: string, error: WsgiTsError, requestLine: string): RefusalPage {
    const status = error.status ?? 400;
    this.log(peer, error.message);
    const page = errorPage(status, error.message, '', this.#server);
    const [, ...fields] = page.fields;
    fields.push('Date', new Date().toUTCString());
    if (requestLine !== '') this.#record(peer, status, requestLine, page.body.length, fields);
    return { status, statusLine: page.fields[0] ?? '', fields, body: page.body };
  }

  /** The same as bytes of HTTP/1, after which the connection ends (RFC 9112 §9.6). */
  answer(peer: string, error: WsgiTsError, requestLine: string): string {
    const { statusLine, fields, body } = this.page(peer, error, requestLine);
    let head = `HTTP/1.1 ${statusLine}\r\nConnection: close\r\n`;
    for (let i = 0; i + 1 < fields.length; i += 2) {
      head += `${fields[i] ?? ''}: ${fields[i + 1] ?? ''}\r\n`;
    }
    return `${head}\r\n${body.toString('latin1')}`;
  }

  #record(
    remoteAddress: string,
    status: number,
    requestLine: string,
    bytes: number,
    responseHeaders: readonly string[],
  ): void {
    const [method = '', target = '', ...protocol] = requestLine.split(' ');
    this.#accessLog?.write({
      ...{ remoteAddress, method, target, protocol: protocol.join(' '), status, bytes },
      ...{ startedAt: Date.now(), duration: 0, requestHeaders: [], responseHeaders },
      outcome: status === 408 ? 'timeout' : 'rejected',
    });
  }
}
