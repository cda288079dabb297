// Our own pages, in each of their forms.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorPage } from '../../../src/http/error-page.ts';

function fieldsOf(fields: readonly string[]): Record<string, string> {
  const pairs = fields
    .slice(1)
    .flatMap((name, i, all) => (i % 2 === 0 ? [[name, all[i + 1]]] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}

test('each form has its type, its length, and is kept by no cache', () => {
  for (const [accept, type] of [
    ['', 'text/plain; charset=utf-8'],
    ['text/html', 'text/html; charset=utf-8'],
    ['application/json', 'application/json'],
  ] as const) {
    const { fields, body } = errorPage(404, 'There is nothing.', accept, 'wsgi-ts');
    assert.equal(fields[0], '404 Not Found');
    assert.deepEqual(fieldsOf(fields), {
      'Content-Type': type,
      'Content-Length': String(body.length),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      Server: 'wsgi-ts',
    });
    assert.ok(body.toString().includes('There is nothing.'));
  }
});

test('JSON can be read, HTML is escaped, beyond ASCII too', () => {
  const text = 'a "sentence" with <b> & “more”';
  const json = JSON.parse(
    errorPage(400, text, 'application/json', null).body.toString(),
  ) as unknown;
  assert.deepEqual(json, { status: 400, error: 'Bad Request', message: text });
  const html = errorPage(400, text, 'text/html', null).body.toString();
  assert.ok(html.includes('<p>a &quot;sentence&quot; with &lt;b> &amp; “more”</p>'));
});

test('who is too many is told when to come again, and without a server there is no such field', () => {
  const fields = fieldsOf(errorPage(503, 'Too many.', '', null).fields);
  assert.equal(fields['Retry-After'], '1');
  assert.equal('Server' in fields, false);
});
