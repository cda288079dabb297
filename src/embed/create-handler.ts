// A WSGI app inside somebody's Node program: a request listener that is there at once, while the app is loaded behind it.
// Called by the program, or by src/integrations/ for it; runs on the event loop of the main thread. It must never
// change what is the program's: its directory, its signals, its servers.

import { isMainThread } from 'node:worker_threads';
import type { WsgiHandler } from '../bridge/handler-options.ts';
import { loadHandler } from '../bridge/handler.ts';
import { whenOver, type ServerReply, type ServerRequest } from '../bridge/transaction.ts';
import { inWords, WsgiTsError } from '../errors.ts';
import { inject, type InjectRequest, type InjectResponse } from './inject.ts';
import { plan, type HandlerOptions, type HostOptions, type Plan } from './options.ts';
import type { AppTarget } from './target.ts';
import { answerUnavailable } from './unavailable.ts';

/** What an app is doing. */
export interface HandlerStats {
  /** `failed`: it could not be loaded. */
  readonly state: 'loading' | 'ready' | 'failed' | 'closed';
  /** Python threads that the app has. */
  readonly threads: number;
  /** Requests that Python has and did not answer yet. */
  readonly outstanding: number;
  /** Of all requests here those that wait: for a thread, or for the app to be loaded. */
  readonly waiting: number;
  /** Requests that Python has answered. */
  readonly served: number;
}

/**
 * A WSGI app as a request listener: for `node:http` and `node:https`, Express, Connect, Vite's middlewares, supertest.
 * Requests that come before the app is loaded wait for it. Where it could not be loaded, `next` gets the error, or the
 * request is answered 503 where there is no `next`; after `close` all are.
 */
export interface AppHandler {
  (request: ServerRequest, response: ServerReply, next?: (error?: unknown) => void): void;
  /**
   * Resolves when the app is loaded. Rejects with the {@link WsgiTsError} where it can't be, with `error.python` where
   * Python raised; who doesn't look at it loses nothing: the error is in the log, too.
   */
  readonly ready: Promise<void>;
  /**
   * Takes no more requests, waits until those that are here are answered, and ends the app's threads. A second call
   * waits for the same end.
   *
   * @param seconds - how long to wait. Default, also for what is no number from 0 on, such as the name that
   * `process.once('SIGTERM', handler.close)` gives: the setting `gracefulTimeout` (30)
   */
  close(seconds?: number): Promise<void>;
  /**
   * Sends the app a request without a socket, and reads its whole answer.
   *
   * @param request - a path or URL, or what is to be sent
   * @throws WsgiTsError where the app could not be loaded; `ERR_WSGI_CLOSED` after `close`; `ERR_WSGI_CUT_OFF` where the
   * answer broke off; `ERR_WSGI_INJECTION` for a request that can't be sent
   */
  inject(request: InjectRequest | string): Promise<InjectResponse>;
  /** How busy the app is. */
  stats(): HandlerStats;
}

/** A request that came before the app was there. */
interface EarlyRequest {
  readonly request: ServerRequest;
  readonly response: ServerReply;
  readonly next: ((error?: unknown) => void) | undefined;
}

const STOPPING = 'The server is stopping.';
/** Seconds: a longer one Node calls at once. */
const LONGEST_TIMER = 2_147_483;
const NOT_LOADED = 'The app could not be loaded. The error log says why.';

