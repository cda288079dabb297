// The fixture apps that stand for those of strangers, as the same answers are wanted of them wherever they run: how
// their data is made, and a visit to each, request by request. Used by same-answers.ts. A visit goes by what it is
// given (tokens, cookies), so that it can be made at any server with data of its own.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activatedEnvironment } from './python-environment.ts';
import { inRepository } from './repository.ts';
import type { Visitor } from './visitor.ts';

/** An app, and a visit to it. */
export interface Site {
  readonly name: string;
  /** As the command takes it. */
  readonly app: string;
  /** Where it is imported from, absolute. */
  readonly chdir: string;
  /** Environment variables for the app, but for the one that says where its data is. */
  readonly env: Readonly<Record<string, string>>;
  /** Variable that says where its data is; null: it has none. */
  readonly dataVariable: string | null;
  /** Commands that make that data, each run in `chdir`. */
  readonly preparations: readonly (readonly string[])[];
  /** Parts of bodies and of fields (`Name: value`) that are made up anew each time: tokens, times of cookies. */
  readonly volatile: readonly RegExp[];
  readonly visit: (visitor: Visitor) => Promise<void>;
}

/** A site with data of its own. */
export interface PreparedSite {
  readonly site: Site;
  /** All variables that the app needs: for a command's environment, or the option `env`. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes a site's data once, and gives out copies of it. */
export class SiteData {
  readonly #site: Site;
  readonly #folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-site-'));
  #copies = 0;

