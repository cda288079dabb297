// A Flask shop of a realistic size, unchanged under wsgi-ts and under gunicorn: every one of its routes.
// The tests of this file are one visit after the other and go by each other's orders and products.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Answer, Browser } from '../helpers/browser.ts';
import { inRepository } from '../helpers/repository.ts';
import { serveSideBySide } from '../helpers/side-by-side.ts';
import type { SideBySide } from '../helpers/side-by-side.ts';

const fixture = (...parts: string[]): Buffer =>
  readFileSync(inRepository('fixtures', 'shop', 'shop', ...parts));
const logo = fixture('static', 'logo.png');
const brochure = fixture('downloads', 'brochure.pdf');

const newProduct = { name: 'Matcha 抹茶', category: 'tea', price: '24.50', stock: '3' };

let shop: SideBySide;

before(async () => {
  shop = await serveSideBySide({
    folder: 'shop',
    app: 'wsgi:app',
    dataVariable: 'SHOP_INSTANCE_PATH',
    env: { SHOP_SECRET_KEY: 'a secret of the test' },
    preparations: [['flask', '--app', 'wsgi', 'init-db']],
    volatile: [
      /(?<=name="csrf" value=")[^"]+/g,
      /(?<=^Set-Cookie: session=)[^;]*/g,
      /(?<=Expires=)[^;]*/g,
    ],
  });
});

after(() => shop.stop());

/** Sends a form with the token that the shop wants back. */
const submit = (path: string, fields: Record<string, string>): Promise<Answer> =>
  shop.visit((visitor) => visitor.submit(path, { csrf: visitor.hidden('csrf'), ...fields }));

async function logIn(name: string, password: string): Promise<void> {
  shop.newVisitor();
  await shop.get('/login');
  const answer = await submit('/login', { name, password });
  assert.equal(answer.status, 302);
  assert.equal(answer.header('location'), '/');
}

describe('the catalogue', () => {
  it('lists products in pages, from templates that inherit', async () => {
    const first = await shop.get('/');
    assert.equal(first.status, 200);
    assert.match(first.text, /<title>All products – Shop<\/title>/);
    assert.match(first.text, /Page 1 of 2/);
    assert.match((await shop.get('/?page=2')).text, /Page 2 of 2/);
    assert.equal((await shop.get('/?page=3')).status, 404);
  });

  it('shows a category and a product, with what is HTML in its text escaped', async () => {
    assert.match((await shop.get('/category/cups')).text, /Kännchen/);
    const product = await shop.get('/product/COF-002');
    assert.match(product.text, /&lt;strong&gt;very&lt;\/strong&gt; dark/);
    assert.match(product.text, /€ 13\.90/);
  });

  it('finds words beyond ASCII in the query', async () => {
    const found = await shop.get(`/search?q=${encodeURIComponent('煎茶')}`);
    assert.match(found.text, /Sencha 煎茶/);
    assert.doesNotMatch(found.text, /Assam/);
    assert.match((await shop.get('/search?q=beer')).text, /Nothing found\./);
  });

  it('sends its static files, also conditionally and in part', async () => {
    const image = await shop.get('/static/logo.png');
    assert.equal(image.header('content-type'), 'image/png');
    assert.deepEqual(image.body, logo);
    const etag = image.header('etag') ?? '';
    assert.equal((await shop.get('/static/logo.png', { 'If-None-Match': etag })).status, 304);
    const part = await shop.get('/static/style.css', { Range: 'bytes=5-14' });
    assert.equal(part.status, 206);
    assert.deepEqual(part.body, fixture('static', 'style.css').subarray(5, 15));
    assert.equal((await shop.get('/static/nothing.css')).status, 404);
  });

  it('sends a file as a download, with a name beyond ASCII', async () => {
    const download = await shop.get('/brochure');
    assert.deepEqual(download.body, brochure);
    assert.equal(
      download.header('content-disposition'),
      "attachment; filename=Broschure.pdf; filename*=UTF-8''Brosch%C3%BCre.pdf",
    );
    const part = await shop.get('/brochure', { Range: 'bytes=40000-' });
    assert.deepEqual(part.body, brochure.subarray(40000));
    assert.equal((await shop.get('/brochure', { Range: 'bytes=99999-' })).status, 416);
    const head = await shop.visit((visitor) => visitor.send('HEAD', '/brochure'));
    assert.equal(head.header('content-length'), String(brochure.length));
    assert.equal(head.body.length, 0);
  });

  it('sets two cookies in one answer and reads both back', async () => {
    await shop.get('/login');
    const answer = await submit('/preferences', { theme: 'dark', columns: '4' });
    assert.deepEqual(
      answer.all('set-cookie').map((line) => line.split(';')[0]),
      ['theme=dark', 'columns=4'],
    );
    assert.match((await shop.get('/')).text, /<body class="dark">/);
  });
});

