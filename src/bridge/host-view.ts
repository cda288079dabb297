// What a host's framework knows of a request better than the request's own bytes do: where it has mounted the app,
// and who it says the client is. Used by request-head.ts, made by src/integrations/. Pure.

import { isIP } from 'node:net';
import type { Seen } from '../http/forwarded.ts';
import { readAuthority } from '../http/host.ts';
import type { ServerRequest } from './transaction.ts';

const SLASH = 0x2f;
const AUTHORITY = /^https?:\/\/[^/?]*/i;

/** What the framework knows; what is left out is as the request and its connection have it. */
export interface HostView {
  /** How many segments at the front of the target's path are the mount's and not the app's. */
  readonly segments?: number;
  /** Who the client is, where the framework trusts a proxy that says so. */
  readonly client?: HostClient;
}

/** A client as a framework sees it through the proxies that it trusts. */
export interface HostClient {
  /** Counts where it is an IP address. */
  readonly remoteAddress: string;
  readonly scheme: 'http' | 'https';
  /** Value of a `Host` field; null: the request's own. Counts where it names a host. */
  readonly host: string | null;
}

/** What Express and Connect add to a request of an app mounted below a path. */
interface MountedRequest {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
}

/** Where a request goes. */
export interface Mount {
  /** What is left of the target for the app. */
  readonly target: string;
  /** The target as it came. */
  readonly rawTarget: string;
  /** Path of the mount, as it came; '': none. */
  readonly baseUrl: string;
}

/** Where the app is mounted for this request. */
export function mountOf(request: ServerRequest, view: HostView | null): Mount {
  const target = request.url ?? '';
  const { originalUrl: rawTarget = target, baseUrl } = request as MountedRequest;
  if (view?.segments !== undefined) return mountedBelow(target, rawTarget, view.segments);
  return { target, rawTarget, baseUrl: baseUrl ?? takenOff(rawTarget, target) };
}

/** The first segments of the path are the mount's, whatever they are: one may be a parameter. */
function mountedBelow(target: string, rawTarget: string, segments: number): Mount {
  if (target === '*') return { target, rawTarget, baseUrl: '' };
  const start = pathStart(target);
  let end = start;
  for (let count = 0; count < segments; count++) {
    while (target.charCodeAt(end) === SLASH) end++;
    while (end < target.length && target[end] !== '/' && target[end] !== '?') end++;
  }
  const rest = target.slice(end);
  return {
    target: target.slice(0, start) + (rest.startsWith('/') ? rest : `/${rest}`),
    rawTarget,
    baseUrl: target.slice(start, end),
  };
}

/** Where the path begins: a target in absolute form has scheme and authority before it (RFC 9112 §3.2.2). */
function pathStart(target: string): number {
  if (target.charCodeAt(0) === SLASH) return 0;
  return AUTHORITY.exec(target)?.[0].length ?? 0;
}

/** Connect takes the mount's path off the target, and says it nowhere. */
function takenOff(rawTarget: string, target: string): string {
  if (rawTarget === target) return '';
  const [whole, rest] = [pathOf(rawTarget), pathOf(target)];
  if (whole.endsWith(rest)) return whole.slice(0, whole.length - rest.length);
  // `/mount` itself: Connect puts a slash where nothing is left.
  return rest === '/' ? whole : '';
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return target.slice(pathStart(target), mark < 0 ? undefined : mark);
}

/** `seen` with what the framework says of the client. */
export function seenBy(seen: Seen, { remoteAddress, scheme, host }: HostClient): Seen {
  const known = isIP(remoteAddress) !== 0;
  const authority = host === null ? null : readAuthority(host);
  const named = authority !== null && authority.name !== '';
  return {
    ...seen,
    ...(known ? { remoteAddress, remotePort: '' } : {}),
    scheme,
    ...(named ? { host, serverName: authority.name, serverPort: authority.port } : {}),
  };
}
