// How each server is started, as a row each: what a careful user would write, with logging of requests off, no limit
// that the load would meet, and as many workers and threads as the scenario says. What a server can't do is said.

import { inRepository } from '../../test/helpers/repository.ts';
import type { Recipe } from '../measuring/contender.ts';
import { peerVariables, type PeerEnvironment } from './environment.ts';

/** What is to be served, and by how many. */
export interface Service {
  /** `module:variable` */
  readonly target: string;
  /** Absolute: where the server is started and the module found. */
  readonly directory: string;
  readonly workers: number;
  readonly threads: number;
  /** Variables that the app wants. */
  readonly env: Readonly<Record<string, string>>;
  /** A file for the access log; none: it is off. */
  readonly accessLog?: string;
}

/** A server, or what stands beside the servers as a measure. */
export interface Server {
  readonly name: string;
  /** A `limit` is no peer: it does not serve WSGI, or is no server. */
  readonly kind: 'ours' | 'peer' | 'limit';
  /** Package that must be there. */
  readonly requires?: string;
  /** Whether several requests can be in the app at the same time in one worker. */
  readonly threaded: boolean;
  /** Most workers that it has; as many as are wanted where it isn't said. */
  readonly workers?: number;
  /** It takes no number of threads: one thread is all it has, or no number means anything. */
  readonly threads?: 'one' | 'any';
  command(service: Service, port: number, bin: string): readonly string[];
}

const cli = [process.execPath, inRepository('dist', 'src', 'cli.js')];

function wsgiTs({ workers, threads, accessLog }: Service, port: number): string[] {
  const log = accessLog === undefined ? [] : ['--access-logfile', accessLog];
  const counts = ['--workers', String(workers), '--threads', String(threads)];
  return [...cli, '--bind', `127.0.0.1:${port}`, '--no-build', ...counts, ...log];
}

function gunicorn(service: Service, port: number, bin: string, ...args: string[]): string[] {
  const { workers, accessLog, target } = service;
  const log = accessLog === undefined ? [] : ['--access-logfile', accessLog];
  const common = ['--no-control-socket', '--bind', `127.0.0.1:${port}`, '--workers', `${workers}`];
  return [`${bin}/gunicorn`, ...common, ...log, ...args, target];
}

const byScript = (name: string, { target, workers, threads }: Service, port: number): string[] => [
  ...[inRepository('bench', 'apps', 'serve_by.py'), name, target],
  ...[String(port), String(workers), String(threads)],
];

/** All of them, in the order of the tables. */
export const servers = {
  'wsgi-ts': {
    name: 'wsgi-ts',
    kind: 'ours',
    threaded: true,
    command: (service, port) => [...wsgiTs(service, port), service.target],
  },
  granian: {
    name: 'granian',
    kind: 'peer',
    requires: 'granian',
    threaded: true,
    command: ({ target, workers, threads }, port, bin) => [
      ...[`${bin}/granian`, '--interface', 'wsgi', '--host', '127.0.0.1', '--port', String(port)],
      ...['--workers', String(workers), '--blocking-threads', String(threads)],
      ...['--backlog', '2048', '--log-level', 'warning', target],
    ],
  },
  bjoern: {
    name: 'bjoern',
    kind: 'peer',
    requires: 'bjoern',
    threaded: false,
    threads: 'one',
    command: (service, port, bin) => [`${bin}/python`, ...byScript('bjoern', service, port)],
  },
  uwsgi: {
    name: 'uWSGI',
    kind: 'peer',
    requires: 'uwsgi',
    threaded: true,
    // Its own socket, which ends each connection behind the answer: through its HTTP router, which keeps them, a
    // request costs a third more.
    command: ({ target, workers, threads }, port, bin) => [
      ...[
        `${bin}/uwsgi`,
        '--http-socket',
        `127.0.0.1:${port}`,
        '--add-header',
        'Connection: close',
      ],
      ...['--module', target, '--master', '--need-app', '--die-on-term', '--disable-logging'],
      ...['--processes', String(workers), '--threads', String(threads), '--listen', '2048'],
    ],
  },
  sync: {
    name: 'gunicorn sync',
    kind: 'peer',
    requires: 'gunicorn',
    threaded: false,
    threads: 'one',
    command: gunicorn,
  },
  gthread: {
    name: 'gunicorn gthread',
    kind: 'peer',
    requires: 'gunicorn',
    threaded: true,
    command: (service, port, bin) =>
      gunicorn(
        ...([service, port, bin, '--worker-class', 'gthread'] as const),
        ...[
          '--threads',
          String(service.threads),
          '--worker-connections',
          '10000',
          '--keep-alive',
          '75',
        ],
      ),
  },
  gevent: {
    name: 'gunicorn gevent',
    kind: 'peer',
    requires: 'gevent',
    threaded: true,
    threads: 'any',
    command: (service, port, bin) =>
      gunicorn(
        ...([service, port, bin, '--worker-class', 'gevent'] as const),
        ...['--worker-connections', '4096'],
      ),
  },
  waitress: {
    name: 'waitress',
    kind: 'peer',
    requires: 'waitress',
    threaded: true,
    workers: 1,
    command: (service, port, bin) => [`${bin}/python`, ...byScript('waitress', service, port)],
  },
  ceiling: {
    name: 'the app in a loop, no server',
    kind: 'limit',
    threaded: false,
    command: (service, port) => [
      ...wsgiTs({ ...service, workers: 1, threads: 1 }, port),
      ...['--timeout', '0', '--pythonpath', inRepository('bench', 'apps')],
      ...['--env', `BENCH_CEILING=${service.target}`, 'ceiling:app'],
    ],
  },
  node: {
    name: 'node:http, no Python',
    kind: 'limit',
    threaded: false,
    command: (_service, port) => [
      ...[process.execPath, inRepository('dist', 'bench', 'programs', 'node-http.js')],
      String(port),
    ],
  },
} as const satisfies Record<string, Server>;

export type ServerKey = keyof typeof servers;

/** The servers that serve WSGI. */
export const everyServer = (Object.keys(servers) as ServerKey[]).filter(
  (key) => servers[key].kind !== 'limit',
);

/** Why a server can't do what is wanted; undefined: it can. */
export function inability(server: Server, { workers, threads }: Service): string | undefined {
  if (workers > (server.workers ?? Infinity)) return 'has one process only';
  if (threads > 1 && server.threads === 'one') return 'has one thread only';
  return undefined;
}

/** Why a server is not here; undefined: it is. */
export function absence(server: Server, peers: PeerEnvironment): string | undefined {
  const why = server.requires && peers.missing.get(server.requires);
  return why ? `not installed: ${why}` : undefined;
}

/** How this service is started by a server. */
export function recipe(name: string, server: Server, service: Service, bin: string): Recipe {
  return {
    name,
    command: (port) => server.command(service, port, bin),
    cwd: service.directory,
    env: peerVariables(service.env),
  };
}
