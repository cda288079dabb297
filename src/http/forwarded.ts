// Who the client of a request is, where a trusted proxy tells: its address, its scheme, the host and the path it
// asked for. Compiled once from the policy of trust, asked by the bridge's request-head.ts. Pure. It must never be
// given a field that came from a peer that isn't trusted.

import { WsgiTsError } from '../errors.ts';
import {
  badForwarded,
  readForwarded,
  readNode,
  readXForwarded,
  type Statement,
} from './forwarded-list.ts';
import { readAuthority } from './host.ts';
import { Networks } from './networks.ts';
import type { ForwardedField, Trust } from './policy.ts';
import { mountPath } from './target.ts';

/** A request as its connection and its head show it, or as a proxy says it was. */
export interface Seen {
  readonly remoteAddress: string;
  readonly remotePort: string;
  readonly scheme: 'http' | 'https';
  /** As `Host` has it; null: there is none. */
  readonly host: string | null;
  /** '' for what `Host` says. */
  readonly serverName: string;
  /** '' for the scheme's own. */
  readonly serverPort: string;
  /** Path that a proxy has taken off the front of the target. */
  readonly prefix: string;
  /** Path at the front of the target that is not the app's: the policy's, or what a proxy says. */
  readonly scriptName: string;
  /** Whether that path is a proxy's word. */
  readonly scriptNameTold: boolean;
}

const defaultPorts = { http: '80', https: '443' } as const;

/** The policy of trust, ready to be applied. */
export class ForwardedRules {
  /** Path that the app is mounted at where nobody says otherwise; with no slash at its end. */
  readonly scriptName: string;
  readonly #networks: Networks;
  readonly #secure: ReadonlyMap<string, string>;
  readonly #hops: number;
  readonly #read: (told: readonly string[], hops: number) => Statement;
  readonly #fields: ReadonlySet<ForwardedField>;

  /** @throws {@link WsgiTsError} `ERR_WSGI_NETWORK` (operator) */
  constructor(trust: Trust) {
    this.scriptName = mountPath(trust.scriptName);
    this.#networks = new Networks(trust.forwardedAllowIps);
    this.#secure = new Map(
      Object.entries(trust.secureSchemeHeaders).map(([name, value]) => [name, value.toLowerCase()]),
    );
    this.#hops = trust.forwardedHops;
    this.#fields = new Set(trust.forwardedFields);
    this.#read = trust.forwardedHeader === 'forwarded' ? readForwarded : readXForwarded;
  }

  /** Whether the peer at `address` may say who its client is; '' is a unix socket, and may. */
  trusts(address: string): boolean {
    return this.#networks.has(address);
  }

  /**
   * The request as its client sent it.
   *
   * @param told - lower-case names of the fields that a trusted peer speaks by, and their values, by turns
   * @param seen - the request as it arrived
   * @throws {@link WsgiTsError} (client, 400) for what contradicts itself, or is not what it should be: trusting
   * half of it would be worse
   */
  apply(told: readonly string[], seen: Seen): Seen {
    const hop = this.#hops === 0 ? null : this.#chosen(this.#read(told, this.#hops));
    const scheme = this.#scheme(told, hop?.proto ?? null) ?? seen.scheme;
    const script = this.#scriptName(told);
    const result = {
      ...seen,
      scheme,
      scriptName: script ?? seen.scriptName,
      scriptNameTold: script !== null,
    };
    return hop === null ? result : withStatement(result, hop);
  }

  /** What is to be read of `statement`: of `Forwarded` it is known only now. */
  #chosen(statement: Statement): Statement {
    const read = (field: ForwardedField): string | null =>
      this.#fields.has(field) ? statement[field] : null;
    return {
      for: read('for'),
      proto: read('proto'),
      host: read('host'),
      port: read('port'),
      prefix: read('prefix'),
    };
  }

  #scheme(told: readonly string[], proto: string | null): 'http' | 'https' | null {
    let scheme = proto === null ? null : readScheme(proto);
    for (let i = 0; i + 1 < told.length; i += 2) {
      const secure = this.#secure.get(told[i] ?? '');
      // A field that has a list of the hops says more than one thing, and has been read.
      if (secure === undefined || (this.#hops > 0 && told[i] === 'x-forwarded-proto')) continue;
      const says = told[i + 1]?.toLowerCase() === secure ? 'https' : 'http';
      if (scheme !== null && scheme !== says) throw contradiction();
      scheme = says;
    }
    return scheme;
  }

  #scriptName(told: readonly string[]): string | null {
    let found: string | null = null;
    for (let i = 0; i + 1 < told.length; i += 2) {
      if (told[i] !== 'script_name') continue;
      if (found !== null) throw badForwarded('a second SCRIPT_NAME');
      found = readPath(told[i + 1] ?? '');
    }
    return found;
  }
}

function withStatement(seen: Seen, hop: Statement): Seen {
  let { host, serverName, serverPort, remoteAddress, remotePort } = seen;
  if (hop.for !== null) ({ address: remoteAddress, port: remotePort } = readNode(hop.for));
  if (hop.host !== null) {
    const authority = readAuthority(hop.host);
    if (authority === null || authority.name === '') throw badForwarded('a host that is none');
    host = hop.host;
    serverName = authority.name;
    serverPort = authority.port;
  }
  if (hop.port !== null) {
    const { port } = hop;
    if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) {
      throw badForwarded('a port that is none');
    }
    serverPort = port;
    const name = host === null ? '' : (readAuthority(host)?.name ?? '');
    // A URL that is made of it needs no port where it is the scheme's own.
    if (name !== '') host = port === defaultPorts[seen.scheme] ? name : `${name}:${port}`;
  }
  const prefix = hop.prefix === null ? seen.prefix : readPath(hop.prefix);
  return { ...seen, remoteAddress, remotePort, host, serverName, serverPort, prefix };
}

function readScheme(proto: string): 'http' | 'https' {
  const scheme = proto.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return scheme;
  throw badForwarded('a scheme other than http and https');
}

// URLs are made with it: with two slashes at its front, or what browsers take for them, they'd lead elsewhere.
const PATH = /^(?:\/(?![/\\])[\x21-\x7e]*)?$/;

function readPath(path: string): string {
  if (!PATH.test(path) || /[?#]/.test(path)) throw badForwarded('a path that is none');
  return mountPath(path);
}

function contradiction(): WsgiTsError {
  return new WsgiTsError(
    'ERR_WSGI_FORWARDED_SCHEME',
    'client',
    "the request's forwarded fields contradict each other on the scheme",
    { status: 400 },
  );
}
