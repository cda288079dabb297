// What a worker is told of the settings: one value, sent over IPC before anything else. Called by master.ts.
// Pure; that it holds all that a worker needs is what keeps a worker from reading settings by itself.

import { WsgiTsError } from '../errors.ts';
import type { HttpPolicy, TlsPolicy } from '../http/policy.ts';
import type { WorkerConfiguration, WorkerIdentity } from '../messages.ts';
import type { Settings } from '../settings/table.ts';
import { environmentVariables } from '../settings/value-types.ts';
import type { Listener } from './listeners.ts';
import { titleOf } from './title.ts';
import { logPolicy } from './log-policy.ts';
import { firstListenerFd } from './worker-handle.ts';

/**
 * The configuration of every worker.
 *
 * @param python - the interpreter that the master has found: a worker need not look for it again
 * @param argv - the command line as the app shall see it in `sys.argv`, the program first
 * @param scriptName - the environment variable SCRIPT_NAME, or ''; one that `--env` sets wins
 * @param identity - whose rights a worker takes; null: the master's
 * @throws WsgiTsError (operator, exit code 1) when no app is given
 */
export function configure(
  settings: Settings,
  listeners: readonly Pick<Listener, 'url'>[],
  python: string | null,
  argv: readonly string[],
  scriptName: string,
  identity: WorkerIdentity | null,
): WorkerConfiguration {
  if (settings.app === null) throw noApp();
  return {
    app: settings.app,
    chdir: settings.chdir,
    pythonpath: settings.pythonpath,
    env: environmentVariables(settings.env),
    python,
    noBuild: settings.noBuild,
    workers: settings.workers,
    threads: settings.threads,
    recycling: {
      requests: settings.maxRequests,
      requestsJitter: settings.maxRequestsJitter,
      lifetime: settings.maxWorkerLifetime,
      memory: settings.maxWorkerMemory,
    },
    healthPath: settings.healthPath,
    timeout: settings.timeout,
    gracefulTimeout: settings.gracefulTimeout,
    keepAlive: settings.keepAlive,
    reload: settings.reload,
    backlog: settings.backlog,
    http: httpPolicy(settings, scriptName),
    logs: logPolicy(settings),
    argv,
    listeners: listeners.map(({ url }, index) => ({ fd: firstListenerFd + index, url })),
    journalFd: firstListenerFd + listeners.length,
    title: titleOf('worker', settings),
    identity,
  };
}

/** What the settings say of HTTP. */
export function httpPolicy(settings: Settings, scriptName: string): HttpPolicy {
  return {
    limits: {
      line: settings.limitRequestLine,
      fields: settings.limitRequestFields,
      fieldSize: settings.limitRequestFieldSize,
      body: settings.limitRequestBody,
    },
    deadlines: {
      head: settings.headTimeout,
      body: settings.bodyTimeout,
      response: settings.responseTimeout,
      minimumRate: settings.minimumRate,
    },
    trust: {
      forwardedAllowIps: settings.forwardedAllowIps,
      secureSchemeHeaders: settings.secureSchemeHeaders,
      forwarderHeaders: settings.forwarderHeaders,
      headerMap: settings.headerMap,
      forwardedHops: settings.forwardedHops,
      forwardedHeader: settings.forwardedHeader,
      forwardedFields: settings.forwardedFields,
      scriptName: environmentVariables(settings.env)['SCRIPT_NAME'] ?? scriptName,
    },
    proxyProtocol: { mode: settings.proxyProtocol, allowFrom: settings.proxyAllowIps },
    tls: tlsPolicy(settings),
    protocol: {
      protocols: settings.httpProtocols,
      cleartext: settings.http2Cleartext,
      maxConcurrentStreams: settings.http2MaxConcurrentStreams,
      initialWindowSize: settings.http2InitialWindowSize,
      maxFrameSize: settings.http2MaxFrameSize,
      maxHeaderListSize: settings.http2MaxHeaderListSize,
    },
    connections: settings.workerConnections,
    waiting: settings.limitWaitingRequests,
    responseBuffer: settings.responseBuffer,
    serverHeader: !settings.noServerHeader,
    sendfile: settings.sendfile,
    temporaryFolder: settings.tmpUploadDir,
  };
}

/** What the settings say of TLS; null: nothing. */
export function tlsPolicy(settings: Settings): TlsPolicy | null {
  if (settings.certfile === null) return null;
  return {
    certfile: settings.certfile,
    keyfile: settings.keyfile,
    caCerts: settings.caCerts,
    certReqs: settings.certReqs,
    ciphers: settings.ciphers,
    minimumVersion: settings.tlsMinimumVersion,
  };
}

/** The error where no app is given. */
export function noApp(): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_NO_APP', 'operator', 'No application module specified.', {
    remedy: 'Name it as MODULE:VARIABLE, for example: wsgi-ts app:app',
  });
}
