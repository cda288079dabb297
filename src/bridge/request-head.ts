// A request's head as Python gets it: one latin-1 text, its fields separated by line feeds.
// Called by exchange.ts for each request, on the event loop. python/wsgi_ts/environ.py unpacks the same
// order: method, path, query, raw target, protocol, script name, peer address, peer port, server name,
// server port, scheme, then header names and values by turns. Pure: reads the request, touches no socket.
import { WsgiTsError } from '../errors.ts';
import type { Trust } from '../http/policy.ts';
import { connectionFacts } from './connection-facts.ts';
import type { ServerRequest } from './transaction.ts';

/** What the exchange has to know of a request's head besides the text for Python. */
export interface RequestHead {
  readonly text: string;
  /** Bytes of the body: what `Content-Length` says, 0 for none, -1 where only its end will tell (chunked). */
  readonly bodyLength: number;
  /** The client's, as `environ` has it. */
  readonly remoteAddress: string;
}

/** What Express and Connect add to a request of an app mounted below a path. */
interface MountedRequest {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
}

// RFC 9110 §5.5: a server that meets CR, LF or NUL in a value refuses it; other control characters have no
// use. The line feed separates our fields: llhttp never lets one through, but a host's middleware that rewrites
// the target may, or put in characters beyond latin-1, whose lower byte is anything.
const FORBIDDEN = /[\0-\x08\x0b-\x1f\x7f]|[^\0-\xff]/;

/** Encodes the heads of requests, as one handler's policy of trust has it. */
export class RequestHeads {
  readonly trust: Trust;

  constructor(trust: Trust) {
    this.trust = trust;
  }

  /**
   * Encodes the head of `request`.
   *
   * @throws WsgiTsError (client) that says what is wrong with it.
   */
  encode(request: ServerRequest): RequestHead {
    return encodeRequestHead(request);
  }
}

/**
 * Encodes the head of `request`.
 *
 * @throws WsgiTsError (client, 400) for control characters, or a target of no known form.
 */
function encodeRequestHead(request: ServerRequest): RequestHead {
  const mounted = request as MountedRequest;
  const method = request.method ?? 'GET';
  let target = request.url ?? '/';
  const rawTarget = mounted.originalUrl ?? target;
  let host: string | null = null;
  if (!target.startsWith('/') && target !== '*') {
    [host, target] = splitAbsoluteForm(target);
  }
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);

  let bodyLength = 0;
  let upgrade = '';
  let hosts = 0;
  let headers = '';
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    let value = raw[i + 1] ?? '';
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'host') {
          hosts++;
          value = host ?? value;
        }
        break;
      case 7:
        if (name.toLowerCase() === 'upgrade') upgrade = value.toLowerCase();
        break;
      case 14:
        if (name.toLowerCase() === 'content-length') bodyLength = Number(value);
        break;
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') {
          if (value.toLowerCase() !== 'chunked') {
            throw refuse(
              'ERR_WSGI_TRANSFER_CODING',
              501,
              'the body is in a coding other than chunked',
            );
          }
          // The body is stored before the app is called: it will have a length, and no coding.
          bodyLength = -1;
          continue;
        }
        break;
    }
    headers += `\n${name}\n${value}`;
  }
  const facts = connectionFacts(request);
  const port = facts.localPort || (facts.scheme === 'https' ? '443' : '80');
  const text =
    `${method}\n${path}\n${query}\n${rawTarget}\nHTTP/${request.httpVersion}\n${mounted.baseUrl ?? ''}` +
    `\n${facts.remoteAddress}\n${facts.remotePort}\n${facts.localAddress}\n${port}\n${facts.scheme}` +
    headers;
  if (FORBIDDEN.test(text) || target.includes('\n') || rawTarget.includes('\n')) {
    throw refuse('ERR_WSGI_CONTROL_CHARACTER', 400, 'the request head holds a control character');
  }
  if (hosts > 1) throw refuse('ERR_WSGI_HOST', 400, 'the request has more than one Host field');
  if (upgrade === 'websocket') throw webSocket();
  return { text, bodyLength, remoteAddress: facts.remoteAddress };
}

/** RFC 9112 §3.2.2: a request in absolute form names its host in the target, whatever the Host field says. */
function splitAbsoluteForm(target: string): [host: string, target: string] {
  const match = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(target);
  if (match === null) {
    throw refuse('ERR_WSGI_TARGET', 400, 'the request target is not a path');
  }
  const [, host = '', rest = ''] = match;
  return [host, rest.startsWith('/') ? rest : `/${rest}`];
}

function webSocket(): WsgiTsError {
  return refuse(
    'ERR_WSGI_WEBSOCKET',
    501,
    'This server runs a WSGI app (PEP 3333), and WSGI has no WebSockets. Serve them with an ASGI server, or ' +
      'let the Node app that embeds this one handle the upgrade.',
  );
}

function refuse(code: string, status: number, message: string): WsgiTsError {
  return new WsgiTsError(code, 'client', message, { status });
}
