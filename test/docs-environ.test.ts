// docs/environ.md lists every key that an app finds in its environ.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { ask, json, stopFixtures } from './helpers/fixture-server.ts';
import { inRepository } from './helpers/repository.ts';

after(stopFixtures);

test('docs/environ.md lists what is in every request, and no other key of its kind', async () => {
  const { environ } = json(await ask('environ_shown', '/')) as { environ: Record<string, unknown> };
  const found = Object.keys(environ).filter((key) => !/^HTTP_|^REMOTE_PORT$/.test(key));
  const page = readFileSync(inRepository('docs', 'environ.md'), 'utf8');
  const [, always = ''] = page.split(/^## /m);
  const listed = [...always.matchAll(/^\| ([^|]+)/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, key]) => key),
  );
  assert.deepEqual(listed.sort(), found.sort());
});

test('docs/environ.md lists what depends on the request', async () => {
  const headers = [
    ['Content-Type', 'text/plain'],
    ['Cookie', 'a=b'],
  ] as const;
  const plain = json(await ask('environ_shown', '/')) as { environ: Record<string, unknown> };
  const answer = await ask('environ_shown', '/', { method: 'POST', headers, body: 'body' });
  const { environ } = json(answer) as typeof plain;
  const page = readFileSync(inRepository('docs', 'environ.md'), 'utf8');
  const more = Object.keys(environ).filter((key) => !(key in plain.environ));
  assert.deepEqual(more.sort(), ['CONTENT_LENGTH', 'CONTENT_TYPE', 'HTTP_COOKIE']);
  for (const key of ['CONTENT_LENGTH', 'CONTENT_TYPE', 'REMOTE_PORT', 'HTTP_…']) {
    assert.ok(page.includes(`\`${key}\``), key);
  }
});
