// Passes a request that reached somebody else's HTTP server on to a server of ours behind a unix socket, and its answer
// back. Used by vite.ts, in the process of the development server, on its event loop. It must never change what the app
// and its client say to each other: only what belongs to a connection (RFC 9110 §7.6.1), and who the client is.

import { request as requestOver, ServerResponse } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { isIP, Socket } from 'node:net';

/** A request of `node:http`, or of HTTP/2's compatible interface, which Vite uses with `server.https`. */
export type Received = IncomingMessage | Http2ServerRequest;
/** Where its answer goes. */
export type Reply = ServerResponse | Http2ServerResponse;

/** Where to, and as what. */
export interface Route {
  readonly socketPath: string;
  /** The path and query, as the client sent them. */
  readonly target: string;
  /** Path at the front of the target that is to be `SCRIPT_NAME`; '': none. */
  readonly mount: string;
  /** Called where there is no answer and none has begun: nobody listens there, or it ended in the middle. */
  readonly onFailure: (error: NodeJS.ErrnoException) => void;
}

/** One field's name as it was written first, and all its values. */
type Field = readonly [name: string, values: string[]];

/** RFC 9110 §7.6.1, and what it names as older habits. */
const CONNECTION_FIELDS = new Set(
  'connection keep-alive proxy-connection te transfer-encoding upgrade trailer http2-settings'.split(
    ' ',
  ),
);
/** What a proxy that is trusted may say of a client, and nobody else. */
const IDENTITY = /^(?:forwarded|x-forwarded-.+)$/;
const GUNICORNS = new Set(['script_name', 'path_info']);
const PROTO_FIELDS = ['x-forwarded-proto', 'x-forwarded-protocol', 'x-forwarded-ssl'];

/** Sends `received` there, and what comes back to `reply`. A client that leaves ends both. */
export function forward(received: Received, reply: Reply, route: Route): void {
  const upstream = requestOver({
    socketPath: route.socketPath,
    method: received.method ?? 'GET',
    path: route.target,
    // One connection each: none can be closed by a worker that is replaced just when it is used anew.
    agent: false,
    setHost: false,
  });
  for (const [name, values] of requestFields(received, route.mount))
    upstream.setHeader(name, values);
  sendBody(received, upstream);
  upstream.on('information', ({ statusCode, rawHeaders }) => {
    if (statusCode === 103 && received.httpVersion !== '1.0') sendHints(reply, rawHeaders);
  });
  upstream.on('response', (answer) => {
    for (const [name, values] of endToEnd(answer.rawHeaders)) setField(reply, name, values);
    reply.statusCode = answer.statusCode ?? 502;
    if (reply instanceof ServerResponse) {
      reply.statusMessage = answer.statusMessage ?? '';
      reply.flushHeaders();
    } else reply.writeHead(reply.statusCode);
    // Whatever breaks in the middle is cut off on the other side, too: no half of an answer looks like a whole one.
    pipeline(answer, reply as ServerResponse, () => undefined);
  });
  upstream.on('error', (error) => {
    if (reply.headersSent || reply.destroyed) reply.destroy();
    else route.onFailure(error);
  });
  reply.on('close', () => {
    if (!reply.writableFinished) upstream.destroy();
  });
}

/**
 * The response to a request that asks for another protocol, for whoever answers it as if it didn't: WSGI has no other, and a
 * server may ignore that wish (RFC 9110 §7.8). `node:http` has given it away together with its socket.
 *
 * @returns null where it has been answered: its body is on the socket still, unparsed
 */
export function withoutUpgrade(received: IncomingMessage, socket: Duplex): ServerResponse | null {
  // What Node gives with an upgrade is a socket of net or tls; the type is wider for who emits the event by hand.
  if (!(socket instanceof Socket)) return null;
  const reply = new ServerResponse(received);
  reply.shouldKeepAlive = false;
  reply.assignSocket(socket);
  reply.on('finish', () => {
    socket.end();
  });
  socket.on('error', () => {
    socket.destroy();
  });
  socket.on('close', () => {
    reply.destroy();
  });
  if (!hasBody(received)) return reply;
  reply.writeHead(501, { 'Content-Type': 'text/plain; charset=utf-8' });
  reply.end('501 Not Implemented\n\nThis server takes no body together with an Upgrade field.\n');
  return null;
}

