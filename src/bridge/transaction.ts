// A request and its response as node:http or node:http2 give them. Used by all of the bridge that touches one.
// Types, and the few questions that the two protocols answer differently; never more of HTTP than that.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';

/** A request of HTTP/1 or HTTP/2. */
export type ServerRequest = IncomingMessage | Http2ServerRequest;

/** The response to it. */
export type ServerReply = ServerResponse | Http2ServerResponse;

/**
 * Event of a request whose body is not wanted any more, with the error that says why: the worker says that it is
 * malformed, the exchange that it is too slow. Not `error`, which would destroy the connection before there is an
 * answer.
 */
export const BODY_REFUSED = Symbol('body refused');

/**
 * Event of a request: a piece of its body that `data` will not bring, in memory that is used again when the listener
 * returns. Listened to by who takes `data`, too; he also pauses the connection where he pauses the request.
 */
export const BODY_LENT = Symbol('body lent');

/** Whether `reply` goes out on a stream of HTTP/2. */
export function isHttp2(reply: ServerReply): reply is Http2ServerResponse {
  return 'stream' in reply;
}

/** Whether `reply` is light-my-request's, of an injected request: it keeps all that it gets, and has no connection. */
function isInjected(reply: ServerReply): boolean {
  return 'isLightMyRequest' in reply;
}

/** `reply` by the methods that both protocols have alike; the types of the two don't admit it. */
export function asWritable(reply: ServerReply): ServerResponse {
  return reply as ServerResponse;
}

/** Ends the connection behind this answer (HTTP/1), or says that no more may come on it (HTTP/2: GOAWAY). */
export function closeAfter(reply: ServerReply): void {
  if (isHttp2(reply)) reply.stream.session?.close();
  else reply.shouldKeepAlive = false;
}

/**
 * Gives up on what is left of the request's body: it would be taken for the next request (HTTP/1), or goes on
 * for nothing (RFC 9113 §8.1: RST_STREAM behind a complete answer).
 */
export function dropRequest(reply: ServerReply): void {
  if (!isHttp2(reply)) reply.shouldKeepAlive = false;
  else
    reply.stream.once('finish', () => {
      reply.stream.close(NO_ERROR);
    });
}

/** Bytes of the answer that wait to be taken. */
export function pendingBytes(reply: ServerReply): number {
  if (isHttp2(reply)) return reply.stream.writableLength;
  return isInjected(reply) ? 0 : reply.writableLength;
}

/**
 * How far the client has got in taking what it is sent: bytes, to be compared with an earlier answer.
 *
 * @param handedOver - bytes of this answer so far
 */
export function takenBytes(reply: ServerReply, handedOver: number): number {
  if (isHttp2(reply)) return handedOver - reply.stream.writableLength;
  if (isInjected(reply)) return handedOver;
  // Not public, but the only place that knows how much of a write under way the kernel has taken.
  const socket = reply.req.socket as unknown as {
    readonly _bytesDispatched?: number;
    readonly _handle?: { readonly writeQueueSize?: number } | null;
  };
  return (socket._bytesDispatched ?? 0) - (socket._handle?.writeQueueSize ?? 0);
}

/** Whether it is to be given no more until it has said `drain`. */
export function isFull(reply: ServerReply): boolean {
  // Http2ServerResponse has no such property.
  if (isHttp2(reply)) return reply.stream.writableNeedDrain;
  return reply.writableNeedDrain && !isInjected(reply);
}

/** Whether all of the answer has been handed over; to be asked when it is over. */
export function isFinished(reply: ServerReply): boolean {
  if (isHttp2(reply)) {
    // Of a stream that is reset Node ends the writing side, and calls that finished.
    const { writableFinished, aborted, rstCode } = reply.stream;
    return writableFinished && !aborted && rstCode === NO_ERROR;
  }
  if (isInjected(reply)) return reply.writableEnded;
  // Node drops what a socket that is destroyed has not sent, and calls that finished too.
  return reply.writableFinished && !reply.req.socket.destroyed;
}

/** Whether nobody is there any more to answer to. */
export function isGone(reply: ServerReply): boolean {
  if (isHttp2(reply)) return reply.stream.destroyed;
  return reply.destroyed || reply.req.socket.destroyed;
}

/** Connections with answers that wait for their turn, and who is told when they close. */
const waiting = new WeakMap<Socket, Set<() => void>>();

/** Calls `listener` once, when the answer is over: sent, or its client gone. */
export function whenOver(reply: ServerReply, listener: () => void): void {
  if (isGone(reply)) {
    process.nextTick(listener); // a host that has thought about it for long
  } else if (isHttp2(reply) || reply.socket !== null) {
    reply.on('close', listener);
  } else {
    // Pipelined behind another one: Node doesn't close such answers with their connection.
    const { socket } = reply.req;
    const listeners = waiting.get(socket) ?? new Set();
    if (!waiting.has(socket)) {
      waiting.set(socket, listeners);
      socket.once('close', () => {
        for (const each of listeners) each();
      });
    }
    const once = (): void => {
      if (listeners.delete(once)) listener();
    };
    listeners.add(once);
    reply.on('close', once);
  }
}

/** Cuts the answer off where it is: what the client has got must not look complete. */
export function cutOff(reply: ServerReply): void {
  if (isHttp2(reply)) reply.stream.close(INTERNAL_ERROR);
  else reply.destroy();
}

/** Cuts the answer off behind what it has been given, which the client still gets. */
export function cutOffBehind(reply: ServerReply): void {
  if (isHttp2(reply)) {
    // RST_STREAM overtakes what waits in the stream; a write of nothing doesn't.
    if (reply.stream.writableLength === 0) cutOff(reply);
    else
      reply.stream.write(Buffer.alloc(0), () => {
        cutOff(reply);
      });
  } else if (isInjected(reply)) {
    cutOff(reply);
  } else if (reply.socket !== null) {
    reply.socket.destroySoon();
  } else {
    // Pipelined behind another one: its bytes go to the connection when it is its turn.
    reply.once('socket', (socket: Socket) => {
      process.nextTick(() => {
        socket.destroySoon();
      });
    });
  }
}

/** RFC 9113 §7. */
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;
