// The platform's limit: node:http with no Python behind it, answering what fixtures/apps/does_nothing.py does.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '14' });
  response.end('Hello, World!\n');
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`Listening at: http://127.0.0.1:${String(port)}\n`);
});