describe('accounts', () => {
  it('refuses a form without its token', async () => {
    shop.newVisitor();
    const answer = await shop.visit((visitor) => visitor.submit('/login', { name: 'admin' }));
    assert.equal(answer.status, 400);
    assert.match(answer.text, /The form has expired/);
  });

  it('refuses a wrong password and a name that is taken', async () => {
    await shop.get('/login');
    assert.equal((await submit('/login', { name: 'admin', password: 'no' })).status, 401);
    await shop.get('/register');
    assert.match((await submit('/register', { name: 'admin', password: '1234' })).text, /taken/);
  });

  it('remembers who registered, and greets once', async () => {
    await shop.get('/register');
    const answer = await submit('/register', { name: 'Zoë', password: 'tea time' });
    assert.equal(answer.header('location'), '/');
    assert.match((await shop.get('/')).text, /Welcome, Zoë!/);
    const later = await shop.get('/');
    assert.doesNotMatch(later.text, /Welcome/);
    assert.match(later.text, /Log out Zoë/);
  });

  it('sends strangers to the login and keeps others out of the admin area', async () => {
    assert.equal((await shop.get('/admin/')).status, 403);
    await shop.get('/');
    assert.equal((await submit('/logout', {})).status, 302);
    const answer = await shop.get('/admin/report?year=2024');
    assert.equal(answer.status, 302);
    assert.equal(answer.header('location'), '/login?next=/admin/report?year%3D2024');
  });
});

describe('the admin area', () => {
  it('answers its own bug with the error page and one traceback in the log', async () => {
    await logIn('admin', 'admin');
    const answer = await shop.get('/admin/report');
    assert.equal(answer.status, 500);
    assert.match(answer.text, /It is not your fault/);
    await shop.server.waitForOutput(/ERROR in app: Exception on \/admin\/report \[GET\]/);
    await shop.server.waitForOutput(/ZeroDivisionError: division by zero\n/);
    const tracebacks = shop.server.output().match(/ZeroDivisionError/g);
    assert.equal(tracebacks?.length, 1);
  });

  it('takes a product with a picture, and sends the picture back', async () => {
    assert.match((await shop.get('/admin/')).text, /10 products, 0 orders/);
    const add = (content: Uint8Array, name: string) => (visitor: Browser) =>
      visitor.upload(
        '/admin/products/new',
        { csrf: visitor.hidden('csrf'), sku: 'TEA-009', ...newProduct },
        [{ field: 'image', name, type: 'image/png', content }],
      );
    await shop.get('/admin/products/new');
    const refused = await shop.visit(add(logo, 'logo.exe'));
    assert.equal(refused.status, 422);
    assert.match(refused.text, /value="Matcha 抹茶"/);
    const picture = Buffer.concat([
      logo,
      Buffer.alloc(1_500_000, 'a picture larger than a frame '),
    ]);
    const added = await shop.visit(add(picture, 'logo.png'));
    assert.equal(added.status, 302);
    assert.equal(added.header('location'), '/product/TEA-009');
    assert.match((await shop.get('/product/TEA-009')).text, /€ 24\.50/);
    const image = await shop.visit(
      (visitor) => visitor.get('/product/TEA-009/image'),
      ['etag', 'last-modified', 'content-disposition'],
    );
    assert.deepEqual(image.body, picture);
    assert.equal((await shop.get('/product/TEA-001/image')).status, 404);
  });

  it('refuses an upload that is too large', async () => {
    await shop.get('/admin/products/new');
    const content = Buffer.alloc(5 * 1024 * 1024);
    // Gunicorn closes on the bytes that the app left unread, which at times resets its answer away.
    const answer = await shop.visitOurs((visitor) =>
      visitor.upload('/admin/products/new', { csrf: visitor.hidden('csrf') }, [
        { field: 'image', name: 'a.png', type: 'image/png', content },
      ]),
    );
    assert.equal(answer.status, 413);
  });

  it('streams its export', async () => {
    const answer = await shop.get('/admin/products.csv');
    const lines = answer.text.trimEnd().split('\r\n');
    assert.equal(lines.length, 12);
    assert.equal(lines[0], 'sku,name,price,stock');
    assert.equal(lines[11], 'TEA-009,Matcha 抹茶,24.5,3');
    assert.equal(answer.header('content-length'), undefined);
    assert.equal(answer.header('transfer-encoding'), 'chunked');
  });
});

