// A client of bare HTTP/2 frames (RFC 9113 §4): it sends what node:http2 would never send. It knows no more of
// HPACK than literals without a table.

import type { RawClient } from './raw-client.ts';

/** RFC 9113 §3.4 */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** RFC 9113 §6 */
export const Type = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

/** A frame that arrived. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A frame's bytes. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The frame of SETTINGS with these values. */
export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const entries = Object.entries(values).map(([id, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(Number(id), 0);
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  return frame(Type.settings, 0, 0, Buffer.concat(entries));
}

/** Fields as HPACK's literals, never indexed (RFC 7541 §6.2.2); shorter than 127 bytes each. */
function fields(pairs: readonly (readonly [string, string])[]): Buffer {
  const literal = (text: string): Buffer =>
    Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
  return Buffer.concat(
    pairs.map(([name, value]) => Buffer.concat([Buffer.of(0), literal(name), literal(value)])),
  );
}

/** The fields of a request for `path`. */
export function requestFields(path = '/', method = 'GET', more: [string, string][] = []): Buffer {
  const pseudo: [string, string][] = [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'h.example'],
    [':path', path],
  ];
  return fields([...pseudo, ...more]);
}

/** The next frame that comes. @throws Error when the connection ends instead */
async function readFrame(client: RawClient): Promise<Frame> {
  const head = await client.readBytes(9);
  const payload = await client.readBytes(head.readUIntBE(0, 3));
  return { type: head[3] ?? 0, flags: head[4] ?? 0, stream: head.readUInt32BE(5), payload };
}

/** Reads until a frame of `type` comes. */
export async function readUntilFrame(client: RawClient, type: number): Promise<Frame> {
  for (;;) {
    const next = await readFrame(client);
    if (next.type === type) return next;
  }
}
