// The plugin for Vite: while `vite` (or `vite preview`) runs, chosen prefixes go to a WSGI app, which is loaded anew, and the
// page with it, when a file of its own changes. The app has a process of its own behind a unix socket, since an
// interpreter can't start anew inside a process. Runs in Vite's process; what `vite build` makes has nothing of it.

import { resolve } from 'node:path';
import type { DevEnvironment, HotPayload, Plugin, PreviewServer } from 'vite';
import { serve, type ServeOptions } from '../embed/serve.ts';
import type { AppTarget } from '../embed/target.ts';
import { AppBesideVite, type Plan } from './app-beside-vite.ts';
import { Prefixes } from './prefixes.ts';
import { AppFiles } from './vite-files.ts';

/** What {@link wsgi} takes: which app, which paths, and the settings of `serve()` that make sense here. */
export interface ViteWsgiOptions extends Omit<ServeOptions, NotHere> {
  /** The app: `'module:callable'`, or its parts. */
  readonly target: AppTarget;
  /** The paths that it gets, each with all that is below it: `['/api', '/admin']`. */
  readonly prefixes: readonly string[];
  /**
   * Whether the prefix is `SCRIPT_NAME`, and no part of the path that the app sees: for an app whose routes know nothing
   * of it. Default: false, the app sees the whole path.
   */
  readonly mount?: boolean;
  /**
   * Further files that the app is loaded anew for: paths from the current directory, or patterns of Python's `glob`. Code,
   * templates and configuration in the app's folder count without being named.
   */
  readonly watch?: readonly string[];
}

/** Where it listens is the plugin's affair, and so is who watches. */
type NotHere =
  | 'bind'
  | 'forwardedAllowIps'
  | 'forwardedFields'
  | 'forwardedHops'
  | 'reload'
  | 'reloadEngine'
  | 'reloadExtraFile'
  | 'signal';

/** One worker; quick to follow a change, whatever streams go on, and never stuck in an app that hangs at its start. */
const forDevelopment = {
  workers: 1,
  threads: 4,
  logLevel: 'warning',
  gracefulTimeout: 1,
  bootTimeout: 30,
  timeout: 0,
} satisfies ServeOptions;

/** Of the two processes, Vite's sees the browser: the other believes it. */
const behindVite = {
  forwardedHops: 1,
  forwardedFields: ['for', 'proto'],
} satisfies ServeOptions;

/**
 * Serves a WSGI app beside the front end, in `vite` and `vite preview`.
 *
 * @throws WsgiTsError `ERR_WSGI_PREFIX` (operator) for a prefix that is none
 */
export function wsgi(options: ViteWsgiOptions): Plugin {
  const { target, prefixes, mount = false, watch = [], chdir, ...settings } = options;
  const { chdir: ofTarget, ...app } = typeof target === 'string' ? { module: target } : target;
  const folder = resolve(chdir ?? ofTarget ?? '');
  const files = new AppFiles([folder], watch);
  const plan: Plan = {
    name: app.callable === undefined ? app.module : `${app.module}:${app.callable}`,
    prefixes: new Prefixes(prefixes),
    mount,
    folder,
    start: (socketPath, signal) =>
      serve(app, {
        ...forDevelopment,
        ...settings,
        ...behindVite,
        chdir: folder,
        bind: `unix:${socketPath}`,
        signal,
      }),
  };
  // One plugin may be in several servers: when Vite restarts, the new one is there before the old one is closed.
  const inDevelopment = new WeakMap<DevEnvironment, AppBesideVite>();
  const previews = new Map<PreviewServer, AppBesideVite>();
  return {
    name: 'wsgi-ts',
    apply: 'serve',
    config: ({ server }) =>
      // With null nothing is watched, and whatever is set besides would change that.
      server?.watch === null ? null : { server: { watch: { ignored: [files.ignored] } } },
    configureServer(server) {
      const send = (payload: HotPayload): void => {
        // Else Vite keeps an error for the first page that comes, which may be long after it was mended.
        if (server.ws.clients.size > 0) server.ws.send(payload);
      };
      const app = new AppBesideVite(plan, server, send);
      inDevelopment.set(server.environments.client, app);
      server.environments.client.hot.on('vite:client:connect', (_data, client) => {
        if (app.overlay !== null) client.send(app.overlay);
      });
      server.watcher.add(files.outside(server.config.root));
      server.watcher.on('all', (_event, path) => {
        if (files.count(resolve(path), server.config.root)) app.change(resolve(path));
      });
    },
    async closeBundle() {
      if (this.environment.mode === 'dev') await inDevelopment.get(this.environment)?.close();
    },
    configurePreviewServer(server) {
      const app = new AppBesideVite(plan, server, () => undefined);
      previews.set(server, app);
      server.httpServer.once('close', () => void app.close());
    },
    async closePreviewServer() {
      const over = [...previews].filter(([server]) => !server.httpServer.listening);
      for (const [server] of over) previews.delete(server);
      await Promise.all(over.map(([, app]) => app.close()));
    },
  };
}
