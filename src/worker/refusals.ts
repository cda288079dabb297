// What a client is told whose bytes never become a request, and what the logs say about it. One for each worker,
// used by http1-connection.ts and connection.ts on the event loop. It must never repeat what the client sent.

import type { WsgiTsError } from '../errors.ts';
import { errorPage } from '../http/error-page.ts';
import type { AccessLog } from '../log/access-log.ts';
import { escapeField } from '../log/escape.ts';
import type { Logger } from '../log/logger.ts';

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
   * @param requestLine - as much of it as came
   * @returns the bytes of the answer, after which the connection ends (RFC 9112 §9.6)
   */
  answer(peer: string, error: WsgiTsError, requestLine: string): string {
    const status = error.status ?? 400;
    this.log(peer, error.message);
    const { fields, body } = errorPage(status, error.message, '', this.#server);
    const [statusLine = '', ...pairs] = fields;
    pairs.push('Date', new Date().toUTCString(), 'Connection', 'close');
    if (requestLine !== '') this.#record(peer, status, requestLine, body.length, pairs);
    let head = `HTTP/1.1 ${statusLine}\r\n`;
    for (let i = 0; i + 1 < pairs.length; i += 2)
      head += `${pairs[i] ?? ''}: ${pairs[i + 1] ?? ''}\r\n`;
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