  constructor(site: Site) {
    this.#site = site;
    const made = join(this.#folder, 'made');
    mkdirSync(made);
    const env = activatedEnvironment(this.#variables(made));
    for (const [program = '', ...args] of site.preparations) {
      execFileSync(program, args, { cwd: site.chdir, env, stdio: 'pipe' });
    }
  }

  /** The site with a copy of its data. */
  copy(): PreparedSite {
    const folder = join(this.#folder, `copy-${String((this.#copies += 1))}`);
    cpSync(join(this.#folder, 'made'), folder, { recursive: true, preserveTimestamps: true });
    return { site: this.#site, env: this.#variables(folder) };
  }

  /** Takes all of it away. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #variables(folder: string): Record<string, string> {
    const { env, dataVariable } = this.#site;
    const data = dataVariable === null ? {} : { [dataVariable]: folder };
    return { ...env, ...data, PYTHONDONTWRITEBYTECODE: '1' };
  }
}

const manage = (...args: string[]): string[] => ['python', 'manage.py', ...args];

const logo = readFileSync(inRepository('fixtures', 'shop', 'shop', 'static', 'logo.png'));

/** The tutorial's one view. */
const tutorial: Site = {
  name: 'tutorial',
  app: 'app:app',
  chdir: inRepository('fixtures', 'tutorial'),
  env: {},
  dataVariable: null,
  preparations: [],
  volatile: [/(?<=^Allow: ).*/gi], // a set of Python's: its order differs from process to process
  visit: async (visitor) => {
    await visitor.get('/');
    await visitor.get('/?a=1&b=%20');
    await visitor.send('HEAD', '/');
    await visitor.send('OPTIONS', '/');
    await visitor.send('POST', '/', { body: 'not wanted' });
    await visitor.get('/nothing/here');
    await visitor.get('/%C3%BC/b%20c');
    await visitor.send('GET', '/', { version: 'HTTP/1.0' });
  },
};

/** A Flask app of a realistic size. */
const shop: Site = {
  name: 'shop',
  app: 'wsgi:app',
  chdir: inRepository('fixtures', 'shop'),
  env: { SHOP_SECRET_KEY: 'a secret of the test' },
  dataVariable: 'SHOP_INSTANCE_PATH',
  preparations: [['flask', '--app', 'wsgi', 'init-db']],
  volatile: [
    /(?<=name="csrf" value=")[^"]+/g,
    /(?<=^Set-Cookie: session=)[^;]*/gi,
    /(?<=Expires=)[^;]*/g,
    /(?<=^Allow: ).*/gi,
  ],
  visit: async (visitor) => {
    await visitor.get('/');
    await visitor.get('/?page=2');
    await visitor.get('/?page=3');
    await visitor.get('/category/cups');
    await visitor.get(`/search?q=${encodeURIComponent('煎茶')}`);
    const image = await visitor.get('/static/logo.png');
    await visitor.get('/static/logo.png', { 'If-None-Match': image.header('etag') ?? '' });
    await visitor.get('/static/style.css', { Range: 'bytes=5-14' });
    await visitor.get('/static/nothing.css');
    await visitor.get('/brochure');
    await visitor.get('/brochure', { Range: 'bytes=40000-' });
    await visitor.get('/brochure', { Range: 'bytes=99999-' });
    await visitor.send('HEAD', '/brochure');
    await visitor.submit('/login', { name: 'admin' });
    await visitor.get('/login');
    await visitor.submit('/preferences', { ...csrf(visitor), theme: 'dark', columns: '4' });
    await visitor.get('/login');
    await visitor.submit('/login', { ...csrf(visitor), name: 'admin', password: 'no' });
    await visitor.submit('/login', { ...csrf(visitor), name: 'admin', password: 'admin' });
    await visitor.get('/admin/');
    await visitor.get('/admin/report');
    await visitor.get('/admin/products/new');
    const picture = Buffer.concat([logo, Buffer.alloc(200_000, 'larger than a frame ')]);
    const file = { field: 'image', name: 'logo.png', type: 'image/png', content: picture };
    const product = { sku: 'TEA-009', name: 'Matcha 抹茶', category: 'tea', price: '24.50' };
    await visitor.upload('/admin/products/new', { ...csrf(visitor), ...product }, [file]);
    await visitor.get('/product/TEA-009');
    await visitor.get('/admin/products.csv');
    await visitor.get('/api/products?max_price=800');
    const one = await visitor.get('/api/products/TEA-003');
    await visitor.get('/api/products/TEA-003', { 'If-None-Match': one.header('etag') ?? '' });
    await visitor.sendJson('PATCH', '/api/products/TEA-004/stock', { change: -5 });
    await visitor.sendJson('PATCH', '/api/products/TEA-004/stock', { change: 'much' });
    await visitor.send('PATCH', '/api/products/TEA-003/stock', { body: 'change=1' });
    await visitor.submit('/api/products/TEA-003/stock', {});
    await visitor.send('DELETE', '/api/products/TEA-004');
    await visitor.get('/api/products/TEA-004');
    await visitor.get('/');
    await visitor.submit('/logout', csrf(visitor));
    await visitor.get('/no/such/%E8%8C%B6?x=1');
  },
};

/** A Django project as `startproject` lays it out, with its admin. */
const polls: Site = {
  name: 'polls',
  app: 'polls.wsgi',
  chdir: inRepository('fixtures', 'polls'),
  env: {
    POLLS_SECRET_KEY: 'a secret of the test, of fifty characters at the least',
    DJANGO_SUPERUSER_PASSWORD: 'correct horse',
  },
  dataVariable: 'POLLS_DATA_DIR',
  preparations: [
    manage('migrate', '--verbosity=0'),
    manage('loaddata', 'questions', '--verbosity=0'),
    manage('createsuperuser', '--noinput', '--username=admin', '--email=admin@example.com'),
    manage('collectstatic', '--no-input', '--verbosity=0'),
  ],
  volatile: [
    /(?<=name="csrfmiddlewaretoken" value=")[^"]+/g,
    /(?<=^Set-Cookie: (?:csrftoken|sessionid|messages)=)[^;]*/gi,
    /(?<=expires=)[^;]*/g,
    /(?<=^Expires: ).*/gi,
  ],
  visit: async (visitor) => {
    await visitor.get('/');
    await visitor.get('/?page=9');
    await visitor.get('/1.json');
    await visitor.send('HEAD', '/1/results/');
    await visitor.get('/1/vote/');
    await visitor.get('/1/results?from=%C3%A4');
    await visitor.get('/nichts/f%C3%BCr/dich');
    await visitor.get('/2/results/');
    const style = await visitor.get('/static/admin/css/base.css');
    const since = { 'If-Modified-Since': style.header('last-modified') ?? '' };
    await visitor.get('/static/admin/css/base.css', since);
    await visitor.get('/votes.csv');
    await visitor.submit('/1/vote/', { choice: '1' });
    await visitor.get('/2/');
    await visitor.submit('/2/vote/', djangoCsrf(visitor));
    await visitor.submit('/2/vote/', { ...djangoCsrf(visitor), choice: '4' });
    await visitor.get('/2/results/');
    await visitor.get('/1/');
    const content = Buffer.alloc(3 * 1024 * 1024, 'more than Django keeps in memory\r\n');
    const file = { field: 'file', name: 'plan.bin', type: 'application/octet-stream', content };
    await visitor.upload('/1/attach/', { ...djangoCsrf(visitor), title: 'Pläne.bin' }, [file]);
    await visitor.get('/attachments/1');
    await visitor.get('/attachments/2');
    await visitor.get('/admin/');
    await visitor.get('/admin/login/?next=/admin/');
    const user = { username: 'admin', password: 'correct horse' };
    await visitor.submit('/admin/login/?next=/admin/', { ...djangoCsrf(visitor), ...user });
    await visitor.get('/admin/');
  },
};

/** All of them. */
export const sites: readonly Site[] = [tutorial, shop, polls];

function csrf(visitor: Visitor): Record<string, string> {
  return { csrf: visitor.hidden('csrf') };
}

function djangoCsrf(visitor: Visitor): Record<string, string> {
  return { csrfmiddlewaretoken: visitor.hidden('csrfmiddlewaretoken') };
}
