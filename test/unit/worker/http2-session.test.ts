import assert from 'node:assert/strict';
import type { Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { Http2Connection } from '../../../src/worker/http2-session.ts';

/** A connection whose session and socket only remember what is done to them. */
function make() {
  const done: string[] = [];
  const session = {
    closed: false,
    destroyed: false,
    close: () => {
      session.closed = true;
      done.push('close');
    },
    destroy: () => {
      session.destroyed = true;
      done.push('destroy');
    },
    ping: (callback: (error: Error | null) => void) => {
      done.push('ping');
      session.pong = () => {
        callback(null);
      };
      return true;
    },
    pong: (): void => undefined,
  };
  const socket = { bytesRead: 100, destroy: () => done.push('cut') };
  const connection = new Http2Connection(
    session as unknown as ServerHttp2Session,
    socket as unknown as Socket,
    '192.0.2.1',
    0,
  );
  return { connection, session, socket, done };
}

const response = {} as unknown as Http2ServerResponse;
const keepAlive = 5000;

describe('a connection of HTTP/2', () => {
  test('without a request is closed after its time, whatever is sent on it', () => {
    const { connection, socket, done } = make();
    for (let now = 0; now <= 5000; now += 1000) {
      socket.bytesRead += 17;
      connection.look(now, keepAlive);
    }
    assert.deepEqual(done, []);
    connection.look(6000, keepAlive);
    assert.deepEqual(done, ['close']);
  });

  test('counts its time from its last request', () => {
    const { connection, done } = make();
    connection.begin(response);
    connection.look(6000, keepAlive);
    connection.end(response, 8000);
    connection.look(12_000, keepAlive);
    assert.deepEqual(done, []);
    connection.look(14_000, keepAlive);
    assert.deepEqual(done, ['close']);
  });

  test('that has ended, and whose client stays, is cut off', () => {
    const { connection, done } = make();
    connection.close();
    for (const now of [1000, 2000, 3000]) connection.look(now, keepAlive);
    assert.deepEqual(done, ['close']);
    connection.look(4000, keepAlive);
    assert.deepEqual(done, ['close', 'cut']);
  });

  test('with a request, and silent, is asked; without an answer it is cut off', () => {
    const { connection, done } = make();
    connection.begin(response);
    connection.look(1000, keepAlive);
    connection.look(11_000, keepAlive);
    assert.deepEqual(done, []);
    connection.look(12_000, keepAlive);
    connection.look(22_000, keepAlive);
    assert.deepEqual(done, ['ping']);
    connection.look(23_000, keepAlive);
    assert.deepEqual(done, ['ping', 'destroy', 'cut']);
  });

  test('lives on by any byte, or by the answer to the PING', () => {
    for (const how of ['byte', 'pong'] as const) {
      const { connection, session, socket, done } = make();
      connection.begin(response);
      connection.look(1000, keepAlive);
      connection.look(12_000, keepAlive);
      if (how === 'byte') socket.bytesRead += 1;
      else session.pong();
      connection.look(21_000, keepAlive);
      connection.look(23_000, keepAlive);
      assert.ok(!done.includes('destroy'), how);
    }
  });

  test('is asked at a stop, once', () => {
    const { connection, done } = make();
    connection.begin(response);
    connection.close();
    connection.close();
    connection.ask(1000);
    assert.deepEqual(done, ['close', 'ping']);
    connection.look(10_000, keepAlive);
    assert.deepEqual(done, ['close', 'ping']);
    connection.look(12_000, keepAlive);
    assert.deepEqual(done, ['close', 'ping', 'destroy', 'cut']);
  });
});
