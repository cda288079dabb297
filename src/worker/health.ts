// What load balancers and orchestrators are told of the server's health (--health-path): by the worker itself,
// without Python, so that it is answered while every thread is inside a view. protocols.ts puts it in front of the
// handler; runs on the event loop's thread. No access line: such requests come every few seconds.

import type { ServerReply, ServerRequest } from '../bridge/transaction.ts';

/** What takes a request, whatever its HTTP version. */
export type Serve = (request: ServerRequest, response: ServerReply) => void;

/** The health that is told. */
export interface Health {
  healthy: boolean;
}

/** Answers GET and HEAD of `path`: 200 or 503 as `health` is at that moment. All else goes to `serve`. */
export function withHealth(serve: Serve, path: string, health: Health): Serve {
  return (request, response) => {
    const { method, url = '' } = request;
    const isAsked = url === path || url.startsWith(`${path}?`);
    if (!isAsked || (method !== 'GET' && method !== 'HEAD')) {
      serve(request, response);
      return;
    }
    const text = health.healthy ? 'ok\n' : 'unavailable\n';
    const fields = {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': text.length,
      'cache-control': 'no-store',
    };
    // The two versions' responses have the same methods, but no common type.
    const reply = response as { writeHead(status: number, fields: object): unknown };
    reply.writeHead(health.healthy ? 200 : 503, fields);
    response.end(method === 'HEAD' ? '' : text);
  };
}
