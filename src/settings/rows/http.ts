// The settings of HTTP itself: what a request may be, how slow a client may be, what a response says. Part of
// the table (table.ts). Data only.

import { row } from '../setting.ts';
import { flag, integer, seconds } from '../value-types.ts';

export const httpRows = {
  limitRequestLine: row({
    name: 'limit_request_line',
    flags: ['--limit-request-line'],
    metavar: 'INT',
    type: integer({ min: 0, max: 65536 }),
    default: ['4094'],
    section: 'Security',
    doc: 'Bytes that a request line may have, else the answer is 414; 0: as many as a head',
    details:
      'A head as a whole has at most 65,536 bytes, or as many as `limit_request_line` and ' +
      '`limit_request_field_size` together where that is more.',
  }),
  limitRequestFields: row({
    name: 'limit_request_fields',
    flags: ['--limit-request-fields'],
    metavar: 'INT',
    type: integer({ min: 1, max: 32768 }),
    default: ['100'],
    section: 'Security',
    doc: 'Header fields that a request may have, else the answer is 431',
  }),
  limitRequestFieldSize: row({
    name: 'limit_request_field_size',
    flags: ['--limit-request-field-size', '--limit-request-field_size'],
    metavar: 'INT',
    type: integer({ min: 0, max: 1048576 }),
    default: ['8190'],
    section: 'Security',
    doc: 'Bytes that a header field may have, else the answer is 431; 0: as many as a head',
  }),
  limitRequestBody: row({
    name: 'limit_request_body',
    flags: ['--limit-request-body'],
    metavar: 'BYTES',
    type: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    default: ['0'],
    section: 'Security',
    doc: 'Bytes that the body of a request may have, else the answer is 413; 0: no limit',
    details:
      'gunicorn has no such setting. A body that is announced as too long is refused before it is received.',
  }),
  workerConnections: row({
    name: 'worker_connections',
    flags: ['--worker-connections'],
    metavar: 'INT',
    type: integer({ min: 1 }),
    default: ['10000'],
    section: 'Security',
    doc: 'Connections that a worker holds; beyond, the idle ones are closed, and then no more are accepted',
    details:
      "gunicorn's default is 1000. A connection costs no thread here, but a file descriptor: `ulimit -n` may " +
      'set a lower limit.',
  }),
  limitWaitingRequests: row({
    name: 'limit_waiting_requests',
    flags: ['--limit-waiting-requests'],
    metavar: 'INT',
    type: integer({ min: 1 }),
    default: ['2048'],
    section: 'Security',
    doc: 'Requests that may wait for a thread in one worker; any more are answered 503',
    details: 'gunicorn has no such setting.',
  }),
  noServerHeader: row({
    name: 'no_server_header',
    flags: ['--no-server-header'],
    type: flag,
    default: [],
    section: 'Security',
    doc: 'Send no Server header field, unless the app has set one',
    details: "gunicorn has no such setting, and overwrites the app's own `Server`.",
  }),
  headTimeout: row({
    name: 'head_timeout',
    flags: ['--head-timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['20'],
    section: 'Slow Clients',
    doc: "Seconds that a request's head may take to arrive, else the answer is 408; 0: any time",
    details:
      'It also limits a TLS handshake and the line of the PROXY protocol. The five settings of this section ' +
      'are not in gunicorn, where slow clients hold a worker or a thread.',
  }),
  bodyTimeout: row({
    name: 'body_timeout',
    flags: ['--body-timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['30'],
    section: 'Slow Clients',
    doc: "Seconds that a request's body may be behind the minimum rate, else the answer is 408; 0: any time",
  }),
  responseTimeout: row({
    name: 'response_timeout',
    flags: ['--response-timeout'],
    metavar: 'INT',
    type: seconds,
    default: ['60'],
    section: 'Slow Clients',
    doc: 'Seconds that a client may be behind the minimum rate in reading its answer; 0: any time',
    details:
      'Then the connection is cut. What the system has taken into its buffers counts as read.',
  }),
  minimumRate: row({
    name: 'minimum_rate',
    flags: ['--minimum-rate'],
    metavar: 'BYTES',
    type: integer({ min: 1 }),
    default: ['500'],
    section: 'Slow Clients',
    doc: 'Bytes a second that a client must send or read once its grace is used up',
  }),
  responseBuffer: row({
    name: 'response_buffer',
    flags: ['--response-buffer'],
    metavar: 'BYTES',
    type: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    default: ['16777216'],
    section: 'Slow Clients',
    doc: 'Bytes of a streamed answer that are kept for a slow client, so that the app can go on',
    details:
      'What is beyond 64 KiB goes to a temporary file without a name. An app that is farther ahead of its client ' +
      'waits in the middle of its answer, and so does its thread.',
  }),
};
