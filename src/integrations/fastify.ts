// A WSGI app in a Fastify 5 app, as a plugin: `app.register(wsgi, { target: 'shop:app', prefix: '/shop' })`. Fastify's hooks
// run as for any route; the body is left alone for the app, and the answer goes past Fastify, as it is.
// Runs on the event loop of the program's main thread.

import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HostView } from '../bridge/host-view.ts';
import { createHostedHandler } from '../embed/create-handler.ts';
import type { HostLogger } from '../embed/host-logger.ts';
import type { HandlerOptions } from '../embed/options.ts';
import type { AppTarget } from '../embed/target.ts';
import { clientOf, sayWhomToTrust } from './seen-client.ts';

/** Options of {@link wsgi}: those of createHandler, but for `logLevel`, which every plugin of Fastify has in Fastify's words. */
export type FastifyWsgiOptions = Omit<HandlerOptions, 'logLevel'> & {
  /** `'app:app'`, or `{ module, callable, chdir, python }`. */
  readonly target: AppTarget;
  /** Path of the app, which is its `SCRIPT_NAME`. */
  readonly prefix?: string;
};

/**
 * Serves a WSGI app below `prefix`, every method. The plugin is loaded when the app is: `app.listen()` and `app.ready()`
 * reject with the {@link WsgiTsError} of one that can't be. `app.close()` waits for its requests. With `fallthrough`,
 * Fastify's own 404 takes the place of the app's.
 *
 * Its errors go to `request.log`, unless there is an option `logger`; where Fastify has no logger, to standard error.
 * Where Fastify trusts a proxy (`trustProxy`), the app sees the client as Fastify does; options that say whom to trust
 * (`forwardedAllowIps`, `forwardedHops`) take the place of that.
 *
 * @throws WsgiTsError as createHandler does
 */
export async function wsgi(app: FastifyInstance, options: FastifyWsgiOptions): Promise<void> {
  const { target, ...given } = withoutFastifys(options);
  const { logger } = given;
  const ownTrust = sayWhomToTrust(given);
  /** Fastify's requests by Node's. */
  const requests = new WeakMap<object, FastifyRequest>();
  const mounted: HostView = { segments: segmentsOf(app.prefix) };
  const own = logger ?? loggerOf(app);
  const handler = createHostedHandler(
    target,
    own === undefined ? given : { ...given, logger: own },
    {
      hostView: (raw) => {
        const request = requests.get(raw);
        if (request === undefined) return null;
        // Only where Fastify trusts proxies.
        const trusting = !ownTrust && request.ips !== undefined;
        return trusting ? { ...mounted, client: clientOf(request) } : mounted;
      },
      ...(logger === undefined && own !== undefined
        ? { hostLogger: (raw: object) => requests.get(raw)?.log ?? null }
        : {}),
    },
  );

  const serve = (request: FastifyRequest, reply: FastifyReply): void => {
    requests.set(request.raw, request);
    if (given.fallthrough !== true) {
      reply.hijack();
      handler(request.raw, reply.raw);
      return;
    }
    handler(request.raw, reply.raw, (error) => {
      if (error === undefined) reply.callNotFound();
      else reply.send(error);
    });
  };

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _body, done) => {
    done(null);
  });
  for (const method of METHODS) {
    const known = method === 'CONNECT' || app.supportedMethods.includes(method);
    if (!known) app.addHttpMethod(method, { hasBody: true });
  }
  const paths = app.prefix === '' ? ['/*'] : ['', '/*'];
  for (const url of paths) app.route({ method: app.supportedMethods, url, handler: serve });
  app.addHook('onClose', () => handler.close());
  await handler.ready;
}

/** Fastify hands a plugin what it has read itself, too. */
function withoutFastifys(options: FastifyWsgiOptions): FastifyWsgiOptions {
  const own = new Set(['prefix', 'logLevel', 'logSerializers']);
  const entries = Object.entries(options).filter(([key]) => !own.has(key));
  return Object.fromEntries(entries) as FastifyWsgiOptions;
}

/** Where Fastify has no logger, all functions of `log` are one that does nothing. */
function loggerOf({ log }: FastifyInstance): HostLogger | undefined {
  return (log.error as unknown) === log.info ? undefined : log;
}

/** What of a target belongs to the prefix: as many segments as it has, since one may be a parameter. */
function segmentsOf(prefix: string): number {
  return prefix.split('/').filter((segment) => segment !== '').length;
}