function hasBody(received: Received): boolean {
  const { headers, httpVersionMajor } = received;
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
    return true;
  return httpVersionMajor >= 2 && !(received as Http2ServerRequest).stream.endAfterHeaders;
}

function sendBody(received: Received, upstream: ClientRequest): void {
  if (!hasBody(received)) {
    // Else Node would say of a POST that it has a body of length 0, which its client didn't.
    upstream.useChunkedEncodingByDefault = false;
    upstream.end();
    return;
  }
  if (received.headers['content-length'] === undefined)
    upstream.setHeader('Transfer-Encoding', 'chunked');
  // Not a pipeline: an answer may come, and the connection close, before the whole body has been sent.
  received.pipe(upstream);
  received.on('error', () => upstream.destroy());
}

function requestFields(received: Received, mount: string): readonly Field[] {
  const { socket } = received;
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/, '');
  // What is in front on this machine (a tunnel, a proxy) is believed, as the command believes it.
  const believed = peer === '::1' || /^127\./.test(peer);
  const fields = endToEnd(received.rawHeaders).filter(([written]) => {
    const name = written.toLowerCase();
    // Node has answered an Expect by itself.
    if (name === 'expect' || GUNICORNS.has(name)) return false;
    return believed || !IDENTITY.test(name);
  });
  const find = (wanted: string): Field | undefined =>
    fields.find(([name]) => name.toLowerCase() === wanted);
  if (find('host') === undefined && ':authority' in received.headers)
    fields.unshift(['Host', [String(received.headers[':authority'])]]);
  if (isIP(peer) > 0) {
    const chain = find('x-forwarded-for');
    if (chain === undefined) fields.push(['X-Forwarded-For', [peer]]);
    else chain[1].push(peer);
  }
  if (PROTO_FIELDS.every((name) => find(name) === undefined)) {
    const secure = (socket as Partial<TLSSocket>).encrypted === true;
    fields.push(['X-Forwarded-Proto', [secure ? 'https' : 'http']]);
  }
  if (mount !== '') fields.push(['SCRIPT_NAME', [mount]]);
  return fields;
}

/** The fields that aren't the connection's own, those of one name together, in their order. */
function endToEnd(rawHeaders: readonly string[]): Field[] {
  const own = new Set(CONNECTION_FIELDS);
  const fields = new Map<string, Field>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const key = name.toLowerCase();
    if (key === 'connection')
      for (const option of value.split(',')) own.add(option.trim().toLowerCase());
    // HTTP/2 has method and path among the fields.
    if (key.startsWith(':')) continue;
    const known = fields.get(key);
    if (known === undefined) fields.set(key, [name, [value]]);
    else known[1].push(value);
  }
  return [...fields].filter(([key]) => !own.has(key)).map(([, field]) => field);
}

function setField(reply: Reply, name: string, values: string[]): void {
  // Somebody in front (Vite's CORS) may have said already on what the answer depends.
  const before = name.toLowerCase() === 'vary' ? reply.getHeader(name) : undefined;
  const all = before === undefined ? values : [before, ...values].flat().map(String);
  reply.setHeader(name, all.length === 1 ? (all[0] ?? '') : all);
}

/** RFC 8297: hints, which may be lost. */
function sendHints(reply: Reply, rawHeaders: readonly string[]): void {
  const hints = Object.fromEntries(
    endToEnd(rawHeaders).map(([name, values]) => [name.toLowerCase(), values]),
  );
  try {
    (reply as ServerResponse).writeEarlyHints(hints);
  } catch {
    // Node takes fewer forms of Link than there are.
  }
}
