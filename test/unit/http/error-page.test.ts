// The server's own pages: each form is whole and valid, and holds nothing that a browser could take for markup.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { errorPage } from '../../../src/http/error-page.ts';

/** A page's status line, fields by name, and body. */
function page(
  status: number,
  text: string,
  accept: string,
  server: string | null = null,
): { readonly line: string; readonly fields: Map<string, string>; readonly body: string } {
  const made = errorPage(status, text, accept, server);
  const [line = '', ...rest] = made.fields;
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < rest.length; i += 2) fields.set(rest[i] ?? '', rest[i + 1] ?? '');
  assert.equal(fields.get('Content-Length'), String(made.body.length));
  assert.equal(fields.size * 2, rest.length, 'no field twice');
  return { line, fields, body: made.body.toString('utf8') };
}

describe('a page of the server’s own', () => {
  test('is text for who asks for nothing', () => {
    const { line, fields, body } = page(404, 'Nothing is there.', '');
    assert.equal(line, '404 Not Found');
    assert.equal(fields.get('Content-Type'), 'text/plain; charset=utf-8');
    assert.equal(body, '404 Not Found\n\nNothing is there.\n');
  });

  test('is JSON for who asks for it', () => {
    const { fields, body } = page(404, 'No "such" page – by far.', 'application/json');
    assert.equal(fields.get('Content-Type'), 'application/json');
    assert.deepEqual(JSON.parse(body), {
      status: 404,
      error: 'Not Found',
      message: 'No "such" page – by far.',
    });
  });

  test('is HTML for a browser', () => {
    const { fields, body } = page(500, 'It failed.', 'text/html,*/*;q=0.8');
    assert.equal(fields.get('Content-Type'), 'text/html; charset=utf-8');
    assert.match(body, /^<!DOCTYPE html>\n<html lang="en">/);
    assert.ok(body.includes('<meta charset="utf-8">'));
    assert.ok(body.includes('<title>500 Internal Server Error</title>'));
    assert.ok(body.includes('<p>It failed.</p>'));
  });

  test('is kept by no cache, and taken for nothing else than it says', () => {
    const { fields } = page(400, 'Bad.', '');
    assert.equal(fields.get('Cache-Control'), 'no-store');
    assert.equal(fields.get('X-Content-Type-Options'), 'nosniff');
  });

  test('says when to come back, where that makes sense', () => {
    assert.equal(page(503, 'Busy.', '').fields.get('Retry-After'), '1');
    assert.equal(page(500, 'Failed.', '').fields.has('Retry-After'), false);
  });

  test('names the server where there is a name', () => {
    assert.equal(page(400, 'Bad.', '', 'wsgi-ts').fields.get('Server'), 'wsgi-ts');
    assert.equal(page(400, 'Bad.', '').fields.has('Server'), false);
  });

  test('has a reason for a status that nobody knows', () => {
    assert.equal(page(599, 'Odd.', '').line, '599 Error');
  });

  test('holds whatever text in HTML so that it is only text', () => {
    const text = fc.string({ unit: fc.constantFrom('<', '>', '&', '"', "'", 'script', '\n', 'ü') });
    const entities: Record<string, string> = {
      '&amp;': '&',
      '&lt;': '<',
      '&gt;': '>',
      '&quot;': '"',
      '&#39;': "'",
    };
    fc.assert(
      fc.property(text, (said) => {
        const { body } = page(400, said, 'text/html');
        const [, shown = ''] = /<p>([^]*)<\/p>\n<\/body>/.exec(body) ?? [];
        assert.doesNotMatch(shown, /[<>"']/);
        assert.equal(
          shown.replaceAll(/&[a-z0-9#]+;/g, (entity) => entities[entity] ?? '?'),
          said,
        );
      }),
    );
  });
});
