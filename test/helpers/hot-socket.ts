// The websocket by which a page of Vite's hears of changes, as a browser opens it (RFC 6455). It only listens: of the
// protocol it knows as much as a server sends, small texts.

import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { HotPayload } from 'vite';
import { safetyNet } from './spawned-process.ts';

/** The kinds of payloads. */
type Kind = HotPayload['type'];

/** An open page's end. */
export class HotSocket {
  readonly #socket: Socket;
  readonly #payloads: HotPayload[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #look: (() => void) | null = null;

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#take(bytes);
    });
    socket.on('error', () => {
      // The server is gone: whoever waits for something will say so.
    });
    this.#take(head);
  }

  /** Opens one at a development server. */
  static open(url: string): Promise<HotSocket> {
    return new Promise((resolve, reject) => {
      request(url, {
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Protocol': 'vite-hmr',
        },
      })
        .on('upgrade', (_response, socket, head) => {
          resolve(new HotSocket(socket, head));
        })
        .on('error', reject)
        .end();
    });
  }

  /** Waits for the next payload of a kind; those before it are passed over. */
  next<One extends Kind>(kind: One): Promise<Extract<HotPayload, { type: One }>> {
    return new Promise((resolve, reject) => {
      const net = setTimeout(() => {
        reject(new Error(`No ${kind} came from Vite.`));
      }, safetyNet);
      this.#look = () => {
        for (;;) {
          const payload = this.#payloads.shift();
          if (payload === undefined) return;
          if (payload.type !== kind) continue;
          clearTimeout(net);
          this.#look = null;
          resolve(payload as Extract<HotPayload, { type: One }>);
          return;
        }
      };
      this.#look();
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** RFC 6455 §5.2: of a server's frames, whole and not masked. */
  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const short = (this.#bytes[1] ?? 0) & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#bytes.length < start) return;
      const length =
        short < 126 ? short : this.#bytes.readUIntBE(short === 126 ? 2 : 4, start === 4 ? 2 : 6);
      if (this.#bytes.length < start + length) return;
      const isText = ((this.#bytes[0] ?? 0) & 0x0f) === 1;
      const text = this.#bytes.subarray(start, start + length).toString();
      this.#bytes = this.#bytes.subarray(start + length);
      if (isText) this.#payloads.push(JSON.parse(text) as HotPayload);
      this.#look?.();
    }
  }
}
