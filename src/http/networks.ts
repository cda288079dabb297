// Lists of trusted peers, as --forwarded-allow-ips and --proxy-allow-from take them: addresses, networks in CIDR
// form, or `*`. Used by the settings (to refuse a wrong one) and for each connection. Pure: no name is resolved.

import { BlockList, isIP } from 'node:net';
import { WsgiTsError } from '../errors.ts';

/** Addresses, read once and asked for each connection. */
export class Networks {
  readonly #list = new BlockList();
  #everybody = false;

  /**
   * @param entries - `127.0.0.1`, `10.0.0.0/8`, `fd00::/8` or `*`
   * @throws {@link WsgiTsError} `ERR_WSGI_NETWORK` (operator) that names the entry that is none of these
   */
  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry);
  }

  /** Whether the peer at `address` is in the list. A peer without address, on a unix socket, always is. */
  has(address: string): boolean {
    if (this.#everybody || address === '') return true;
    const family = isIP(address);
    // An IPv4 peer of an IPv6 socket (`::ffff:10.0.0.1`) is found by BlockList itself.
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  #add(entry: string): void {
    if (entry === '*') {
      this.#everybody = true;
      return;
    }
    const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const family = isIP(address);
    const width = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? width : Number(bits);
    if (family === 0 || address.includes('%') || prefix > width) {
      throw new WsgiTsError(
        'ERR_WSGI_NETWORK',
        'operator',
        `'${entry}' is not an IP address, a network such as 10.0.0.0/8, or *`,
      );
    }
    this.#list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
}
