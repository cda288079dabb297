// The PROXY protocol, versions 1 and 2, as HAProxy's proxy-protocol.txt has it: what a proxy says before the first
// byte of its client about who that client is. Called by the worker for the first bytes of a connection. Pure. It
// must never guess that there is no header: the connection of a listener that expects one begins with one, or ends.

import { isIPv4, isIPv6 } from 'node:net';
import { WsgiTsError } from '../errors.ts';
import { usualAddress } from './host.ts';

/** Which versions are taken. */
export type ProxyProtocolMode = 'v1' | 'v2' | 'auto';

/** Both ends of the connection that the proxy took: IP addresses in their usual form, ports as decimal digits. */
export interface ProxiedConnection {
  readonly sourceAddress: string;
  readonly sourcePort: string;
  readonly destinationAddress: string;
  readonly destinationPort: string;
}

/** A header that is whole. */
export interface ProxyHeader {
  /** Bytes of it: the client's own begin behind them. */
  readonly consumed: number;
  readonly version: 1 | 2;
  /** What the environ calls it; `LOCAL` is a proxy that speaks for itself, a health check for instance. */
  readonly protocol: 'TCP4' | 'TCP6' | 'UNIX' | 'UNKNOWN' | 'UNSPEC' | 'LOCAL';
  /** null: the header names nobody that we could, and the peer itself counts as the client. */
  readonly addresses: ProxiedConnection | null;
}

