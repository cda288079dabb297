// Clients whose every request has a name of its own: what became of each can be looked up in the access log.

import { connect } from 'node:net';

/** Keep-alive clients that ask, one request after the other, until they are stopped. */
export class NamedRequests {
  /** Names of the requests that were answered by 200, and of those whose connection broke first. */
  readonly answered: string[] = [];
  readonly failed: string[] = [];
  /** Connections that could not be made. */
  refused = 0;
  #next = 1;
  #stopped = false;
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** Ends every client behind its request. */
  stop(): void {
    this.#stopped = true;
  }

  /** One client: connects anew whenever its connection has broken. */
  async run(): Promise<void> {
    while (!this.#stopped) await this.#connection();
  }

  #connection(): Promise<void> {
    return new Promise((resolve) => {
      let name = '';
      let text = '';
      const socket = connect(this.#port, '127.0.0.1');
      const ask = (): void => {
        if (this.#stopped) {
          socket.end();
          return;
        }
        name = String(this.#next++);
        text = '';
        socket.write(`GET /?${name} HTTP/1.1\r\nHost: x\r\n\r\n`);
      };
      socket.setNoDelay(true).setEncoding('latin1');
      socket.on('connect', ask).on('data', (data: string) => {
        text += data;
        const [head, length] = /^[^]*?content-length: (\d+)[^]*?\r\n\r\n/i.exec(text) ?? [];
        if (head === undefined || text.length < head.length + Number(length)) return;
        this.answered.push(name);
        name = '';
        if (/^connection: close/im.test(head)) socket.end();
        else ask();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.syscall === 'connect') this.refused++;
      });
      socket.on('close', () => {
        if (name !== '') this.failed.push(name);
        resolve();
      });
    });
  }
}
