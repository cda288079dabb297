// The form of an error page by `Accept`: the rules of RFC 9110 §12.5.1, and that nothing a client sends disturbs them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { choosePageForm, type PageForm } from '../../../src/http/accept.ts';

const firefox = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

const cases: readonly (readonly [string, string, PageForm])[] = [
  ['no Accept', '', 'text'],
  ['anything', '*/*', 'text'],
  ['anything, weighted', '*/*;q=0.1', 'text'],
  ['a browser', firefox, 'html'],
  ['an API client', 'application/json', 'json'],
  ['axios', 'application/json, text/plain, */*', 'json'],
  ['jQuery', 'application/json, text/javascript, */*; q=0.01', 'json'],
  ['a type in capitals', 'Application/JSON', 'json'],
  ['a type of several', 'text/*', 'text'],
  ['a type of several, and one of them less', 'text/*, text/plain;q=0.5', 'html'],
  ['everything but two', '*/*, text/plain;q=0, text/html;q=0', 'json'],
  ['the higher weight', 'text/html;q=0.4, application/json;q=0.5, text/plain;q=0.3', 'json'],
  ['a specific range over a wide one, whatever the order', '*/*;q=1, text/html;q=0.1', 'text'],
  ['a specific range over a wide one of the same weight', '*/*, text/html', 'html'],
  ['two alike: the one that is named first', 'text/html, application/json', 'html'],
  ['two alike, the other way round', 'application/json, text/html', 'json'],
  ['only what there is not', 'image/png', 'text'],
  ['nothing at all', '*/*;q=0', 'text'],
  ['all digits of a weight', 'text/html;q=0.001, application/json;q=0.002', 'json'],
  ['blanks anywhere', ' ,\t, text/html ; q=0.1 ,, application/json ;q=0.2', 'json'],
  ['a capital Q', 'text/html;Q=0.1, application/json;q=0.2', 'json'],
  ['a charset that it has', 'text/html;charset=UTF-8', 'html'],
  ['a charset in quotes', 'text/html;charset="utf-8";q=0.9', 'html'],
  ['a charset that it has not', 'text/html;charset=utf-16, application/json;q=0.1', 'json'],
  ['the more specific of one type', 'text/html;q=0.1, text/html;charset=utf-8, text/plain', 'html'],
  ['a parameter that no form has', 'text/html;level=1, application/json;q=0.1', 'json'],
  ['extensions behind the weight', 'text/html;q=0.9;level=1;x="a,b"', 'html'],
  ['a comma in quotes', 'a/b;c="d,text/html,e", application/json', 'json'],
  ['an escaped quote in quotes', String.raw`a/b;c="\",text/html,", application/json`, 'json'],
  ['quotes that nobody closes', 'application/json, a/b;c="d, text/html', 'json'],
  ['a weight that is none', 'text/html;q=high, application/json;q=0.1', 'json'],
  ['a weight above one', 'text/html;q=1.1, application/json;q=0.1', 'json'],
  ['a weight below zero', 'text/html;q=-1, application/json;q=0.1', 'json'],
  ['empty parameters', 'text/html;;, application/json;q=0.1', 'html'],
  ['no type', '/html, application/json;q=0.1', 'json'],
  ['no subtype', 'text/, text, application/json;q=0.1', 'json'],
  ['a wild type with a subtype', '*/html, application/json;q=0.1', 'json'],
  ['a type that only begins like it', 'text/html5, application/json;q=0.1', 'json'],
];

describe('the form of a page follows', () => {
  for (const [what, accept, form] of cases) {
    test(`${what}: ${accept}`, () => {
      assert.equal(choosePageForm(accept), form);
    });
  }
});

const forms = ['text', 'html', 'json'];
const type = fc.constantFrom('text/html', 'text/plain', 'application/json', 'text/*', '*/*', 'a/b');
const weight = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000);
const range = fc.tuple(type, weight).map(([name, q]) => `${name};q=${q.toFixed(3)}`);
const piece = fc.constantFrom('text', '/', 'html', '*', ',', ';', '"', '\\', '=', 'q', ' ', '0.5');

test('whatever a client sends, there is a form', () => {
  const noise = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
  );
  fc.assert(fc.property(noise, (accept) => forms.includes(choosePageForm(accept))));
});

test('one form that is weighed more than everything else is chosen, wherever it stands', () => {
  const wanted = fc.constantFrom(...(['text/html', 'application/json', 'text/plain'] as const));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), wanted, fc.nat(), (ranges, name, at) => {
      const others = ranges.filter((each) => !each.startsWith(name) && !each.includes('q=1'));
      others.splice(at % (others.length + 1), 0, name);
      return (
        choosePageForm(others.join(', ')) ===
        { 'text/html': 'html', 'application/json': 'json', 'text/plain': 'text' }[name]
      );
    }),
  );
});

test('what a client refuses is not chosen while it accepts something else', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(
        ['text/html;q=0', 'text/plain;q=0', 'application/json;q=0.001', '*/*;q=0'],
        { minLength: 4 },
      ),
      (ranges) => choosePageForm(ranges.join(',')) === 'json',
    ),
  );
});