describe('the cart', () => {
  it('is kept in the session, whichever worker answers', async () => {
    await logIn('Zoë', 'tea time');
    await shop.get('/product/TEA-001');
    for (let times = 1; times <= 6; times += 1) {
      const answer = await submit('/cart', { sku: 'TEA-001', quantity: '1' });
      assert.equal(answer.status, 303);
      assert.match((await shop.get('/cart')).text, new RegExp(`Cart \\(${String(times)}\\)`));
    }
    assert.equal((await submit('/cart', { sku: 'NO-SUCH' })).status, 404);
    await shop.get('/cart');
    assert.equal((await submit('/cart', {})).status, 400);
  });

  it('becomes an order with an invoice, which strangers do not see', async () => {
    await shop.get('/cart');
    const ordered = await submit('/checkout', {});
    assert.equal(ordered.header('location'), '/orders/1');
    assert.match((await shop.get('/orders/1')).text, /Thank you, Zoë!/);
    const invoice = await shop.get('/orders/1/invoice');
    assert.equal(invoice.header('content-disposition'), 'attachment; filename=invoice-1.txt');
    assert.match(invoice.text, /6 × Darjeeling first flush +€ 77\.40/);
    await shop.get('/');
    assert.equal((await submit('/checkout', {})).status, 400);
    await logIn('admin', 'admin');
    assert.match((await shop.get('/admin/report')).text, /<dd>€ 77\.40<\/dd>/);
    shop.newVisitor();
    assert.equal((await shop.get('/orders/1')).status, 302);
  });

  it('says when there is not enough left', async () => {
    await logIn('Zoë', 'tea time');
    await shop.get('/product/TEA-009');
    await submit('/cart', { sku: 'TEA-009', quantity: '9' });
    await shop.get('/cart');
    assert.equal((await submit('/checkout', {})).header('location'), '/cart');
    assert.match((await shop.get('/cart')).text, /Only 3 of Matcha 抹茶 left\./);
  });
});

describe('the JSON API', () => {
  it('lists and shows products', async () => {
    const list = await shop.get('/api/products?max_price=800');
    const { products } = JSON.parse(list.text) as { products: { sku: string }[] };
    assert.deepEqual(
      products.map(({ sku }) => sku),
      ['TEA-002', 'TEA-004'],
    );
    const one = await shop.get('/api/products/TEA-003');
    const etag = one.header('etag') ?? '';
    assert.equal((await shop.get('/api/products/TEA-003', { 'If-None-Match': etag })).status, 304);
  });

  it('changes and deletes', async () => {
    const path = '/api/products/TEA-004/stock';
    const changed = await shop.visit((visitor) => visitor.sendJson('PATCH', path, { change: -5 }));
    assert.equal((JSON.parse(changed.text) as { stock: number }).stock, 75);
    const gone = await shop.visit((visitor) => visitor.send('DELETE', '/api/products/TEA-004'));
    assert.equal(gone.status, 204);
    assert.equal(gone.body.length, 0);
    assert.equal(gone.header('transfer-encoding'), undefined);
  });

  it('answers mistakes with JSON', async () => {
    const path = '/api/products/TEA-003/stock';
    const json = { 'Content-Type': 'application/json' };
    const answers = [
      await shop.get('/api/products/TEA-004'),
      await shop.get('/api/nothing'),
      await shop.visit((visitor) => visitor.sendJson('PATCH', path, { change: 'much' })),
      await shop.visit((visitor) => visitor.send('PATCH', path, { headers: json, body: '{' })),
      await shop.visit((visitor) => visitor.submit(path, {})),
      await shop.visit((visitor) => visitor.send('PATCH', path, { body: 'change=1' })),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [404, 404, 400, 400, 405, 415],
    );
    for (const answer of answers) assert.equal(answer.header('content-type'), 'application/json');
  });
});

describe('its log', () => {
  it("is in the server's error log, a line for each request", async () => {
    await shop.get('/product/NO-SUCH');
    await shop.server.waitForOutput(/INFO in logs: GET \/product\/NO-SUCH -> 404 \(\d+\.\d ms\)/);
    await shop.server.waitForOutput(/WARNING in views: New product TEA-009/);
  });

  it('knows its own 404 page', async () => {
    const answer = await shop.get('/no/such/%E8%8C%B6?x=1');
    assert.equal(answer.status, 404);
    assert.match(answer.text, /There is no page \/no\/such\/茶\. Maybe it was sold out\./);
  });
});
