// TLS in front of both HTTP servers: takes connections that were accepted elsewhere, does the handshake, and gives
// them on to the version of HTTP that client and server agree on (ALPN, RFC 7301). Made by protocols.ts;
// runs on the event loop. It must never let a client's failed handshake be more than a line in the log.

import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { tlsEnviron } from '../bridge/client-certificate.ts';
import { declareConnection, factsOf } from '../bridge/connection-facts.ts';
import { WsgiTsError } from '../errors.ts';
import type { ProtocolPolicy, TlsPolicy } from '../http/policy.ts';
import type { Refusals } from './refusals.ts';

/** What {@link TlsFront} needs. */
export interface TlsFrontOptions {
  readonly policy: TlsPolicy;
  readonly certificates: SecureContextOptions;
  readonly protocols: ProtocolPolicy['protocols'];
  /** Seconds that a handshake may take; 0: any time. */
  readonly handshake: number;
  readonly refusals: Refusals;
  readonly onHttp1: (socket: Socket) => void;
  readonly onHttp2: (socket: Socket) => void;
}

const ALPN = { h1: 'http/1.1', h2: 'h2' } as const;
/** Milliseconds; Node has no way to say "any time". */
const longest = 2 ** 31 - 1;

/** The TLS of one worker. */
export class TlsFront {
  readonly #server: Server;
  readonly #options: TlsFrontOptions;
  /** Connections whose handshake is not over. */
  readonly #handshakes = new Set<Socket>();
  #onSettled: (() => void) | undefined;

  constructor(options: TlsFrontOptions) {
    this.#options = options;
    const { policy, certificates, protocols, handshake } = options;
    this.#server = createServer({
      ...certificates,
      ALPNProtocols: protocols.map((protocol) => ALPN[protocol]),
      requestCert: policy.certReqs > 0,
      // As Python's CERT_OPTIONAL and CERT_REQUIRED: one that is shown must be good.
      rejectUnauthorized: policy.certReqs === 2,
      handshakeTimeout: handshake === 0 ? longest : handshake * 1000,
      allowHalfOpen: true,
    });
    this.#server.on('secureConnection', (socket) => {
      this.#secured(socket);
      this.#settle(below(socket));
    });
    this.#server.on('tlsClientError', (error: OpenSslError, socket) => {
      // Node says of a certificate that it doesn't accept no more than this.
      const unaccepted = socket.authorizationError as Error | string | null | undefined;
      if (unaccepted) this.#refuse(socket, notAccepted(unaccepted));
      else if (error.code === PLAIN_HTTP) this.#answerPlainHttp(socket);
      // Who only closes the connection (a port scan, a health check) is no news.
      else if (error.code !== 'ECONNRESET') this.#refuse(socket, reasonOf(error));
      // The alert that says why is on its way.
      socket.destroySoon();
    });
  }

  /** Does the handshake on a connection, of which bytes may have been put back. */
  accept(socket: Socket): void {
    // Who it is can't be asked any more when it has failed.
    declareConnection(socket, factsOf(socket));
    this.#handshakes.add(socket);
    socket.once('close', () => {
      this.#settle(socket);
    });
    this.#server.emit('connection', socket);
  }

  /** Resolves when no handshake is under way, or after so many milliseconds. */
  async settled(milliseconds: number): Promise<void> {
    if (this.#handshakes.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve;
      setTimeout(resolve, milliseconds).unref();
    });
  }

  #settle(socket: Socket): void {
    if (this.#handshakes.delete(socket) && this.#handshakes.size === 0) this.#onSettled?.();
  }

  #secured(socket: TLSSocket): void {
    const { policy, protocols, onHttp1, onHttp2 } = this.#options;
    const shown = socket.getPeerX509Certificate() !== undefined;
    if (policy.certReqs === 1 && shown && !socket.authorized) {
      this.#refuse(socket, notAccepted(socket.authorizationError));
      socket.destroy();
      return;
    }
    const facts = factsOf(below(socket));
    declareConnection(socket, {
      ...facts,
      scheme: 'https',
      environ: [...facts.environ, ...tlsEnviron(socket)],
    });
    if (socket.alpnProtocol === ALPN.h2) {
      onHttp2(socket);
    } else if (protocols.includes('h1')) {
      onHttp1(socket);
    } else {
      this.#refuse(socket, 'the client does not speak HTTP/2');
      socket.destroy();
    }
  }

  /** Nothing has been written yet, so that a plain answer is readable. */
  #answerPlainHttp(socket: TLSSocket): void {
    const error = new WsgiTsError('ERR_WSGI_SYNTAX', 'client', plainHttp, { status: 400 });
    const raw = below(socket);
    const answer = this.#options.refusals.answer(factsOf(raw).remoteAddress, error, '');
    raw.write(answer, 'latin1');
  }

  #refuse(socket: TLSSocket, why: string): void {
    this.#options.refusals.log(factsOf(below(socket)).remoteAddress, why);
  }
}

const PLAIN_HTTP = 'ERR_SSL_HTTP_REQUEST';
const plainHttp = 'plain HTTP, but this port speaks TLS';

type OpenSslError = NodeJS.ErrnoException & { readonly reason?: string };

/** The connection that TLS goes over, which is known by what the PROXY protocol said of it. Not public in Node. */
function below(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent?: Socket })._parent ?? socket;
}

function notAccepted(why: unknown): string {
  return `the client's certificate is not accepted: ${String(why)}`;
}

/** What went wrong, without OpenSSL's addresses and file names. */
function reasonOf(error: OpenSslError): string {
  return `TLS handshake failed: ${error.reason ?? error.code ?? error.message}`;
}
