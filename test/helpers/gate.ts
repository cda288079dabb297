// The test's end of fixtures/apps/gate.py: a fixture app says on it what it has come to and waits until the
// test lets it go on, so that a test of "at once" or "not before" waits for events and needs no clock.
// One gate serves one app at a time, or several whose lines need no telling apart.

import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { safetyNet } from './spawned-process.ts';

/** Where fixture apps report; made by {@link openGate}. */
export class Gate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #lines: { readonly text: string; readonly from: Socket }[] = [];
  readonly #waiting: (() => void)[] = [];
  #last: Socket | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {
        // The app's process was killed: what it said before is what counts.
      });
      socket.on('close', () => this.#sockets.delete(socket));
      createInterface({ input: socket }).on('line', (text) => {
        this.#lines.push({ text, from: socket });
        this.#waiting.shift()?.();
      });
    });
  }

  /** The query that tells an app where this gate is: `gate=40123`. */
  get query(): string {
    return `gate=${String((this.#server.address() as AddressInfo).port)}`;
  }

  /**
   * Waits for the next line that an app says.
   *
   * @throws Error when nothing is said within the safety net
   */
  async said(): Promise<string> {
    if (this.#lines.length === 0) {
      await new Promise<void>((resolve, reject) => {
        const net = setTimeout(() => {
          reject(new Error('No app said anything at the gate.'));
        }, safetyNet);
        this.#waiting.push(() => {
          clearTimeout(net);
          resolve();
        });
      });
    }
    const line = this.#lines.shift();
    if (line === undefined) throw new Error('Two waited at the gate for one line.');
    this.#last = line.from;
    return line.text;
  }

  /** What has been said already and not been read: to show that an app has not come that far. */
  get unread(): readonly string[] {
    return this.#lines.map((line) => line.text);
  }

  /** Lets the app go on whose line was read last. */
  letGo(): void {
    this.#last?.write('\n');
  }

  /** Hangs up on everybody; whoever waits goes on. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Opens a gate on a free port. `await using gate = await openGate()` closes it at the end of the block. */
export async function openGate(): Promise<Gate> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new Gate(server);
}
