// The addresses to listen at, as --bind takes them: text ↔ value, in gunicorn's forms.
// Called by the settings (to refuse a wrong one before anything starts), by the master (to make the
// sockets) and by whoever shows an address. Pure: it never resolves a name, nor touches a socket or file.

import { isIPv4, isIPv6 } from 'node:net';
import { WsgiTsError } from '../errors.ts';

/** Where to listen: a TCP host and port, the path of a Unix socket, or a socket that was inherited. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'fd'; readonly fd: number };

/** The forms that {@link parseAddress} takes, as errors show them. */
const addressForms = 'HOST, HOST:PORT, :PORT, [IPV6]:PORT, unix:PATH or fd://N';

const defaultPort = 8000;
const maxPort = 65535;
/** `sun_path` of unix(7) has room for 108 bytes, the last one a NUL. */
const maxUnixPathBytes = 107;

function refuse(text: string, why: string): WsgiTsError {
  return new WsgiTsError(
    'ERR_WSGI_ADDRESS',
    'operator',
    `'${text}' is not an address to listen at: ${why}; allowed is ${addressForms}`,
  );
}

function parseNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

function parseUnix(text: string): Address {
  const path = text.slice(text.startsWith('unix://') ? 'unix://'.length : 'unix:'.length);
  if (path === '') throw refuse(text, 'the path after unix: is empty');
  if (path.includes('\0')) throw refuse(text, 'a path has no NUL byte');
  if (Buffer.byteLength(path) > maxUnixPathBytes) {
    throw refuse(text, `the path of a Unix socket has at most ${maxUnixPathBytes} bytes`);
  }
  return { kind: 'unix', path };
}

function parseFd(text: string): Address {
  const fd = parseNumber(text.slice('fd://'.length));
  if (!Number.isSafeInteger(fd)) {
    throw refuse(text, 'what follows fd:// is the number of a file descriptor');
  }
  return { kind: 'fd', fd };
}

function parseTcp(text: string): Address {
  const netloc = text.startsWith('tcp://') ? text.slice('tcp://'.length) : text;
  if (isIPv6(netloc))
    throw refuse(text, `an IPv6 address goes in brackets, as in [${netloc}]:8000`);
  // HOST without colons or brackets, or anything in brackets; then perhaps a port.
  const groups = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>.*))?$/s.exec(netloc)?.groups;
  if (groups === undefined) throw refuse(text, 'its brackets are out of place');
  const { v6, name, port: portText } = groups;

  const port = portText === undefined ? defaultPort : parseNumber(portText);
  // Not `port > maxPort`: NaN, which is no number at all, must be refused too.
  if (!(port <= maxPort)) {
    throw refuse(text, `the port is a whole number from 0 to ${maxPort}`);
  }
  if (v6 !== undefined) {
    if (!isIPv6(v6)) throw refuse(text, 'what is in brackets is not an IPv6 address');
    return { kind: 'tcp', host: v6, port };
  }
  // An empty address is most often an unset variable of a shell: it must not open the app to the world.
  if (netloc === '') throw refuse(text, 'it is empty');
  // gunicorn's `:PORT`: every IPv4 interface.
  if (name === undefined || name === '') return { kind: 'tcp', host: '0.0.0.0', port };
  // The system's resolver takes 8000 for the IPv4 address 0.0.31.64.
  if (parseNumber(name) <= maxPort) throw refuse(text, `for a port alone write :${name}`);
  if (/^[\d.]+$/.test(name) && !isIPv4(name))
    throw refuse(text, `'${name}' is not an IPv4 address`);
  if (/[\s/,*@?#]/.test(name)) throw refuse(text, `'${name}' is not the name of a host`);
  return { kind: 'tcp', host: name.toLowerCase(), port };
}

/**
 * Reads one `--bind`. The port is 8000 when none is given, the host of `:PORT` is 0.0.0.0.
 *
 * @throws {@link WsgiTsError} `ERR_WSGI_ADDRESS` (operator) that says what is wrong and what is allowed.
 */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) return parseUnix(text);
  if (text.startsWith('fd://')) return parseFd(text);
  return parseTcp(text);
}

/**
 * The address as logs show it: `http://host:port`, `http://[::1]:8000`, `unix:/path`, `fd://3`.
 *
 * @param secure - whether TLS is spoken there: then `https://`
 */
export function formatAddress(address: Address, secure = false): string {
  switch (address.kind) {
    case 'tcp': {
      const host = address.host.includes(':') ? `[${address.host}]` : address.host;
      return `${secure ? 'https' : 'http'}://${host}:${address.port}`;
    }
    case 'unix':
      return `unix:${address.path}`;
    case 'fd':
      return `fd://${address.fd}`;
  }
}
