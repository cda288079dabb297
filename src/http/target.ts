// The target of a request in its forms (RFC 9112 §3.2), and where an app is mounted among paths. Called by the
// bridge's request-head.ts. Pure. Must never decode or tidy a path: `//`, dots and %XX are the app's business.

import { WsgiTsError } from '../errors.ts';
import { readAuthority } from './host.ts';

// RFC 3986 §2: printable ASCII, the rest has to be percent-encoded; RFC 9112 §3.2: and a fragment is never sent.
const TARGET = /^[\x21\x22\x24-\x7e]*$/;

/** @throws {@link WsgiTsError} (client, 400) for a character that no target has */
export function checkTarget(target: string): void {
  if (!TARGET.test(target)) throw badTarget('holds a character that must be percent-encoded');
}

/** A target that doesn't begin with a slash, in the terms of one that does. */
export interface OtherTarget {
  /** What the target says in place of `Host`; null: nothing. */
  readonly host: string | null;
  /** Path and query; `*` for the server as a whole. */
  readonly target: string;
}

/**
 * Reads a target that doesn't begin with a slash.
 *
 * @throws {@link WsgiTsError} (client, 400) unless it is `*` or an http(s) URL
 */
export function readOtherTarget(method: string, target: string): OtherTarget {
  if (target === '*') {
    // RFC 9112 §3.2.4
    if (method !== 'OPTIONS') throw badTarget('is * in a request other than OPTIONS');
    return { host: null, target };
  }
  // RFC 9112 §3.2.2: in absolute form the target names the host, whatever the Host field says.
  const [, host, rest = ''] = /^https?:\/\/([^/?]*)(.*)$/i.exec(target) ?? [];
  if (host === undefined) throw badTarget('is neither a path nor a URL');
  const authority = readAuthority(host);
  // RFC 9110 §4.2.1 and §4.2.4: an empty host is an error, and `user@` most often a trick.
  if (authority === null || authority.name === '') throw badTarget('names no host');
  return { host, target: rest.startsWith('/') ? rest : `/${rest}` };
}

/** A mount's path in the form that {@link below} takes: a slash at its front, none at its end, '' for the root. */
export function mountPath(path: string): string {
  const encoded = path.replace(/[^\x21-\x7e]/gu, encodeURIComponent).replace(/\/+$/, '');
  return encoded === '' || encoded.startsWith('/') ? encoded : `/${encoded}`;
}

/**
 * What is left of `path` behind the mount's.
 *
 * @returns null where `path` is not below it: `/apple` is not below `/app`
 */
export function below(path: string, mount: string): string | null {
  if (!path.startsWith(mount)) return null;
  const rest = path.slice(mount.length);
  return rest === '' || rest.startsWith('/') ? rest : null;
}

function badTarget(what: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_TARGET', 'client', `the request target ${what}`, {
    status: 400,
  });
}
