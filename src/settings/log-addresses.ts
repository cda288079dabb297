// The addresses that logs and metrics go to, as --log-syslog-to and --statsd-host take them: text ↔ value, in
// gunicorn's forms. Called by the settings (to refuse a wrong one before anything starts) and by the
// master. Pure: it never resolves a name, nor touches a socket or file.

import { isIPv6 } from 'node:net';
import { WsgiTsError } from '../errors.ts';
import type { DaemonAddress } from '../messages.ts';

const syslogPort = 514;
const statsdPort = 8125;
const maxPort = 65535;

/**
 * Reads `--log-syslog-to`: `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix://PATH`. What follows `#` in the last form
 * (`dgram`, `stream`) is gunicorn's, and not needed: the kind of socket is found by trying.
 *
 * @throws {@link WsgiTsError} `ERR_WSGI_SETTING` (operator)
 */
export function parseSyslogAddress(text: string): DaemonAddress {
  const forms = 'udp://HOST:PORT, tcp://HOST:PORT or unix://PATH';
  const [, family, rest = ''] = /^(udp|tcp|unix):\/\/(.*)$/s.exec(text) ?? [];
  if (family === 'unix') return unixAddress(text, rest.replace(/#(?:dgram|stream)?$/, ''), forms);
  if (family !== 'udp' && family !== 'tcp') throw refuse(text, forms);
  return { family, ...hostAndPort(text, rest === '' ? 'localhost' : rest, syslogPort, forms) };
}

/**
 * Reads `--statsd-host`: `HOST:PORT`, `HOST` or `unix://PATH`.
 *
 * @throws {@link WsgiTsError} `ERR_WSGI_SETTING` (operator)
 */
export function parseStatsdAddress(text: string): DaemonAddress {
  const forms = 'HOST:PORT or unix://PATH';
  const [, path] = /^unix:\/\/(.+)$/s.exec(text) ?? /^unix:(\/(?!\/).*)$/s.exec(text) ?? [];
  if (path !== undefined) return unixAddress(text, path, forms);
  return { family: 'udp', ...hostAndPort(text, text.replace(/^udp:\/\//, ''), statsdPort, forms) };
}

function unixAddress(text: string, path: string, forms: string): DaemonAddress {
  if (path === '' || path.includes('\0')) throw refuse(text, forms);
  return { family: 'unix', path };
}

function hostAndPort(
  text: string,
  rest: string,
  byDefault: number,
  forms: string,
): { readonly host: string; readonly port: number } {
  if (isIPv6(rest)) return { host: rest, port: byDefault };
  const groups = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]\s/]+))(?::(?<port>\d+))?$/.exec(
    rest,
  )?.groups;
  const { v6, name = '', port = String(byDefault) } = groups ?? {};
  if (groups === undefined || Number(port) > maxPort || (v6 !== undefined && !isIPv6(v6)))
    throw refuse(text, forms);
  return { host: (v6 ?? name).toLowerCase(), port: Number(port) };
}

function refuse(text: string, forms: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_SETTING', 'operator', `'${text}' is not of the form ${forms}`);
}
