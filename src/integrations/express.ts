// A WSGI app in an Express 5 app: createHandler, with what Express knows of its requests. `app.use('/shop', wsgi('shop:app'))`.
// Express is asked through the request alone, so nothing of it is imported. Connect knows nothing of the kind, and takes
// createHandler as it is. Runs on the event loop of the program's main thread.

import type { HostView } from '../bridge/host-view.ts';
import type { ServerRequest } from '../bridge/transaction.ts';
import { createHostedHandler, type AppHandler } from '../embed/create-handler.ts';
import type { HandlerOptions } from '../embed/options.ts';
import type { AppTarget } from '../embed/target.ts';
import { clientOf, sayWhomToTrust, type SeenRequest } from './seen-client.ts';

/** What Express adds to a request. */
interface ExpressRequest extends SeenRequest {
  readonly app?: { get(setting: string): unknown };
}

/**
 * A WSGI app as a middleware of Express. Its mount path is the app's `SCRIPT_NAME`; an app that could not be loaded goes
 * to Express' error handling.
 *
 * Where Express trusts a proxy (`app.set('trust proxy', …)`), the app sees the client as Express does: `REMOTE_ADDR` is
 * `req.ip`, `wsgi.url_scheme` is `req.protocol`, `HTTP_HOST` is `req.host`. Options that say whom to trust
 * (`forwardedAllowIps`, `forwardedHops`) take the place of that.
 *
 * @param target - `'app:app'`, or `{ module, callable, chdir, python }`
 * @param options - as createHandler takes them
 * @throws WsgiTsError as createHandler does
 */
export function wsgi(target: AppTarget, options: HandlerOptions = {}): AppHandler {
  return createHostedHandler(target, options, sayWhomToTrust(options) ? {} : { hostView });
}

/** The client as Express sees it; null where no proxy is trusted to say anything. */
function hostView(request: ServerRequest): HostView | null {
  const asked = request as ExpressRequest;
  const trusts = asked.app?.get('trust proxy fn') as
    ((peer: string, hop: number) => boolean) | null;
  if (typeof trusts !== 'function' || !trusts(request.socket.remoteAddress ?? '', 0)) return null;
  return { client: clientOf(asked) };
}
