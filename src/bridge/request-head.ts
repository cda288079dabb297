// A request's head as Python gets it: one latin-1 text, its fields separated by line feeds.
// Called by exchange.ts for each request, on the event loop. python/wsgi_ts/environ.py unpacks the same
// order: method, path, query, raw target, protocol, script name, peer address, peer port, server name,
// server port, scheme, then header names and values by turns; a name with a colon at its front is a key of
// `environ` itself. Pure: reads the request, touches no socket.
import { WsgiTsError } from '../errors.ts';
import { Field, FieldNames, type FieldKind } from '../http/field-names.ts';
import { ForwardedRules, type Seen } from '../http/forwarded.ts';
import { bodyFraming } from '../http/framing.ts';
import { readAuthority } from '../http/host.ts';
import type { Trust } from '../http/policy.ts';
import { below, checkTarget, readOtherTarget } from '../http/target.ts';
import { connectionFacts, type ConnectionFacts } from './connection-facts.ts';
import { mountOf, seenBy, type HostClient, type HostView } from './host-view.ts';
import type { ServerRequest } from './transaction.ts';

/** What the exchange has to know of a request's head besides the text for Python. */
export interface RequestHead {
  readonly text: string;
  /** Bytes of the body: what `Content-Length` says, 0 for none, -1 where only its end will tell. */
  readonly bodyLength: number;
  /** The client's, as `environ` has it. */
  readonly remoteAddress: string;
}

// RFC 9110 §5.5: a server that meets CR, LF or NUL in a value refuses it; other control characters have no
// use. The line feed separates our fields: llhttp never lets one through, but a host's middleware that rewrites
// the request may put in characters beyond latin-1, whose lower byte is anything.
const ALLOWED = /^[\t\n\x20-\x7e\x80-\xff]*$/;

const SLASH = 0x2f;
const none: readonly string[] = [];

/** Encodes the heads of requests, as one handler's policy of trust has it. */
export class RequestHeads {
  /** Fields that were dropped since their key in `environ` could be forged. */
  dropped = 0;
  readonly #headerMap: Trust['headerMap'];
  readonly #names: FieldNames;
  readonly #rules: ForwardedRules;
  readonly #onFirstDropped: (name: string) => void;
  readonly #viewOf: ((request: ServerRequest) => HostView | null) | null;
  /** Whether the peers of these connections are trusted. */
  readonly #trusted = new WeakMap<ConnectionFacts, boolean>();
  #lastHost = '';

  /**
   * @param onFirstDropped - gets the name of the first field that is dropped, as its client wrote it
   * @param viewOf - what the host's framework knows of a request; null: there is none
   * @throws WsgiTsError `ERR_WSGI_NETWORK` (operator)
   */
  constructor(
    trust: Trust,
    onFirstDropped: (name: string) => void = () => undefined,
    viewOf: ((request: ServerRequest) => HostView | null) | null = null,
  ) {
    this.#headerMap = trust.headerMap;
    this.#names = new FieldNames(trust);
    this.#rules = new ForwardedRules(trust);
    this.#onFirstDropped = onFirstDropped;
    this.#viewOf = viewOf;
  }

  /**
   * Encodes the head of `request`.
   *
   * @throws WsgiTsError (client, with a status) that says what is wrong with it.
   */
  encode(request: ServerRequest): RequestHead {
    const http2 = 'stream' in request ? request : null;
    const { httpVersion } = request;
    if (http2 === null && httpVersion !== '1.1' && httpVersion !== '1.0') {
      throw refuse(
        'ERR_WSGI_HTTP_VERSION',
        505,
        'the request is of no version that is spoken here',
      );
    }
    const view = this.#viewOf?.(request) ?? null;
    const method = request.method ?? 'GET';
    const mount = mountOf(request, view);
    const { rawTarget } = mount;
    let { target } = mount;
    checkTarget(target);
    if (rawTarget !== target) checkTarget(rawTarget);
    let targetHost: string | null = null;
    if (target.charCodeAt(0) !== SLASH) {
      ({ host: targetHost, target } = readOtherTarget(method, target));
    }

    const facts = connectionFacts(request);
    const raw = request.rawHeaders;
    let host: string | null = null;
    let hasType = false;
    let lengths = none;
    let codings = none;
    let told: string[] | null = null;
    const head = [method, '', '', rawTarget, '', '', '', '', '', '', ''];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? '';
      const value = raw[i + 1] ?? '';
      const kind = this.#names.kindOf(name);
      switch (kind) {
        case Field.ordinary:
          break;
        case Field.pseudo:
          // RFC 9113 §8.3.1: it is what Host is in HTTP/1. All others are the request's method, target and scheme.
          if (http2 !== null && name === ':authority') targetHost = value;
          continue;
        case Field.host:
          if (host !== null) throw badHost('more than one Host field');
          host = value;
          continue;
        case Field.contentType:
          // RFC 9110 §5.3: it is no list; which of two is meant, the next reader may judge otherwise.
          if (hasType) throw badField('ERR_WSGI_CONTENT_TYPE', 'more than one Content-Type');
          hasType = true;
          break;
        case Field.contentLength:
          lengths = [...lengths, value];
          break;
        case Field.transferEncoding:
          // The body is stored before the app is called: it will have a length, and no coding.
          codings = [...codings, value];
          continue;
        case Field.expect:
          if (httpVersion !== '1.0' && value.toLowerCase() !== '100-continue') throw badExpect();
          break;
        case Field.upgrade:
          if (value.toLowerCase() === 'websocket') throw webSocket();
          break;
        case Field.scheme:
        case Field.forwarded:
        case Field.forwarder:
        case Field.unread:
        case Field.ambiguous: {
          const trusted = this.#trusts(facts);
          if (trusted && kind < Field.unread) (told ??= []).push(name.toLowerCase(), value);
          if (!this.#keeps(name, kind, trusted)) continue;
        }
      }
      head.push(name, value);
    }

    // RFC 9112 §3.2, whatever the target says.
    if (host === null && httpVersion === '1.1') throw badHost('no Host field');
    host = this.#chooseHost(host, targetHost, http2 !== null);
    let bodyLength = 0;
    if (lengths.length > 0 || codings.length > 0) {
      bodyLength = bodyFraming(httpVersion === '1.0' ? '1.0' : '1.1', lengths, codings);
    } else if (http2 !== null && !http2.stream.endAfterHeaders) {
      bodyLength = -1;
    }

    const client = this.#client(facts, host, told, view?.client);
    if (client.host !== null) head.push('Host', client.host);
    const { environ } = facts;
    for (let i = 0; i + 1 < environ.length; i += 2) {
      head.push(`:${environ[i] ?? ''}`, environ[i + 1] ?? '');
    }
    const mark = target.indexOf('?');
    let path = mark < 0 ? target : target.slice(0, mark);
    const query = mark < 0 ? '' : target.slice(mark + 1);
    let scriptName = client.prefix + mount.baseUrl;
    if (client.scriptName !== '' && target !== '*') {
      path = pathBelow(path, client);
      scriptName += client.scriptName;
    }
    head[1] = path;
    head[2] = query;
    head[4] = `HTTP/${httpVersion}`;
    head[5] = scriptName;
    head[6] = client.remoteAddress;
    head[7] = client.remotePort;
    head[8] = client.serverName;
    head[9] = client.serverPort || (client.scheme === 'https' ? '443' : '80');
    head[10] = client.scheme;
    const text = head.join('\n');
    if (!ALLOWED.test(text)) {
      throw badField('ERR_WSGI_CONTROL_CHARACTER', 'a control character in its head');
    }
    return { text, bodyLength, remoteAddress: client.remoteAddress };
  }

