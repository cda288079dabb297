// A Flask app tested without a socket. Run it: npm install --save-dev wsgi-ts && node --test
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createHandler } from 'wsgi-ts';

const app = createHandler({ module: 'app', callable: 'app', chdir: import.meta.dirname });
before(() => app.ready); // an app that can't be imported fails here, with its traceback
after(() => app.close());

test('links to its page', async () => {
  const response = await app.inject('/');
  assert.equal(response.statusCode, 200);
  assert.deepEqual(response.json(), { page: '/hello/Ada' });
});

test('takes JSON', async () => {
  const response = await app.inject({ method: 'POST', url: '/echo', payload: { name: 'Ada' } });
  assert.deepEqual(response.json().json, { name: 'Ada' });
});

test('has no such page', async () => {
  const response = await app.inject('/nothing');
  assert.equal(response.statusCode, 404);
  assert.match(response.body, /Not Found/);
});