/** One app, from its loading to its end. */
class EmbeddedApp {
  readonly ready: Promise<void>;
  readonly #plan: Plan;
  readonly #abort = new AbortController();
  #handler: WsgiHandler | null = null;
  #failure: WsgiTsError | null = null;
  #closing: Promise<void> | null = null;
  #waiting: EarlyRequest[] = [];
  /** Requests that are neither answered nor given back. */
  #under = 0;
  #onNone: (() => void) | null = null;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.ready = this.#load();
    // Who wants to know looks at it; it is in the log in any case.
    this.ready.catch(() => undefined);
  }

  handle(waiting: EarlyRequest): void {
    const { request, response, next } = waiting;
    if (this.#closing !== null) answerUnavailable(request, response, STOPPING, this.#plan.load);
    else if (this.#handler !== null) this.#serve(this.#handler, waiting);
    else if (this.#failure === null) this.#waiting.push(waiting);
    else if (next !== undefined) next(this.#failure);
    else answerUnavailable(request, response, NOT_LOADED, this.#plan.load);
  }

  async inject(request: InjectRequest | string): Promise<InjectResponse> {
    if (this.#closing !== null) throw closed();
    await this.ready;
    return inject((injected, response) => {
      this.handle({ request: injected, response, next: undefined });
    }, request);
  }

  stats(): HandlerStats {
    const { threads } = this.#plan.settings;
    const outstanding = this.#handler?.load.outstanding ?? 0;
    return {
      state: this.#state(),
      threads,
      outstanding,
      waiting: this.#waiting.length + Math.max(0, outstanding - threads),
      served: this.#handler?.served ?? 0,
    };
  }

  close(seconds?: unknown): Promise<void> {
    this.#closing ??= this.#close(patience(seconds) ?? this.#plan.settings.gracefulTimeout);
    return this.#closing;
  }

  #state(): HandlerStats['state'] {
    if (this.#closing !== null) return 'closed';
    if (this.#failure !== null) return 'failed';
    return this.#handler === null ? 'loading' : 'ready';
  }

  async #load(): Promise<void> {
    const { app, load, logger } = this.#plan;
    try {
      this.#handler = await loadHandler(app, { ...load, signal: this.#abort.signal });
    } catch (error) {
      if (this.#closing !== null) throw closed();
      // First of all: whatever the host's code does from here on, requests have their answer.
      this.#failure = loadingFailed(error);
      logger.error(inWords(error));
      logger.close(); // there will be nothing more to say
      throw this.#failure;
    } finally {
      for (const waiting of this.#waiting.splice(0)) this.#handleAlone(waiting);
    }
    if (this.#closing !== null) throw closed();
  }

  /** What one request's `next` throws is the host's, and none of the others' or of the app's. */
  #handleAlone(waiting: EarlyRequest): void {
    try {
      this.handle(waiting);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #serve(handler: WsgiHandler, { request, response, next }: EarlyRequest): void {
    let here = true;
    const over = (): void => {
      if (!here) return;
      here = false;
      if (--this.#under === 0) this.#onNone?.();
    };
    this.#under += 1;
    whenOver(response, over);
    if (next === undefined || this.#plan.load.fallthrough !== true) handler(request, response);
    else {
      handler(request, response, () => {
        over();
        next();
      });
    }
  }

  async #close(seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1000;
    this.#abort.abort();
    await this.ready.catch(() => undefined);
    const left = (): number => Math.max(0, (end - performance.now()) / 1000);
    await this.#answered(left());
    await this.#handler?.close(left());
    this.#plan.closeLogs();
  }

  /** Resolves when no request is here any more, or after so many seconds. */
  #answered(seconds: number): Promise<void> {
    if (this.#under === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#onNone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/**
 * A WSGI app as a request listener. It is there at once; the app is loaded behind it, as soon as the caller's own code
 * has run, on the main thread: while Python imports, the event loop stands still.
 *
 * @param target - `'app:app'`, or `{ module, callable, chdir, python }`
 * @param options - settings by their camelCase keys (`threads`, `timeout`, …), `logger`, `accessLog`, `fallthrough`
 * @throws WsgiTsError (operator) for a call that is wrong: `ERR_WSGI_TARGET_FORM`, `ERR_WSGI_NO_APP`, `ERR_WSGI_OPTION`,
 * `ERR_WSGI_SETTINGS`, `ERR_WSGI_LOG_FILE`; `ERR_WSGI_WORKER_THREAD` in a `worker_thread`. Whether the app can be
 * loaded is told by `ready`.
 */
export function createHandler(target: AppTarget, options: HandlerOptions = {}): AppHandler {
  return createHostedHandler(target, options, {});
}

/** {@link createHandler} for a framework that knows more of its requests. */
export function createHostedHandler(
  target: AppTarget,
  options: HandlerOptions,
  host: HostOptions,
): AppHandler {
  if (!isMainThread) throw inWorkerThread();
  const app = new EmbeddedApp(plan(target, options, host));
  const handler: (...all: Parameters<AppHandler>) => void = (request, response, next) => {
    app.handle({ request, response, next });
  };
  return Object.defineProperties(handler, {
    ready: { value: app.ready },
    close: { value: (seconds?: number) => app.close(seconds) },
    inject: { value: (request: InjectRequest | string) => app.inject(request) },
    stats: { value: () => app.stats() },
  }) as AppHandler;
}

/** Seconds that were given; null for what is none, such as the name of the signal that calls `close`. */
function patience(seconds: unknown): number | null {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0) return null;
  return Math.min(seconds, LONGEST_TIMER);
}

/** The error that requests get: its status is what they are answered by where the host does that. */
function loadingFailed(error: unknown): WsgiTsError {
  const status = 503;
  if (error instanceof WsgiTsError) {
    const { code, blame, message, cause } = error;
    return new WsgiTsError(code, blame, message, { ...error, cause, status });
  }
  return new WsgiTsError('ERR_WSGI_FAULT', 'server', String(error), { cause: error, status });
}

function closed(): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_CLOSED', 'operator', 'The app has been closed.');
}

function inWorkerThread(): WsgiTsError {
  const message = "An app can't be loaded in a worker thread: Python belongs to the main thread.";
  return new WsgiTsError('ERR_WSGI_WORKER_THREAD', 'operator', message, {
    remedy:
      'Call createHandler in the main thread, or start a server of its own with serve(). A test runner that runs files ' +
      "in threads can run them in processes (Vitest: pool: 'forks').",
  });
}
