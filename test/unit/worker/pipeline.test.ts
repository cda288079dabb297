import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { Pipeline } from '../../../src/worker/pipeline.ts';

/** A response to a request of this method. */
function to(method: string): ServerResponse {
  const request = new IncomingMessage(new Socket());
  request.method = method;
  return new ServerResponse(request);
}

void test('requests with safe methods run together', () => {
  const pipeline = new Pipeline();
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'GET'])
    assert.equal(pipeline.add(to(method)), true, method);
  assert.equal(pipeline.held, 0);
});

void test('one of another method waits for all before it, and all behind it wait for it', () => {
  const pipeline = new Pipeline();
  const [first, second, unsafe, behind, last] = ['GET', 'GET', 'POST', 'GET', 'HEAD'].map(to);
  assert.ok(first && second && unsafe && behind && last);
  const begun = [first, second, unsafe, behind, last].map((response) => pipeline.add(response));
  assert.deepEqual(begun, [true, true, false, false, false]);
  pipeline.remove(second);
  assert.equal(pipeline.next(), undefined, 'the first is not over');
  pipeline.remove(first);
  assert.equal(pipeline.next(), unsafe);
  assert.equal(pipeline.next(), undefined, 'the unsafe one runs');
  pipeline.remove(unsafe);
  assert.deepEqual([pipeline.next(), pipeline.next(), pipeline.next()], [behind, last, undefined]);
  assert.equal(pipeline.held, 0);
});

void test('a method that nobody knows is not taken for a safe one', () => {
  const pipeline = new Pipeline();
  pipeline.add(to('GET'));
  assert.equal(pipeline.add(to('get')), false);
});

void test('a cleared one gives those that have not begun', () => {
  const pipeline = new Pipeline();
  const [unsafe, held] = [to('PUT'), to('GET')];
  pipeline.add(unsafe);
  pipeline.add(held);
  assert.deepEqual(pipeline.clear(), { count: 2, held: [held] });
  assert.deepEqual(pipeline.clear(), { count: 0, held: [] });
  assert.equal(pipeline.add(to('POST')), true);
});
