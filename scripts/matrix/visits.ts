// What a visitor does on each fixture app of the compatibility matrix, and what must come back: a page, JSON,
// a form or a body of JSON, a 404. Listed in frameworks.ts, done by serving.ts, twice on one server: a visit
// must go as well the second time. It never knows which Python serves.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Answer, Browser } from '../../test/helpers/browser.ts';
import { inRepository } from '../../test/helpers/repository.ts';

/** One visit, from the front page on; throws where an answer is not the right one. */
export type Visit = (visitor: Browser) => Promise<void>;

function expect(what: string, answer: Answer, status: number, ...parts: string[]): Answer {
  const got = `${what} is answered with ${answer.status}`;
  assert.equal(answer.status, status, `${got} instead of ${status}: ${answer.text.slice(0, 300)}`);
  for (const part of parts) {
    assert.ok(answer.text.includes(part), `${what}: no “${part}” in it`);
  }
  return answer;
}

async function get(
  visitor: Browser,
  path: string,
  status = 200,
  ...parts: string[]
): Promise<Answer> {
  return expect(`GET ${path}`, await visitor.get(path), status, ...parts);
}

async function submit(
  visitor: Browser,
  path: string,
  fields: Record<string, string>,
  status: number,
): Promise<Answer> {
  return expect(`POST ${path}`, await visitor.submit(path, fields), status);
}

async function postJson(
  visitor: Browser,
  path: string,
  value: unknown,
  status: number,
): Promise<unknown> {
  const answer = await visitor.sendJson('POST', path, value);
  return json(expect(`POST ${path}`, answer, status));
}

function json(answer: Answer): unknown {
  return JSON.parse(answer.text);
}

/** The target of a redirect, as a path. */
function location(answer: Answer): string {
  return new URL(answer.header('location') ?? '', 'http://nowhere').pathname;
}

/** fixtures/tutorial, by any Flask. */
export const visitTutorial: Visit = async (visitor) => {
  assert.equal((await get(visitor, '/')).text, 'Hello from Flask App\n');
  await get(visitor, '/nowhere', 404, 'Not Found');
  await submit(visitor, '/', { a: 'b' }, 405);
};

/** fixtures/shop: Flask with SQLite, sessions, templates, static files. */
export const visitShop: Visit = async (visitor) => {
  await get(visitor, '/', 200, 'Page 1 of 2');
  const { products } = json(await get(visitor, '/api/products')) as { products: unknown[] };
  assert.equal(products.length, 10);
  await get(visitor, '/login');
  const form = { csrf: visitor.hidden('csrf'), name: 'admin', password: 'admin' };
  await submit(visitor, '/login', form, 302);
  await get(visitor, '/product/TEA-003', 200, 'Sencha 煎茶');
  const order = { csrf: visitor.hidden('csrf'), sku: 'TEA-003', quantity: '2' };
  assert.equal(location(await submit(visitor, '/cart', order, 303)), '/cart');
  await get(visitor, '/cart', 200, '€ 23.00');
  const brochure = readFileSync(inRepository('fixtures/shop/shop/downloads/brochure.pdf'));
  assert.deepEqual((await get(visitor, '/brochure')).body, brochure);
  await get(visitor, '/product/NOTHING', 404);
};

/** fixtures/polls: Django with SQLite, sessions, templates, its admin. */
export const visitPolls: Visit = async (visitor) => {
  const votes = async (): Promise<number> => {
    const result = json(await get(visitor, '/1.json')) as { choices: { votes: number }[] };
    return result.choices[0]?.votes ?? NaN;
  };
  await get(visitor, '/', 200, 'Wohin im Sommer – ans Meer? 🏖');
  const before = await votes();
  await get(visitor, '/1/');
  const form = { csrfmiddlewaretoken: visitor.hidden('csrfmiddlewaretoken'), choice: '1' };
  assert.equal(location(await submit(visitor, '/1/vote/', form, 302)), '/1/results/');
  await get(visitor, '/1/results/', 200, 'Thank you for “Tea”.');
  assert.equal(await votes(), before + 1);
  await get(visitor, '/votes.csv', 200, 'question,choice,votes\r\n');
  await get(visitor, '/admin/login/', 200, 'Django administration');
  await get(visitor, '/99/', 404);
};

