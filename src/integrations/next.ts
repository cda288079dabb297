// The plug for Next.js: a custom server's listener that sends chosen prefixes to a WSGI app in the same process and all
// else to Next, a route of the Pages Router that does so for what is below it, and what next.config needs for both. Runs on
// the event loop of Next's server. It must never read a body that it passes on.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHandler, type AppHandler } from '../embed/create-handler.ts';
import type { HandlerOptions } from '../embed/options.ts';
import type { AppTarget } from '../embed/target.ts';
import { Prefixes } from './prefixes.ts';

/** What {@link wsgi} takes: which app, which paths, who answers the rest, and the options of `createHandler`. */
export interface NextWsgiOptions extends Omit<HandlerOptions, 'fallthrough'> {
  /** The app: `'module:callable'`, or its parts. */
  readonly target: AppTarget;
  /** The paths that it gets, each with all that is below it: `['/api', '/admin']`. */
  readonly prefixes: readonly string[];
  /**
   * Whether the prefix is `SCRIPT_NAME`, and no part of the path that the app sees: for an app whose routes know nothing
   * of it. Default: false, the app sees the whole path.
   */
  readonly mount?: boolean;
  /** `app.getRequestHandler()` of Next's. */
  readonly next: (request: IncomingMessage, response: ServerResponse) => unknown;
}

/** A listener for `createServer`. */
export interface NextListener extends Pick<AppHandler, 'ready' | 'close' | 'inject' | 'stats'> {
  (request: IncomingMessage, response: ServerResponse): void;
}

/** What the route's app is known by. It must outlive the module, which Next loads anew while it is worked on. */
const routes = Symbol.for('wsgi-ts.next.routes');

/** What must stay what it is on the server: a native addon, and a package that finds files beside itself. */
const external = ['wsgi-ts', 'pymport'];

/** What of Next's configuration is looked at. (The types of `next` would change `process.env` for the whole program.) */
type NextConfig = object & { serverExternalPackages?: string[] | undefined };
type ConfigFunction = (...all: never[]) => NextConfig | Promise<NextConfig>;

/**
 * Sends chosen prefixes to a WSGI app in this process, and everything else to Next. Requests that come before the app is
 * loaded wait for it.
 *
 * @throws WsgiTsError `ERR_WSGI_PREFIX` (operator) for a prefix that is none, and what `createHandler` throws
 */
export function wsgi(options: NextWsgiOptions): NextListener {
  const { target, prefixes: given, mount = false, next, ...settings } = options;
  const prefixes = new Prefixes(given);
  const app = createHandler(target, settings);
  const listener = (request: MountedRequest, response: ServerResponse): void => {
    const url = request.url ?? '';
    const prefix = prefixes.of(url);
    if (prefix === null) {
      next(request, response);
      return;
    }
    if (mount) {
      // As Connect and Express tell a listener what they have taken off.
      request.originalUrl = url;
      const rest = url.slice(prefix.length);
      request.url = rest.startsWith('/') ? rest : `/${rest}`;
    }
    app(request, response);
  };
  return Object.assign(listener, {
    ready: app.ready,
    close: (seconds?: number) => app.close(seconds),
    inject: (request: Parameters<AppHandler['inject']>[0]) => app.inject(request),
    stats: () => app.stats(),
  });
}

interface MountedRequest extends IncomingMessage {
  originalUrl?: string;
}

/**
 * A WSGI app as a route of the Pages Router, for `pages/api/[[...path]].js`, where there is no custom server. The app is
 * loaded at its first request, once in the process, and sees the whole path. The file must also say
 * `export const config = { api: { bodyParser: false, externalResolver: true } }`.
 *
 * @returns what the file exports as its default
 */
export function wsgiRoute(
  target: AppTarget,
  options: HandlerOptions = {},
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const key = JSON.stringify([target, options]);
  return (request, response) =>
    new Promise((resolve) => {
      response.once('close', resolve);
      const apps = knownApps();
      let app = apps.get(key);
      if (app === undefined) apps.set(key, (app = createHandler(target, options)));
      app(request, response);
    });
}

function knownApps(): Map<string, AppHandler> {
  const holder = globalThis as unknown as Record<symbol, Map<string, AppHandler> | undefined>;
  return (holder[routes] ??= new Map<string, AppHandler>());
}

/**
 * Next's configuration with what a WSGI app in its process needs: `serverExternalPackages`, so that neither `wsgi-ts` nor
 * its native addon is bundled.
 *
 * @param config - an object, or a function as Next takes one
 */
export function withWsgi<Config extends NextConfig | ConfigFunction>(config?: Config): Config;
export function withWsgi(config: NextConfig | ConfigFunction = {}): NextConfig | ConfigFunction {
  if (typeof config !== 'function') return withPackages(config);
  return async (...all) => withPackages(await config(...all));
}

function withPackages(config: NextConfig): NextConfig {
  const packages = new Set([...(config.serverExternalPackages ?? []), ...external]);
  return { ...config, serverExternalPackages: [...packages] };
}
