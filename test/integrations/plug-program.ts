// A Node program with a WSGI app in it, run by same-answers.test.ts as a process of its own for each app. Its arguments:
// which framework, and the app as JSON. It says where it listens, and ends in order at SIGTERM.

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import connect from 'connect';
import express from 'express';
import Fastify from 'fastify';
import { createHandler, type AppTarget, type HandlerOptions } from '../../src/index.ts';
import { wsgi as forExpress } from '../../src/integrations/express.ts';
import { wsgi as forFastify } from '../../src/integrations/fastify.ts';

const [framework = '', json = ''] = process.argv.slice(2);
const { target, options } = JSON.parse(json) as {
  target: AppTarget;
  options: Omit<HandlerOptions, 'logLevel'>;
};

async function listen(listener: RequestListener, close: () => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.once('SIGTERM', () => {
    server.close().closeAllConnections();
    void close();
  });
  say(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
}

function say(url: string): void {
  process.stdout.write(`Listening at: ${url}\n`);
}

switch (framework) {
  case 'http': {
    const handler = createHandler(target, options);
    await listen(handler, () => handler.close());
    break;
  }
  case 'express': {
    const handler = forExpress(target, options);
    await listen(express().use(handler), () => handler.close());
    break;
  }
  case 'connect': {
    const handler = createHandler(target, options);
    await listen(connect().use(handler), () => handler.close());
    break;
  }
  case 'fastify': {
    const app = Fastify();
    await app.register(forFastify, { target, ...options });
    process.once('SIGTERM', () => void app.close());
    say(await app.listen({ port: 0, host: '127.0.0.1' }));
    break;
  }
  default:
    throw new Error(`No framework ${framework}`);
}
