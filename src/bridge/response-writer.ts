// Writes a head, and a body that is whole, to the client: what Python answered, early hints, or a page of our own.
// Called by reply.ts on the event loop; a file's bytes are file-writer.ts's, a stream's stream-writer.ts's.
// Must never decide what to answer, only how it gets onto the wire.
import { fieldsOnTop, isPristine } from './host-fields.ts';
import { isHttp2, type ServerReply } from './transaction.ts';

/** Bodies up to this many bytes are joined with their head into one write. */
const JOINED_AT_MOST = 16 * 1024;

/**
 * Sends `fields` (status line, name, value, …) as the head of `response`, and takes the status line from them.
 *
 * @param hosted - whether middlewares of somebody else's program may have had the response in hand
 * @throws Error for what node:http2 refuses; nothing has been sent then
 */
export function writeHead(response: ServerReply, fields: string[], hosted: boolean): void {
  const status = fields.shift() ?? '';
  const code = Number(status.slice(0, 3));
  if (isHttp2(response)) {
    try {
      response.writeHead(code, gather(fields));
    } catch (error) {
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      throw error;
    }
    return;
  }
  const given = hosted && !isPristine(response) ? fieldsOnTop(response, fields) : fields;
  response.writeHead(code, status.slice(4), given);
  // Behind a 1xx that still waits for its turn Node would put the head of a body that is no string before it.
  if (response.socket === null && response.writableLength > 0) response.flushHeaders();
}

/**
 * Fields by their names in lower case (RFC 9113 §8.2.1). Those of one name are one list (RFC 9110 §5.3), since
 * node:http2 refuses two lines of many that HTTP/1 passes on, but for the two that can't be joined, or not read then.
 */
function gather(fields: readonly string[]): Record<string, string | string[]> {
  const gathered: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = (fields[i] ?? '').toLowerCase();
    const value = fields[i + 1] ?? '';
    if (name === '__proto__') continue; // a token, but no key
    const before = gathered[name];
    if (name === 'set-cookie' || name === 'www-authenticate') {
      gathered[name] = Array.isArray(before) ? [...before, value] : [value];
    } else {
      gathered[name] = typeof before === 'string' ? `${before}, ${value}` : value;
    }
  }
  return gathered;
}

/**
 * Sends a 103 with `fields` (name, value, …), which have been checked; to HTTP/1.0, nothing.
 *
 * @throws Error for what node:http2 refuses, such as two values of a field that has one
 */
export function writeEarlyHints(response: ServerReply, fields: readonly string[]): void {
  if (isHttp2(response)) {
    response.stream.additionalHeaders({ ':status': 103, ...gather(fields) });
    return;
  }
  if (response.req.httpVersion === '1.0') return;
  let head = 'HTTP/1.1 103 Early Hints\r\n';
  for (let i = 0; i + 1 < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  // Node's own writeEarlyHints refuses links that RFC 8288 allows (two in a field, quoted strings with a blank)
  // and hints without one. What it does in the end is not public, but what its 100 and 102 do as well: at once
  // where it is this answer's turn, else kept in order.
  const raw = response as unknown as { _writeRaw(data: string, encoding: 'latin1'): unknown };
  raw._writeRaw(`${head}\r\n`, 'latin1');
}

/** Sends all of a body: `body` from `start` to `end`. `hosted`: as in {@link writeHead}. */
export function writeWhole(
  response: ServerReply,
  body: Buffer,
  start: number,
  end: number,
  hosted: boolean,
): void {
  if (end - start > JOINED_AT_MOST) {
    // A copy: the frame's buffer is the channel's, which reads into it again.
    response.end(Buffer.from(body.subarray(start, end)));
    return;
  }
  const text = body.toString('latin1', start, end);
  if (hosted || isHttp2(response)) {
    // As a latin-1 string, Node puts it into the head's own write.
    response.end(text, 'latin1');
  } else {
    // Not public, as `_writeRaw` above: `end` would send an empty piece behind it, and writev(2) instead of write(2).
    const raw = response as unknown as { _send(data: string, encoding: 'latin1'): unknown };
    raw._send(text, 'latin1');
    response.end();
  }
}
