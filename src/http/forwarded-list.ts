// The fields by which proxies tell of their client, as lists that each proxy adds to: `Forwarded` (RFC 7239) and the
// `X-Forwarded-…` that came before it. Read by forwarded.ts for a request of a trusted peer. Pure. Only what the
// outermost trusted proxy added is looked at: what is further to the left is whatever the client wrote.

import { WsgiTsError } from '../errors.ts';
import { usualAddress } from './host.ts';
import type { ForwardedField } from './policy.ts';

/** What one proxy said, as it was written; null: nothing. */
export type Statement = Readonly<Record<ForwardedField, string | null>>;

const nothing: Statement = { for: null, proto: null, host: null, port: null, prefix: null };

/**
 * What the outermost of `hops` proxies said with `X-Forwarded-…`. A list with fewer entries came another way than
 * the operator thinks: none is believed. But of proto, host, port and prefix an only one is: there are proxies
 * that set these, and others that pass them on, while all add to the addresses.
 *
 * @param told - lower-case names of fields and their values, by turns
 */
export function readXForwarded(told: readonly string[], hops: number): Statement {
  return {
    for: entries(told, 'x-forwarded-for').at(-hops) ?? null,
    proto: outermost(entries(told, 'x-forwarded-proto'), hops),
    host: outermost(entries(told, 'x-forwarded-host'), hops),
    port: outermost(entries(told, 'x-forwarded-port'), hops),
    prefix: outermost(entries(told, 'x-forwarded-prefix'), hops),
  };
}

/**
 * What the outermost of `hops` proxies said with `Forwarded`; nothing where there are fewer elements.
 *
 * @param told - lower-case names of fields and their values, by turns
 * @throws {@link WsgiTsError} (client, 400) for a value that doesn't follow RFC 7239 §4
 */
export function readForwarded(told: readonly string[], hops: number): Statement {
  // Each field by itself: a quotation mark that the client opened ends with its own field.
  return values(told, 'forwarded').flatMap(elements).at(-hops) ?? nothing;
}

/** A client as a proxy names it. */
export interface Node {
  /** '' where the proxy doesn't know, or hides it. */
  readonly address: string;
  /** '' where it isn't said. */
  readonly port: string;
}

/**
 * Reads a node (RFC 7239 §6), which may be an IPv6 address without brackets in `X-Forwarded-For`.
 *
 * @throws {@link WsgiTsError} (client, 400)
 */
export function readNode(text: string): Node {
  const bare = usualAddress(text);
  if (bare !== null) return { address: bare, port: '' };
  const [, bracketed, name = '', port = ''] =
    /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}|_[\w.-]+))?$/.exec(text) ?? [];
  // §6.2 and §6.3; Squid, too, says `unknown`.
  const hidden = bracketed === undefined && /^(?:unknown|_[\w.-]+)$/i.test(name);
  const address = hidden ? '' : usualAddress(bracketed ?? name);
  if (address === null || (bracketed !== undefined && !address.includes(':'))) {
    throw badForwarded('an address that is none');
  }
  if (Number(port) > 65535) throw badForwarded('a port that is none');
  return { address, port: port.startsWith('_') ? '' : port };
}

/** What is wrong with a forwarded field: never the value itself, which is a client's. */
export function badForwarded(what: string): WsgiTsError {
  const message = `a forwarded field of the request has ${what}`;
  return new WsgiTsError('ERR_WSGI_FORWARDED', 'client', message, { status: 400 });
}

function values(told: readonly string[], name: string): string[] {
  return told.filter((_value, index) => index % 2 === 1 && told[index - 1] === name);
}

/** RFC 9110 §5.6.1: empty entries don't count. */
function entries(told: readonly string[], name: string): string[] {
  return values(told, name)
    .flatMap((value) => value.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function outermost(list: readonly string[], hops: number): string | null {
  return list.at(list.length === 1 ? -1 : -hops) ?? null;
}

// RFC 7239 §4: `token=value` pairs, separated by semicolons; elements are separated by commas.
const PAIR = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~-]+)|"((?:[^"\\]|\\.)*)")[ \t]*/y;

/** The elements of one field. */
function elements(field: string): Statement[] {
  const found: Statement[] = [];
  let pairs = new Map<string, string>();
  let at = 0;
  while (at <= field.length) {
    PAIR.lastIndex = at;
    const match = PAIR.exec(field);
    if (match !== null) {
      const [whole, name = '', token, quoted = ''] = match;
      const key = name.toLowerCase();
      if (pairs.has(key)) throw badForwarded('one parameter twice');
      pairs.set(key, token ?? quoted.replace(/\\(.)/g, '$1'));
      at += whole.length;
    } else {
      // Between two separators there may be nothing but spaces.
      while (field[at] === ' ' || field[at] === '\t') at++;
    }
    const separator = field[at++];
    if (separator === ';') continue;
    if (separator !== ',' && separator !== undefined) throw badForwarded('a form of its own');
    if (pairs.size > 0) found.push(statement(pairs));
    pairs = new Map();
  }
  return found;
}

function statement(pairs: ReadonlyMap<string, string>): Statement {
  return {
    ...nothing,
    for: pairs.get('for') ?? null,
    proto: pairs.get('proto') ?? null,
    host: pairs.get('host') ?? null,
  };
}
