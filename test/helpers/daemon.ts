// A daemon that listens for datagrams or lines, as syslog and statsd do: real sockets. The unix datagram ones are
// Python's, since Node has none.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A running daemon. */
export interface Daemon extends AsyncDisposable {
  /** 0 where it has a path. */
  readonly port: number;
  readonly received: readonly string[];
  /** Waits until something that came matches. */
  waitFor(pattern: RegExp): Promise<string>;
  close(): Promise<void>;
}

const patience = 30_000;

/** What comes is looked at whenever there is more. */
class Inbox {
  readonly received: string[] = [];
  readonly #waiting = new Set<() => void>();

  add(text: string): void {
    this.received.push(text);
    for (const look of this.#waiting) look();
  }

  waitFor(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(
          new Error(`nothing like ${String(pattern)} came, but:\n${this.received.join('\n')}`),
        );
      }, patience);
      const look = (): void => {
        const found = this.received.find((text) => pattern.test(text));
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

function daemon(inbox: Inbox, port: number, close: () => Promise<void>): Daemon {
  return {
    port,
    received: inbox.received,
    waitFor: (pattern) => inbox.waitFor(pattern),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One on a UDP port of 127.0.0.1; each datagram is one text. */
export async function udpDaemon(port = 0): Promise<Daemon> {
  const inbox = new Inbox();
  const socket = createSocket('udp4');
  socket.on('message', (message) => {
    inbox.add(message.toString());
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  let closed: Promise<void> | undefined;
  return daemon(inbox, socket.address().port, () => {
    closed ??= new Promise((resolve) => socket.close(resolve));
    return closed;
  });
}

/** One on a TCP port of 127.0.0.1; each line is one text. */
export async function tcpDaemon(): Promise<Daemon> {
  const inbox = new Inbox();
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    let rest = '';
    socket.on('data', (data) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) inbox.add(line);
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return daemon(inbox, (server.address() as AddressInfo).port, async () => {
    for (const client of clients) client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
}

const unixProgram = `
import socket, sys, os
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    print(s.recv(65536).hex(), flush=True)
`;

/** One on a unix datagram socket at `path`; each datagram is one text. */
export async function unixDaemon(path: string): Promise<Daemon> {
  const inbox = new Inbox();
  const child: ChildProcess = spawn('python3', ['-c', unixProgram, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let rest = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout?.on('data', (data: Buffer) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ready') resolve();
        else inbox.add(Buffer.from(line, 'hex').toString());
      }
    });
  });
  await ready;
  return daemon(inbox, 0, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}
