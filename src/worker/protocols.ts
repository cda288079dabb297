// Puts the servers of a worker together: HTTP/1, HTTP/2 and TLS as the policy wants them, behind one door for
// accepted connections. Called by worker.ts once the app is loaded. It only composes.

import type { Socket } from 'node:net';
import type { WsgiHandler } from '../bridge/handler-options.ts';
import { readCertificates } from '../certificates.ts';
import type { HttpPolicy, TlsPolicy } from '../http/policy.ts';
import type { Logger } from '../log/logger.ts';
import { Connections } from './connections.ts';
import { Http2Server } from './http2-server.ts';
import { type Health, withHealth } from './health.ts';
import { HttpServer } from './http-server.ts';
import type { Refusals } from './refusals.ts';
import { TlsFront } from './tls-front.ts';

/** What {@link openProtocols} needs from the worker. */
export interface ProtocolsOptions {
  readonly handler: WsgiHandler;
  readonly policy: HttpPolicy;
  /** Seconds an idle connection is kept. */
  readonly keepAlive: number;
  readonly refusals: Refusals;
  readonly logger: Logger;
  /** A request of this connection was handed to the handler. */
  readonly onRequest: (socket: Socket) => void;
  /** Requests (escaped for the log) are cut off, since the worker ends. */
  readonly onCutOff: (requests: readonly string[]) => void;
  /** Where the worker itself tells of its health; null: nowhere. */
  readonly healthPath: string | null;
  readonly health: Health;
}

/** Makes the servers. @throws WsgiTsError (operator) where TLS's files are no use */
export function openProtocols(options: ProtocolsOptions): Connections {
  const { handler, policy, keepAlive, refusals, logger, onRequest, health, healthPath } = options;
  const { limits, deadlines, protocol } = policy;
  const serve = healthPath === null ? handler : withHealth(handler, healthPath, health);
  const onCutOff = (requests: readonly string[]): void => {
    handler.cut();
    options.onCutOff(requests);
  };
  const http1 = new HttpServer({
    ...{ handler: serve, logger, limits, deadlines, refusals, keepAlive, onRequest, onCutOff },
    onClientEnd: (socket) => {
      handler.clientEnded(socket);
    },
  });
  const http2 = protocol.protocols.includes('h2')
    ? new Http2Server({
        ...{ handler: serve, logger, limits, refusals, keepAlive, policy: protocol },
        ...{ onCutOff, onRequest },
      })
    : null;
  const tls = policy.tls === null ? null : openTls(policy, policy.tls, { http1, http2, refusals });
  return new Connections({
    ...{ http1, http2, tls, deadlines, refusals, keepAlive },
    cleartextHttp2: protocol.cleartext === 'prior-knowledge',
    proxyProtocol: policy.proxyProtocol,
    limit: policy.connections,
  });
}

function openTls(
  { protocol, deadlines }: HttpPolicy,
  policy: TlsPolicy,
  servers: { http1: HttpServer; http2: Http2Server | null; refusals: Refusals },
): TlsFront {
  const { http1, http2, refusals } = servers;
  return new TlsFront({
    ...{ policy, refusals, protocols: protocol.protocols, handshake: deadlines.head },
    certificates: readCertificates(policy),
    onHttp1: (socket) => {
      http1.accept(socket);
    },
    onHttp2: (socket) => {
      http2?.accept(socket);
    },
  });
}
