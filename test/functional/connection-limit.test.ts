// --worker-connections: whom a worker that holds as many connections as it may gives up, and when it takes no more.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { connect } from '../helpers/raw-client.ts';

after(stopFixtures);

test('the oldest idle connection makes room for a new one', async () => {
  const { port } = await fixture('does_nothing', '--worker-connections=2');
  using first = await connect(port);
  using second = await connect(port);
  for (const client of [first, second]) {
    await client.send(requestBytes('/'));
    assert.equal((await client.readResponse()).status, 200);
  }
  using third = await connect(port);
  await third.send(requestBytes('/'));
  assert.equal((await third.readResponse()).status, 200);
  assert.equal((await first.readUntilClosed()).length, 0);
  await second.send(requestBytes('/'));
  assert.equal((await second.readResponse()).status, 200);
});
