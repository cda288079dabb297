// What names a host: the value of `Host`, the authority of a target, an address. Used wherever a request says who it
// is for or who it is from: request-head.ts, and the readers of what proxies tell. Pure: no name is resolved.

import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** A host and its port, as they were written; an IPv6 address is in brackets. */
export interface Authority {
  readonly name: string;
  /** Decimal digits, or '' for none. */
  readonly port: string;
}

// RFC 3986 §3.2.2, less IPvFuture, which has no future: brackets, or a registered name (IPv4 is one, too).
const AUTHORITY = /^(\[[^\]]*\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::(\d*))?$/;

/**
 * Reads `host[:port]` (RFC 9110 §7.2). There is no place for `user@` in it.
 *
 * @returns null where it is none; an empty text is one (RFC 9112 §3.2), but a port needs a host
 */
export function readAuthority(text: string): Authority | null {
  const [, name, port = ''] = AUTHORITY.exec(text) ?? [];
  if (name === undefined || Number(port) > 65535 || (name === '' && text !== '')) return null;
  if (name.startsWith('[') && usualAddress(name.slice(1, -1)) === null) return null;
  return { name, port };
}

/**
 * An IP address in the form of RFC 5952: written in one way, whoever compares it.
 *
 * @returns null where `text` is none; one with a zone is none: the zones of another host mean nothing here
 */
export function usualAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return null;
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}