/** The part of what is known of a connection that a header changes. */
interface ConnectionEnds {
  readonly remoteAddress: string;
  readonly remotePort: string;
  readonly environ: readonly string[];
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const firstWord = Buffer.from('PROXY ', 'latin1');
/** §2.1: bytes of the longest line, its CRLF included. */
const longestLine = 107;
/** Bytes that may follow the first 16 of version 2: twice 108 for paths, and what proxies put behind them. */
const longestBlock = 4096;
const blockStart = 16;

/**
 * Reads the header that `bytes`, the first of a connection, begin with.
 *
 * @returns `incomplete` while they may become one
 * @throws {@link WsgiTsError} `ERR_WSGI_PROXY_PROTOCOL` (client, 400) as soon as they can't
 */
export function parseProxyHeader(
  bytes: Uint8Array,
  mode: ProxyProtocolMode,
): ProxyHeader | 'incomplete' {
  if (bytes.length === 0) return 'incomplete';
  if (mode !== 'v1' && beginsAs(bytes, signature)) return parseBlock(bytes);
  if (mode !== 'v2' && beginsAs(bytes, firstWord)) return parseLine(bytes);
  const expected = mode === 'auto' ? '' : ` in version ${mode.slice(1)}`;
  throw refuse(`the connection doesn't begin with the PROXY protocol${expected}`);
}

/** `own`, the ends of the connection itself, as they are with `header` believed; keys are gunicorn's. */
export function withProxyHeader<T extends ConnectionEnds>(own: T, header: ProxyHeader): T {
  const { addresses, protocol } = header;
  const environ = [...own.environ, 'PROXY_PROTOCOL', protocol];
  if (addresses === null) return { ...own, environ };
  const { sourceAddress, sourcePort, destinationAddress, destinationPort } = addresses;
  environ.push('PROXY_ADDR', destinationAddress, 'PROXY_PORT', destinationPort);
  return { ...own, remoteAddress: sourceAddress, remotePort: sourcePort, environ };
}

/** Whether `bytes` begin with `mark`, as far as they go. */
function beginsAs(bytes: Uint8Array, mark: Uint8Array): boolean {
  const length = Math.min(bytes.length, mark.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== mark[i]) return false;
  return true;
}

// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`

/** Checks of the fields behind a protocol's name, each for a whole field (or for one that may go on). */
const lineFields = {
  TCP4: [isIPv4, isIPv4, isPort, isPort],
  TCP6: [isPlainIPv6, isPlainIPv6, isPort, isPort],
} as const;

function parseLine(bytes: Uint8Array): ProxyHeader | 'incomplete' {
  const text = Buffer.from(bytes.subarray(0, longestLine)).toString('latin1');
  const end = text.indexOf('\r\n');
  const line = end < 0 ? text : text.slice(0, end);
  const consumed = end + 2;
  if (end < 0 && text.length === longestLine) throw badLine('a line that is too long');
  // Cut anywhere, the protocol's name may be half there, and the end of the line too.
  const [, name = '', mark = ''] = /^PROXY ([A-Z0-9]*)([^A-Z0-9]?)/.exec(line) ?? [];
  if (end < 0 && line.length <= firstWord.length + name.length) {
    if (!['TCP4', 'TCP6', 'UNKNOWN'].some((word) => word.startsWith(name))) throw badProtocol();
    return 'incomplete';
  }
  // §2.1: whatever follows UNKNOWN is ignored, up to the end of the line.
  if (name === 'UNKNOWN') {
    if (end >= 0 && (mark === ' ' || mark === '')) {
      return { consumed, version: 1, protocol: 'UNKNOWN', addresses: null };
    }
    if (end < 0 && (mark === ' ' || line === 'PROXY UNKNOWN\r')) return 'incomplete';
  }
  if ((name !== 'TCP4' && name !== 'TCP6') || mark !== ' ') throw badProtocol();
  const fields = line.slice(firstWord.length + name.length + 1).split(' ');
  if (!checkFields(fields, lineFields[name], end >= 0)) return 'incomplete';
  const [source = '', destination = '', sourcePort = '', destinationPort = ''] = fields;
  const addresses = {
    sourceAddress: usualAddress(source) ?? '',
    sourcePort,
    destinationAddress: usualAddress(destination) ?? '',
    destinationPort,
  };
  return { consumed, version: 1, protocol: name, addresses };
}

/**
 * Checks what there is of the fields of a line.
 *
 * @returns whether the line is whole
 */
function checkFields(
  fields: readonly string[],
  checks: readonly ((text: string) => boolean)[],
  whole: boolean,
): boolean {
  if (fields.length > checks.length) throw badLine('too many fields');
  if (whole && fields.length < checks.length) throw badLine('too few fields');
  fields.forEach((field, index) => {
    const check = checks[index] ?? isPort;
    const open = !whole && index === fields.length - 1;
    const last = index === checks.length - 1;
    // Of a line that is cut between its last two bytes, the last field is whole.
    const good = open
      ? couldBecome(field, check) || (last && field.endsWith('\r') && check(field.slice(0, -1)))
      : check(field);
    if (!good) throw badLine(check === isPort ? 'a port that is none' : 'an address that is none');
  });
  return whole;
}

/** What makes an address of any beginning of one, and a port of an empty one. */
const completions = ['', '0', '0.0', '0.0.0', '0.0.0.0', '.0', '.0.0', '.0.0.0', ':', '::', ':0'];

function couldBecome(text: string, check: (text: string) => boolean): boolean {
  return completions.some((rest) => check(text + rest));
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && usualAddress(text) !== null;
}

// Version 2: signature, version and command, family and transport, length; then addresses and extensions

/** Names, and the bytes of both ends, by the high nibble of the 14th byte. */
const families = [
  { protocol: 'UNSPEC', size: 0 },
  { protocol: 'TCP4', size: 12 },
  { protocol: 'TCP6', size: 36 },
  { protocol: 'UNIX', size: 216 },
] as const;

function parseBlock(bytes: Uint8Array): ProxyHeader | 'incomplete' {
  const [versionAndCommand, familyAndTransport = 0] = bytes.subarray(signature.length);
  if (versionAndCommand === undefined) return 'incomplete';
  if (versionAndCommand >> 4 !== 2) throw badBlock('an unknown version');
  const command = versionAndCommand & 0xf;
  if (command > 1) throw badBlock('an unknown command');
  // §2.2: of a LOCAL header everything else is skipped, and the connection's own ends count.
  const local = command === 0;
  if (bytes.length < 14) return 'incomplete';
  const family = families[familyAndTransport >> 4];
  const transport = familyAndTransport & 0xf;
  if (!local) checkFamily(family, transport);
  const size = local ? 0 : (family?.size ?? 0);
  // The length can be told to be too long by its first byte, and to be too short as well.
  const [highest = 0, lowest = 0xff] = bytes.subarray(14);
  if (bytes.length > 14 && highest * 256 > longestBlock) throw badBlock('more than 4096 bytes');
  if (bytes.length > 14 && highest * 256 + lowest < size) throw badBlock('too few bytes');
  if (bytes.length < blockStart) return 'incomplete';
  const length = highest * 256 + lowest;
  if (length > longestBlock) throw badBlock('more than 4096 bytes');
  const consumed = blockStart + length;
  if (bytes.length < consumed) return 'incomplete';
  if (local || family === undefined) {
    return { consumed, version: 2, protocol: 'LOCAL', addresses: null };
  }
  const { protocol } = family;
  // UNSPEC names nobody. A path is no address, and '' would be: whoever has no address is trusted.
  if (protocol === 'UNSPEC' || protocol === 'UNIX') {
    return { consumed, version: 2, protocol, addresses: null };
  }
  const block = Buffer.from(bytes.subarray(blockStart, blockStart + size));
  return { consumed, version: 2, protocol, addresses: blockAddresses(block, protocol) };
}

/** Refuses what a stream can't be. §2.2 wants UNSPEC, which has transport 0 as a rule, to be taken. */
function checkFamily(family: (typeof families)[number] | undefined, transport: number): void {
  if (family === undefined) throw badBlock('an unknown address family');
  if (transport === 2) throw badBlock('a datagram, which no connection is');
  const allowed = transport === 1 || (transport === 0 && family.protocol === 'UNSPEC');
  if (!allowed) throw badBlock('an unknown transport');
}

function blockAddresses(block: Buffer, protocol: 'TCP4' | 'TCP6'): ProxiedConnection {
  const width = protocol === 'TCP4' ? 4 : 16;
  return {
    sourceAddress: addressText(block.subarray(0, width), protocol),
    sourcePort: String(block.readUInt16BE(2 * width)),
    destinationAddress: addressText(block.subarray(width, 2 * width), protocol),
    destinationPort: String(block.readUInt16BE(2 * width + 2)),
  };
}

function addressText(bytes: Buffer, protocol: 'TCP4' | 'TCP6'): string {
  if (protocol === 'TCP4') return bytes.join('.');
  const groups = bytes.toString('hex').match(/.{4}/g) ?? [];
  return usualAddress(groups.join(':')) ?? '';
}

function badProtocol(): WsgiTsError {
  return badLine('a protocol other than TCP4, TCP6 and UNKNOWN');
}

function badLine(what: string): WsgiTsError {
  return refuse(`the header of the PROXY protocol, version 1, has ${what}`);
}

function badBlock(what: string): WsgiTsError {
  return refuse(`the header of the PROXY protocol, version 2, has ${what}`);
}

function refuse(message: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_PROXY_PROTOCOL', 'client', message, { status: 400 });
}
