// What is known of a connection besides its bytes: who is at its ends, and whether it is secure. Asked once a
// connection by request-head.ts and the access log; told by the worker where it knows better than the socket
// (the PROXY protocol). Holds no connection alive.

import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { tlsEnviron } from './client-certificate.ts';
import type { ServerRequest } from './transaction.ts';

/** Both ends of a connection. */
export interface ConnectionFacts {
  /** '' on a unix socket. */
  readonly remoteAddress: string;
  /** '' on a unix socket. */
  readonly remotePort: string;
  /** '' on a unix socket. */
  readonly localAddress: string;
  /** '' on a unix socket. */
  readonly localPort: string;
  readonly scheme: 'http' | 'https';
  /** Further keys of `environ`, such as `SSL_CLIENT_S_DN`: key, value, key, value, latin-1 with no line feed. */
  readonly environ: readonly string[];
}

/** What a connection is known by: with HTTP/2 `request.socket` is a stand-in. */
type Connection = Socket | Http2Session;

const known = new WeakMap<Connection, ConnectionFacts>();

/** Says what is true of `connection`, before its first request. */
export function declareConnection(connection: Connection, facts: ConnectionFacts): void {
  known.set(connection, facts);
}

/** What is true of the connection of `request`. */
export function connectionFacts(request: ServerRequest): ConnectionFacts {
  const connection =
    'stream' in request ? (request.stream.session ?? request.socket) : request.socket;
  let facts = known.get(connection);
  if (facts === undefined) {
    facts = socketFacts(request.socket);
    known.set(connection, facts);
  }
  return facts;
}

/** What is true of a connection before its first request: what was declared, or what the socket itself says. */
export function factsOf(socket: Socket): ConnectionFacts {
  return known.get(socket) ?? socketFacts(socket);
}

/** What the socket itself says. */
function socketFacts(socket: Socket): ConnectionFacts {
  const secure = isSecure(socket);
  const { remoteAddress = '', remotePort = '', localAddress = '', localPort = '' } = socket;
  return {
    remoteAddress,
    remotePort: String(remotePort),
    localAddress,
    localPort: String(localPort),
    scheme: secure ? 'https' : 'http',
    environ: secure && 'getCipher' in socket ? tlsEnviron(socket) : [],
  };
}

/** With HTTP/2 the socket is a stand-in, which is an instance of nothing. */
function isSecure(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted === true;
}
