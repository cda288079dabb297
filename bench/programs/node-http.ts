// The platform's limit: node:http with no Python behind it. `/` answers what fixtures/apps/does_nothing.py does, `/file`
// streams the file that BENCH_FILE names. Argument: the port.

import { createReadStream, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';

const file = process.env['BENCH_FILE'];
const length = file === undefined ? 0 : statSync(file).size;

function sendFile(response: ServerResponse, path: string): void {
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': length,
  });
  createReadStream(path).pipe(response);
}

createServer((request, response) => {
  if (request.url === '/file' && file !== undefined) {
    sendFile(response, file);
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '14' });
  response.end('Hello, World!\n');
}).listen(Number(process.argv[2]), '127.0.0.1', 2048);