/** fixtures/frameworks/bottle_notes.py */
export const visitNotes: Visit = async (visitor) => {
  await get(visitor, '/', 200, 'Büro closed on Friday');
  const { notes } = json(await get(visitor, '/notes.json')) as { notes: string[] };
  const added = await submit(visitor, '/notes', { text: 'Tea & <milk> für alle' }, 303);
  assert.equal(location(added), `/notes/${notes.length + 1}`);
  await get(visitor, location(added), 200, '<p>Tea &amp; &lt;milk&gt; für alle</p>');
  await submit(visitor, '/notes', { text: '' }, 400);
  await get(visitor, '/notes/99', 404, 'There is no such note.');
  await get(visitor, '/nowhere', 404);
};

/** fixtures/frameworks/falcon_units.py */
export const visitUnits: Visit = async (visitor) => {
  await get(visitor, '/', 200, '<h1>m, km, ft, mi</h1>');
  const long = json(await get(visitor, '/units?longer_than=1.5'));
  assert.deepEqual(long, { km: 1000, mi: 1609.344 });
  const wanted = { value: 26.2, from: 'mi', to: 'km' };
  const converted = await postJson(visitor, '/conversions', wanted, 201);
  assert.deepEqual(converted, { value: 42.164813, unit: 'km' });
  const refused = await postJson(visitor, '/conversions', { value: 1, from: 'parsec' }, 400);
  assert.equal((refused as { title: string }).title, 'No such unit');
  await get(visitor, '/nowhere', 404);
};

/** fixtures/frameworks/pyramid_contacts.py */
export const visitContacts: Visit = async (visitor) => {
  await get(visitor, '/', 200, 'Ada Lovelace');
  const form = { key: 'emmy', name: 'Emmy Nöther' };
  assert.equal(location(await submit(visitor, '/contacts', form, 303)), '/');
  assert.equal(visitor.cookies.get('added'), 'emmy');
  await get(visitor, '/', 200, '<p>Added: Emmy Nöther</p>');
  const all = json(await get(visitor, '/contacts.json')) as { contacts: unknown };
  const expected = { ada: 'Ada Lovelace', grace: 'Grace Hopper', emmy: 'Emmy Nöther' };
  assert.deepEqual(all.contacts, expected);
  await submit(visitor, '/contacts', { key: '' }, 400);
  const missing = json(await get(visitor, '/contacts/nobody', 404));
  assert.deepEqual(missing, { error: 'No contact of that name.' });
};

/** fixtures/frameworks/dash_rainfall.py: its page, what its page asks for, a callback, and Flask beside it. */
export const visitRainfall: Visit = async (visitor) => {
  const page = await get(visitor, '/', 200, '<title>Rainfall</title>', '_dash-renderer');
  const scripts = [...page.text.matchAll(/<script src="([^"]+)"/g)].map(([, path = '']) => path);
  assert.notEqual(scripts.length, 0);
  for (const script of scripts) {
    const { body } = await get(visitor, script);
    assert.notEqual(body.length, 0, `GET ${script} is empty`);
  }
  await get(visitor, '/_dash-layout', 200, 'Rainfall in millimetres', '"chart"');
  const callbacks = json(await get(visitor, '/_dash-dependencies')) as { output: string }[];
  const change = {
    output: callbacks[0]?.output,
    outputs: [
      { id: 'chart', property: 'figure' },
      { id: 'total', property: 'children' },
    ],
    inputs: [{ id: 'year', property: 'value', value: '2023' }],
    changedPropIds: ['year.value'],
    state: [],
  };
  const drawn = (await postJson(visitor, '/_dash-update-component', change, 200)) as {
    response: { chart: { figure: { data: { y: number[] }[] } }; total: unknown };
  };
  assert.deepEqual(drawn.response.total, { children: 'Together: 228 mm' });
  assert.deepEqual(drawn.response.chart.figure.data[0]?.y, [61, 38, 77, 52]);
  const all = json(await get(visitor, '/rainfall.json')) as Record<string, unknown>;
  assert.deepEqual(all['2024'], [45, 80, 49, 66]);
  await get(visitor, '/rainfall/1999', 404, 'Nothing known of 1999');
};