  /** Whether the connection's other end may say who its client is: who that end is, the PROXY protocol has told. */
  #trusts(facts: ConnectionFacts): boolean {
    let trusted = this.#trusted.get(facts);
    if (trusted === undefined) {
      trusted = this.#rules.trusts(facts.remoteAddress);
      this.#trusted.set(facts, trusted);
    }
    return trusted;
  }

  /** Whether the app gets this field, which trust has to do with. */
  #keeps(name: string, kind: FieldKind, trusted: boolean): boolean {
    if (kind === Field.unread) return false;
    if (kind === Field.forwarded) return trusted;
    if (trusted && kind === Field.forwarder) return true;
    if (kind === Field.scheme && !name.includes('_')) return true;
    if (this.#headerMap === 'dangerous') return true;
    if (this.#headerMap === 'refuse') {
      throw badField('ERR_WSGI_HEADER_NAME', 'a field whose name could be taken for another');
    }
    if (this.dropped++ === 0) this.#onFirstDropped(name);
    return false;
  }

  /**
   * The host that was asked for.
   *
   * @param field - value of `Host`; null: there is none
   * @param target - what the target says, or `:authority`; null: nothing
   */
  #chooseHost(field: string | null, target: string | null, http2: boolean): string | null {
    // A connection asks for one host, as a rule.
    if (field !== null && field !== this.#lastHost) {
      if (readAuthority(field) === null) throw badHost('a Host field that names no host');
      this.#lastHost = field;
    }
    if (target === null) return field;
    if (http2 && readAuthority(target) === null) throw badHost('an authority that is none');
    // RFC 9113 §8.3.1. In HTTP/1 the target wins (RFC 9112 §3.2.2).
    if (http2 && field !== null && field.toLowerCase() !== target.toLowerCase()) {
      throw badHost('a Host field that differs from its authority');
    }
    return target;
  }

  #client(
    facts: ConnectionFacts,
    host: string | null,
    told: readonly string[] | null,
    client: HostClient | undefined,
  ): Seen {
    const seen: Seen = {
      remoteAddress: facts.remoteAddress,
      remotePort: facts.remotePort,
      scheme: facts.scheme,
      host,
      serverName: facts.localAddress,
      serverPort: facts.localPort,
      prefix: '',
      scriptName: this.#rules.scriptName,
      scriptNameTold: false,
    };
    if (client !== undefined) return seenBy(seen, client);
    return told === null ? seen : this.#rules.apply(told, seen);
  }
}

function pathBelow(path: string, { scriptName, scriptNameTold }: Seen): string {
  const rest = below(path, scriptName);
  if (rest !== null) return rest;
  if (scriptNameTold) throw badField('ERR_WSGI_SCRIPT_NAME', 'a path outside its SCRIPT_NAME');
  throw refuse('ERR_WSGI_NOT_MOUNTED', 404, 'there is nothing at this path');
}

/** RFC 9110 §10.1.1: there is one expectation. */
function badExpect(): WsgiTsError {
  return refuse('ERR_WSGI_EXPECT', 417, 'the request expects something other than 100-continue');
}

function badHost(what: string): WsgiTsError {
  return badField('ERR_WSGI_HOST', what);
}

function badField(code: string, what: string): WsgiTsError {
  return refuse(code, 400, `the request has ${what}`);
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
