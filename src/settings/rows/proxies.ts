// The settings of trust: whose word counts on who the client is. Part of the table (table.ts). Data only.

import { forwardedFields } from '../../http/policy.ts';
import { row } from '../setting.ts';
import { namedValues, networks } from '../http-values.ts';
import { choice, choices, commaList, integer } from '../value-types.ts';

export const proxyRows = {
  forwardedAllowIps: row({
    name: 'forwarded_allow_ips',
    flags: ['--forwarded-allow-ips'],
    metavar: 'IPS',
    env: { variable: 'FORWARDED_ALLOW_IPS', texts: (list) => [list] },
    type: networks,
    default: ['127.0.0.1,::1'],
    section: 'Proxies',
    doc: 'Peers whose forwarded header fields are believed: addresses, networks, or *; separated by commas',
    details: 'Peers on a unix socket always are.',
  }),
  secureSchemeHeaders: row({
    name: 'secure_scheme_headers',
    flags: ['--secure-scheme-headers'],
    metavar: 'LIST',
    type: namedValues,
    default: ['X-FORWARDED-PROTOCOL=ssl,X-FORWARDED-PROTO=https,X-FORWARDED-SSL=on'],
    section: 'Proxies',
    doc: 'Header fields, and the value of each, by which a trusted peer says that its client uses https',
    details: 'A request in which they contradict each other is refused.',
  }),
  forwarderHeaders: row({
    name: 'forwarder_headers',
    flags: ['--forwarder-headers'],
    metavar: 'NAMES',
    type: commaList,
    default: ['SCRIPT_NAME,PATH_INFO'],
    section: 'Proxies',
    doc: 'Header fields with underscores that a trusted peer may set',
  }),
  headerMap: row({
    name: 'header_map',
    flags: ['--header-map'],
    metavar: 'WORD',
    type: choice(['drop', 'refuse', 'dangerous']),
    default: ['drop'],
    section: 'Proxies',
    doc: 'What becomes of header fields with underscores: drop, refuse (400) or dangerous (kept)',
    details:
      '`X_Auth` and `X-Auth` are one key in `environ`, so a client could forge what a proxy is trusted to set. ' +
      'The first field that a worker drops is named in its log.',
  }),
  forwardedHops: row({
    name: 'forwarded_hops',
    flags: ['--forwarded-hops'],
    metavar: 'INT',
    type: integer({ min: 0, max: 100 }),
    default: ['0'],
    section: 'Proxies',
    doc: 'Trusted proxies that each add the client they see to a forwarded header field; 0: none is read',
    details:
      'With it, `REMOTE_ADDR`, `wsgi.url_scheme`, `HTTP_HOST`, `SERVER_PORT` and `SCRIPT_NAME` say what the outermost ' +
      'of these proxies saw; from a peer that is not in `forwarded_allow_ips`, the fields are taken away. ' +
      '[proxies.md](proxies.md) has examples. gunicorn has no such setting.',
  }),
  forwardedHeader: row({
    name: 'forwarded_header',
    flags: ['--forwarded-header'],
    metavar: 'WORD',
    type: choice(['x-forwarded', 'forwarded']),
    default: ['x-forwarded'],
    section: 'Proxies',
    doc: 'What --forwarded-hops reads: X-Forwarded-For, -Proto, -Host, -Port, -Prefix; or Forwarded',
    details:
      'Only one of the two: a proxy that sets one passes the other on as its client sent it.',
  }),
  forwardedFields: row({
    name: 'forwarded_fields',
    flags: ['--forwarded-fields'],
    metavar: 'WORDS',
    type: choices(forwardedFields),
    default: [forwardedFields.join(',')],
    section: 'Proxies',
    doc: 'Which of these --forwarded-hops reads; name those that each of your proxies sets',
    details:
      'A proxy passes on what it does not set: AWS ALB, for instance, sets no `X-Forwarded-Host`, so with it a client ' +
      'could write one. What is not read is taken away. `Forwarded` has the first three of them.',
  }),
  proxyProtocol: row({
    name: 'proxy_protocol',
    flags: ['--proxy-protocol'],
    metavar: 'WORD',
    bare: 'auto',
    // gunicorn's, from the time when it was a switch.
    type: choice(['off', 'v1', 'v2', 'auto'], { true: 'auto', false: 'off', none: 'off' }),
    default: ['off'],
    section: 'Proxies',
    doc: 'Which PROXY protocol each connection must begin with: off, v1, v2 or auto (either)',
    details:
      'The flag alone means `auto`; a word behind it is its value, so it stands behind the app or before another ' +
      'flag. A connection without the header is closed.',
  }),
  proxyAllowIps: row({
    name: 'proxy_allow_ips',
    flags: ['--proxy-allow-from'],
    metavar: 'IPS',
    type: networks,
    default: ['127.0.0.1,::1'],
    section: 'Proxies',
    doc: 'Peers that may use the PROXY protocol: addresses, networks, or *; separated by commas',
  }),
};
