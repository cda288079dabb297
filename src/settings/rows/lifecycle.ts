// The settings of how workers come and go: loaded, recycled, stopped. Part of the table (table.ts). Data only.

import { row } from '../setting.ts';
import { requestPath } from '../http-values.ts';
import { bytes, flag, integer, optional, seconds } from '../value-types.ts';

export const lifecycleRows = {
  maxRequests: row({
    name: 'max_requests',
    flags: ['--max-requests'],
    metavar: 'INT',
    type: integer({ min: 0 }),
    default: ['0'],
    section: 'Worker Processes',
    doc: 'Replace a worker after so many requests; 0: never',
    details:
      'The next worker is ready before the old one stops, so a worker answers somewhat more than that. One worker ' +
      'is replaced at a time.',
  }),
  maxRequestsJitter: row({
    name: 'max_requests_jitter',
    flags: ['--max-requests-jitter'],
    metavar: 'INT',
    type: integer({ min: 0 }),
    default: ['0'],
    section: 'Worker Processes',
    doc: 'Add up to so many requests to --max-requests, at random for each worker',
  }),
  maxWorkerMemory: row({
    name: 'max_worker_memory',
    flags: ['--max-worker-memory'],
    metavar: 'BYTES',
    type: bytes,
    default: ['0'],
    section: 'Worker Processes',
    doc: 'Replace a worker that holds more memory: 500M, 1.5G; 0: never',
    details:
      'gunicorn has no such setting. What counts is resident memory, looked at once a second. A worker that holds so ' +
      'much within a minute of its start is kept for that minute: else one would follow the other.',
  }),
  maxWorkerLifetime: row({
    name: 'max_worker_lifetime',
    flags: ['--max-worker-lifetime'],
    metavar: 'SECONDS',
    type: seconds,
    default: ['0'],
    section: 'Worker Processes',
    doc: 'Replace a worker after so many seconds; 0: never',
    details:
      'gunicorn has no such setting. Up to a tenth more is added at random, so that workers do not go together.',
  }),
  bootTimeout: row({
    name: 'boot_timeout',
    flags: ['--boot-timeout'],
    metavar: 'SECONDS',
    type: seconds,
    default: ['0'],
    section: 'Worker Processes',
    doc: 'Seconds that loading the app may take in a worker; 0: any',
    details:
      "gunicorn counts them to `--timeout`. A worker that takes longer leaves its threads' Python stacks in the error " +
      'log, and is killed.',
  }),
  drainDelay: row({
    name: 'drain_delay',
    flags: ['--drain-delay'],
    metavar: 'SECONDS',
    type: seconds,
    default: ['0'],
    section: 'Worker Processes',
    doc: 'Seconds to go on serving after SIGTERM, while --health-path answers 503',
    details:
      'gunicorn has no such setting. A load balancer that looks at `--health-path` sends its requests elsewhere by ' +
      'the time the server stops. A second SIGTERM, SIGINT or SIGQUIT ends the wait.',
  }),
  healthPath: row({
    name: 'health_path',
    flags: ['--health-path'],
    metavar: 'PATH',
    type: optional(requestPath),
    default: [],
    section: 'Worker Processes',
    doc: 'Answer GET and HEAD of this path without the app: 200 while the server is well, else 503',
    details:
      'gunicorn has no such setting. It is answered while every thread is inside a view, too. 503: the server is ' +
      'about to stop, or workers die again and again before they are ready.',
  }),
  preloadApp: row({
    name: 'preload_app',
    flags: ['--preload'],
    type: flag,
    default: [],
    section: 'Server Mechanics',
    doc: 'Load the app once before the first worker starts, to see whether it can be',
    details:
      'An app that fails ends the command with exit code 1 before any address is taken. Memory is not shared with ' +
      'the workers, unlike with gunicorn: each embeds a Python of its own, and loads the app again.',
  }),
};
