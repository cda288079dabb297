// A custom server of Next's with a WSGI app in it, run by same-answers-mounted.test.ts as a process of its own for each app.
// Its arguments: Next's folder, and the app's options as JSON. It says where it listens.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { wsgi, type NextWsgiOptions } from '../../src/integrations/next.ts';

/** What is used of Next; its own types would change `process.env` for every file of this program. */
type Next = (options: { dev: boolean; dir: string }) => {
  prepare(): Promise<void>;
  getRequestHandler(): NextWsgiOptions['next'];
};

const [dir = '', json = ''] = process.argv.slice(2);
const options = JSON.parse(json) as Omit<NextWsgiOptions, 'next' | 'logLevel'>;
const next = createRequire(import.meta.url)('next') as Next;
const site = next({ dev: true, dir });
await site.prepare();
const listener = wsgi({ ...options, next: site.getRequestHandler() });
const server = createServer(listener).listen(0, '127.0.0.1');
await once(server, 'listening');
process.once('SIGTERM', () => {
  void listener.close().then(() => process.exit(0));
});
process.stdout.write(
  `Listening at: http://127.0.0.1:${String((server.address() as AddressInfo).port)}\n`,
);
