// Fields of an answer on a response that middlewares have had in hand.

import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { fieldsOnTop, isPristine } from '../../../src/bridge/host-fields.ts';

function response(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

test('a response is pristine until a field is set, or writeHead is wrapped', () => {
  assert.ok(isPristine(response()));
  const withField = response();
  withField.setHeader('X-Powered-By', 'Express');
  assert.ok(!isPristine(withField));
  const wrapped = response();
  wrapped.writeHead = wrapped.writeHead.bind(wrapped);
  assert.ok(!isPristine(wrapped));
});

test('fields of one name are together, by the first spelling', () => {
  const fields = ['X-A', '1', 'Content-Type', 'text/plain', 'x-a', '2'];
  assert.deepEqual(fieldsOnTop(response(), fields), {
    'X-A': ['1', '2'],
    'Content-Type': 'text/plain',
  });
});

test('of cookies and Vary those of the host stay, of all else the app has the last word', () => {
  const host = response();
  host.setHeader('Set-Cookie', ['a=1', 'b=2']);
  host.setHeader('Vary', 'Origin');
  host.setHeader('X-Frame-Options', 'DENY');
  const fields = ['Set-Cookie', 'c=3', 'Vary', 'Cookie', 'X-Frame-Options', 'SAMEORIGIN'];
  assert.deepEqual(fieldsOnTop(host, fields), {
    'Set-Cookie': ['a=1', 'b=2', 'c=3'],
    Vary: ['Origin', 'Cookie'],
    'X-Frame-Options': 'SAMEORIGIN',
  });
});
