// --limit-waiting-requests: who comes when as many wait for a thread as may is told at once.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fixture, requestBytes, stopFixtures } from '../helpers/fixture-server.ts';
import { openGate } from '../helpers/gate.ts';
import { connect } from '../helpers/raw-client.ts';

after(stopFixtures);

test('one request may wait, and of two the second is answered 503 while the first still waits', async () => {
  const { port } = await fixture('sleeping', '--limit-waiting-requests=1');
  await using gate = await openGate();
  using busy = await connect(port);
  using one = await connect(port);
  using other = await connect(port);
  // A busy worker takes no new connections: these are there before.
  for (const client of [busy, one, other]) {
    await client.send(requestBytes('/'));
    assert.equal((await client.readResponse()).status, 200);
  }
  await busy.send(requestBytes(`/sleep?${gate.query}`));
  assert.equal(await gate.said(), 'asleep');
  const answers = [one, other].map(async (client) => {
    await client.send(requestBytes('/'));
    return await client.readResponse();
  });
  const refused = await Promise.race(answers);
  assert.equal(refused.status, 503);
  assert.equal(refused.header('retry-after'), '1');
  assert.equal(refused.header('connection'), 'close');
  gate.letGo();
  assert.equal((await busy.readResponse()).text, 'slept\n');
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [200, 503]);
});
