// What `Accept` means for our own pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { preferred } from '../../../src/http/accept.ts';

const offers = ['text/plain', 'text/html', 'application/json'] as const;

for (const [accept, wanted] of [
  ['', 'text/plain'],
  ['*/*', 'text/plain'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
  ['application/json', 'application/json'],
  ['APPLICATION/JSON; charset=utf-8', 'application/json'],
  ['application/*', 'application/json'],
  ['text/*', 'text/plain'],
  ['text/*;q=0.5, application/json;q=0.4', 'text/plain'],
  ['text/plain;q=0, text/*', 'text/html'],
  ['text/html;q=0.3, application/json;q=0.31', 'application/json'],
  ['text/html;level=1;q=0.9, */*;q=0.1', 'text/html'],
  ['*/*, text/plain;q=0', 'text/html'],
  ['image/png', 'text/plain'],
  ['text/html;q=nonsense', 'text/html'],
  ['nonsense', 'text/plain'],
] as const) {
  test(`${accept === '' ? 'nothing' : accept} wants ${wanted}`, () => {
    assert.equal(preferred(accept, offers), wanted);
  });
}

test('whatever is written there, one of the offers is chosen', () => {
  const word = fc.constantFrom(
    ...['text', '/', 'html', '*', ';', 'q=', '0.5', ',', ' ', '\t', '"', 'x'],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join('')),
      ),
      (accept) => {
        assert.ok(offers.includes(preferred(accept, offers)));
      },
    ),
  );
});
