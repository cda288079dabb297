// A WSGI app beside one of Vite's servers: its process behind a unix socket, the requests that go there, and what Vite's
// terminal and page are told of it. Made by vite.ts for each server of Vite's, in its process. It must never end that
// process, nor hold it up: what goes wrong is told, and the next change of a file tries again.

import type { IncomingMessage } from 'node:http';
import { relative } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Connect, ErrorPayload, HotPayload, Logger, PreviewServer, ViteDevServer } from 'vite';
import { WsgiTsError } from '../errors.ts';
import { errorPage, type ErrorPage } from '../http/error-page.ts';
import { describeChange } from '../development/watched-files.ts';
import { makeFailurePage, type FailurePage } from '../development/failure-page.ts';
import { DevelopedApp, type Developed } from './developed-app.ts';
import { forward, withoutUpgrade, type Received, type Reply, type Route } from './forward.ts';
import type { Prefixes } from './prefixes.ts';
import { overlayOf } from './python-overlay.ts';
import { makeSocketFolder } from './socket-folder.ts';

/** What is served, and how. */
export interface Plan {
  /** For people: `app:app`. */
  readonly name: string;
  readonly prefixes: Prefixes;
  /** Whether the prefix is `SCRIPT_NAME`. */
  readonly mount: boolean;
  /** The app's own folder, absolute. */
  readonly folder: string;
  /** Starts its server behind this socket. */
  start(socketPath: string, signal: AbortSignal): Promise<Developed>;
}

/** The app, and what is known of it. */
export class AppBesideVite {
  readonly #plan: Plan;
  readonly #logger: Logger;
  readonly #send: (payload: HotPayload) => void;
  readonly #sockets = makeSocketFolder();
  readonly #app: DevelopedApp;
  #page: FailurePage | null = null;
  #overlay: ErrorPayload | null = null;

  /**
   * Starts the app's process, and puts the app into Vite's middlewares.
   *
   * @param send - sends something to the pages that are open
   */
  constructor(
    plan: Plan,
    host: ViteDevServer | PreviewServer,
    send: (payload: HotPayload) => void,
  ) {
    this.#plan = plan;
    this.#logger = host.config.logger;
    this.#send = send;
    this.#app = new DevelopedApp((signal) => plan.start(this.#sockets.socket, signal), {
      served: (changed, mended) => {
        this.#served(changed, mended);
      },
      failed: (error) => {
        this.#failed(error);
      },
      lost: () => {
        this.#say('error', `the server of ${plan.name} has ended; the next change starts it again`);
      },
    });
    host.middlewares.use(this.#middleware);
    host.httpServer?.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      // Vite's own websockets, and those of others, are left to whoever listens for them.
      if (this.#routeOf(request) === null || isVites(request)) return;
      const reply = withoutUpgrade(request, socket);
      // All of Vite's middlewares: one of them says which hosts are allowed.
      if (reply !== null) host.middlewares(request, reply);
    });
    this.#announce(host);
  }

  /** Why the app can't be loaded, for a page that has just been opened; null: it can. */
  get overlay(): ErrorPayload | null {
    return this.#overlay;
  }

  /** Says that a file of the app's has changed. */
  change(file: string): void {
    this.#app.change(file);
  }

  /** Ends the app's process. Resolves when it is gone. */
  async close(): Promise<void> {
    await this.#app.close();
    this.#sockets.remove();
  }

  #served(changed: readonly string[], mended: boolean): void {
    this.#page = null;
    this.#overlay = null;
    if (changed.length > 0) {
      const names = changed.map((file) => relative(this.#plan.folder, file));
      this.#say('info', `${this.#plan.name} reloaded: ${describeChange(names)}`);
    }
    if (changed.length > 0 || mended) this.#send({ type: 'full-reload', path: '*' });
  }

  #failed(error: unknown): void {
    const { name, folder } = this.#plan;
    const known =
      error instanceof WsgiTsError
        ? error
        : new WsgiTsError('ERR_WSGI_FAULT', 'server', String(error), { cause: error });
    this.#page = makeFailurePage(known, [folder]);
    this.#overlay = { type: 'error', err: overlayOf(known, folder) };
    // The server has written it to its standard error, with the traceback and what to do.
    this.#say('error', `${name} can't be served as it is: ${known.message}`);
    this.#send(this.#overlay);
  }

  readonly #middleware: Connect.NextHandleFunction = (request, response, next) => {
    const route = this.#routeOf(request);
    if (route === null) next();
    else void this.#pass(request, response, route);
  };

  async #pass(received: Received, reply: Reply, route: Omit<Route, 'onFailure'>): Promise<void> {
    const accept = received.headers.accept ?? '';
    try {
      await this.#app.available();
    } catch {
      const page = this.#page?.choose(accept, null);
      write(
        reply,
        page ?? errorPage(502, `The server of ${this.#plan.name} has ended.`, accept, null),
      );
      return;
    }
    forward(received, reply, {
      ...route,
      onFailure: ({ message }) => {
        this.#say('error', `${this.#plan.name} did not answer: ${message}`);
        write(reply, errorPage(502, 'The app did not answer.', accept, null));
      },
    });
  }

  #routeOf(request: Received): Omit<Route, 'onFailure'> | null {
    // Vite's middlewares may be part of another server, which may have taken something off.
    const { originalUrl, url }: { originalUrl?: string; url?: string | undefined } = request;
    const target = originalUrl ?? url ?? '';
    const prefix = this.#plan.prefixes.of(target);
    if (prefix === null) return null;
    return { target, mount: this.#plan.mount ? prefix : '', socketPath: this.#sockets.socket };
  }

  /** Says which paths are the app's, below Vite's own list of addresses. */
  #announce(host: ViteDevServer | PreviewServer): void {
    const print = host.printUrls.bind(host);
    host.printUrls = () => {
      print();
      const { prefixes, name } = this.#plan;
      this.#logger.info(`  ➜  wsgi-ts: ${prefixes.list.join(', ')} → ${name}`);
    };
  }

  #say(level: 'info' | 'error', text: string): void {
    this.#logger[level](`[wsgi-ts] ${text}`, { timestamp: true });
  }
}

/** Whether it is the connection by which Vite's pages hear of changes (whatever path `server.hmr.path` says). */
function isVites({ headers }: IncomingMessage): boolean {
  return /^vite-(?:hmr|ping)$/.test(headers['sec-websocket-protocol'] ?? '');
}

function write(reply: Reply, { fields, body }: ErrorPage): void {
  const [line = '', ...rest] = fields;
  reply.statusCode = Number.parseInt(line, 10);
  for (let index = 0; index + 1 < rest.length; index += 2)
    reply.setHeader(rest[index] ?? '', rest[index + 1] ?? '');
  reply.end(body);
}
