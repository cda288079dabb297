// Which requests are the app's, where a WSGI app stands beside a front end: those whose path is, or is below, one of
// the prefixes. Used by vite.ts and next.ts. Pure. It must never decode a path: what the app gets is what came.

import { WsgiTsError } from '../errors.ts';

/** A path as a person writes a prefix: what could stand in a request line, with no query. */
const PREFIX = /^\/[!"$-.0->@-~][!"$->@-~]*$/;

/** The prefixes of one app. */
export class Prefixes {
  /** As they are compared: `/api`, without a slash at the end; the longest first. */
  readonly list: readonly string[];

  /**
   * @param prefixes - such as `/api`
   * @throws WsgiTsError `ERR_WSGI_PREFIX` (operator) where there is none, or one that is no path or is `/`
   */
  constructor(prefixes: readonly string[]) {
    if (prefixes.length === 0) throw noPrefix('no prefix is given');
    for (const prefix of prefixes)
      if (!PREFIX.test(prefix)) throw noPrefix(`${JSON.stringify(prefix)} is no prefix of paths`);
    this.list = [...new Set(prefixes.map((prefix) => prefix.replace(/\/+$/, '')))].sort(
      (one, other) => other.length - one.length,
    );
  }

  /** The prefix that a request's target (`/api/items?page=2`) is below; null: it isn't the app's. */
  of(target: string): string | null {
    for (const prefix of this.list) {
      if (!target.startsWith(prefix)) continue;
      const next = target[prefix.length];
      if (next === undefined || next === '/' || next === '?') return prefix;
    }
    return null;
  }
}

function noPrefix(why: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_PREFIX', 'operator', `${why} (prefixes)`, {
    remedy:
      "A prefix is a path that begins with a slash, such as '/api': the app gets it and all that is below it. " +
      "'/' would leave nothing for the front end.",
  });
}
