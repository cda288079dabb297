// Who the client is by a framework that trusts proxies: what Express and Fastify have alike. Used by both integrations. Pure.

import type { HostClient } from '../bridge/host-view.ts';
import type { HandlerOptions } from '../embed/options.ts';

/** Whether the options say themselves whom to trust: then the framework is not asked. */
export function sayWhomToTrust({
  forwardedAllowIps,
  forwardedHops,
}: Pick<HandlerOptions, 'forwardedAllowIps' | 'forwardedHops'>): boolean {
  return forwardedAllowIps !== undefined || forwardedHops !== undefined;
}

/** What both frameworks call what they know. They are getters: it must be asked of the request itself. */
export interface SeenRequest {
  readonly ip?: string | undefined;
  readonly protocol?: string | undefined;
  readonly host?: string | null | undefined;
}

/** The client of a request. */
export function clientOf({ ip = '', protocol, host }: SeenRequest): HostClient {
  return { remoteAddress: ip, scheme: protocol === 'https' ? 'https' : 'http', host: host ?? null };
}
