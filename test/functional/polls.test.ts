// A Django project as `startproject` lays it out, unchanged under wsgi-ts and under gunicorn: every one of
// its routes, and its admin. The tests of this file are one visit after the other.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Answer } from '../helpers/browser.ts';
import type { Upload } from '../helpers/site-visitor.ts';
import { serveSideBySide } from '../helpers/side-by-side.ts';
import type { SideBySide } from '../helpers/side-by-side.ts';

let polls: SideBySide;

before(async () => {
  const manage = (...args: string[]): string[] => ['python', 'manage.py', ...args];
  const superuser = ['--noinput', '--username=admin', '--email=admin@example.com'];
  polls = await serveSideBySide({
    folder: 'polls',
    app: 'polls.wsgi',
    dataVariable: 'POLLS_DATA_DIR',
    env: {
      POLLS_SECRET_KEY: 'a secret of the test, of fifty characters at the least',
      DJANGO_SUPERUSER_PASSWORD: 'correct horse',
    },
    preparations: [
      ['python', '-c', 'import os; os.makedirs(os.environ["POLLS_DATA_DIR"])'],
      manage('migrate', '--verbosity=0'),
      manage('loaddata', 'questions'),
      manage('createsuperuser', ...superuser),
      manage('collectstatic', '--no-input', '--verbosity=0'),
    ],
    volatile: [
      /(?<=name="csrfmiddlewaretoken" value=")[^"]+/g,
      /(?<=^Set-Cookie: (csrftoken|sessionid|messages)=)[^;]*/g,
      /(?<=expires=)[^;]*/g,
      /(?<=^Expires: ).*/g,
    ],
  });
});

after(() => polls.stop());

/** Sends a form with Django's token. */
const submit = (path: string, fields: Record<string, string>): Promise<Answer> =>
  polls.visit((visitor) =>
    visitor.submit(path, { csrfmiddlewaretoken: visitor.hidden('csrfmiddlewaretoken'), ...fields }),
  );

const attach = (path: string, title: string, file?: Omit<Upload, 'field'>): Promise<Answer> =>
  polls.visit((visitor) =>
    visitor.upload(
      path,
      { csrfmiddlewaretoken: visitor.hidden('csrfmiddlewaretoken'), title },
      file ? [{ field: 'file', ...file }] : [],
    ),
  );

describe('the site', () => {
  it('lists its questions, newest first', async () => {
    const { status, text } = await polls.get('/');
    assert.equal(status, 200);
    assert.ok(text.indexOf('Wohin im Sommer – ans Meer? 🏖') < text.indexOf('Tea or coffee?'));
    assert.equal((await polls.get('/?page=9')).status, 404);
  });

  it('gives JSON, an answer to HEAD, and 405 where a form is wanted', async () => {
    assert.deepEqual(JSON.parse((await polls.get('/1.json')).text), {
      question: 'Tea or coffee?',
      choices: [
        { text: 'Tea', votes: 3 },
        { text: 'Coffee', votes: 4 },
      ],
    });
    const head = await polls.visit((visitor) => visitor.send('HEAD', '/1/results/'));
    assert.equal(head.body.length, 0);
    assert.equal((await polls.get('/1/vote/')).header('allow'), 'POST');
  });

  it('redirects to the path with its slash', async () => {
    const answer = await polls.get('/1/results?from=%C3%A4');
    assert.equal(answer.status, 301);
    assert.equal(answer.header('location'), '/1/results/?from=%C3%A4');
  });

  it('has a 404 page of its own', async () => {
    const answer = await polls.get('/nichts/f%C3%BCr/dich');
    assert.equal(answer.status, 404);
    assert.match(answer.text, /There is nothing at \/nichts\/f(%C3%BC|ü)r\/dich\./);
  });

  it('refuses a host that is not its own', async () => {
    assert.equal((await polls.get('/', { Host: 'evil.example' })).status, 400);
  });

  it('answers its own bug with its 500 page', async () => {
    const answer = await polls.get('/2/results/');
    assert.equal(answer.status, 500);
    assert.match(answer.text, /Something broke on our side/);
  });

  it('sends collected static files, also conditionally', async () => {
    const style = await polls.get('/static/admin/css/base.css');
    assert.equal(style.header('content-type'), 'text/css');
    assert.equal(style.header('content-length'), String(style.body.length));
    const since = { 'If-Modified-Since': style.header('last-modified') ?? '' };
    const later = await polls.get('/static/admin/css/base.css', since);
    assert.equal(later.status, 304);
    assert.equal((await polls.get('/static/../polls/settings.py')).status, 404);
  });

  it('streams its export', async () => {
    const answer = await polls.get('/votes.csv');
    assert.equal(answer.header('transfer-encoding'), 'chunked');
    assert.equal(answer.header('content-disposition'), 'attachment; filename="votes.csv"');
    assert.deepEqual(answer.text.split('\r\n').slice(0, 3), [
      'question,choice,votes',
      'Tea or coffee?,Tea,3',
      'Tea or coffee?,Coffee,4',
    ]);
  });
});

describe('voting', () => {
  it('refuses a vote without the CSRF token', async () => {
    const answer = await polls.visit((visitor) => visitor.submit('/1/vote/', { choice: '1' }));
    assert.equal(answer.status, 403);
  });

  it('asks again when nothing was chosen', async () => {
    await polls.get('/1/');
    const answer = await submit('/1/vote/', {});
    assert.equal(answer.status, 422);
    assert.match(answer.text, /You did not select a choice\./);
  });

  it('counts a vote, thanks once and remembers it in the session', async () => {
    await polls.get('/2/');
    const voted = await submit('/2/vote/', { choice: '4' });
    assert.equal(voted.status, 302);
    assert.equal(voted.header('location'), '/2/results/');
    const results = await polls.get('/2/results/');
    assert.match(results.text, /Thank you for “In die &lt;Berge&gt;”\./);
    assert.match(results.text, /In die &lt;Berge&gt;: 1 vote, 100 %/);
    assert.doesNotMatch((await polls.get('/2/results/')).text, /Thank you/);
    assert.match((await polls.get('/2/')).text, /You have voted\./);
    assert.equal((await submit('/2/vote/', { choice: '3' })).status, 403);
    await polls.server.waitForOutput(/A vote for In die <Berge>/);
  });
});

describe('attachments', () => {
  const content = Buffer.alloc(6 * 1024 * 1024, 'more than Django keeps in memory\r\n');

  it('takes a large file and sends the same bytes back', async () => {
    await polls.get('/1/');
    const file = { name: 'plan.bin', type: 'application/octet-stream', content };
    const stored = await attach('/1/attach/', 'Pläne.bin', file);
    assert.equal(stored.status, 302);
    assert.match((await polls.get('/1/')).text, /Pläne\.bin<\/a> \(6\.0.MB\)/);
    const download = await polls.get('/attachments/1');
    assert.equal(
      download.header('content-disposition'),
      "attachment; filename*=utf-8''Pl%C3%A4ne.bin",
    );
    assert.equal(download.header('content-length'), String(content.length));
    assert.ok(download.body.equals(content));
  });

  it('refuses what is missing or too large', async () => {
    await polls.get('/1/');
    assert.match((await attach('/1/attach/', 'Nothing')).text, /"file"/);
    const large = { name: 'a', type: 'text/plain', content: Buffer.alloc(9 * 1024 * 1024, 65) };
    const answer = await attach('/1/attach/', 'Large', large);
    assert.equal(answer.status, 400);
    assert.deepEqual(JSON.parse(answer.text), { file: ['Eight megabytes at most, please.'] });
    assert.equal((await polls.get('/attachments/2')).status, 404);
  });
});

describe("Django's admin", () => {
  it('lets its superuser in', async () => {
    polls.newVisitor();
    assert.equal((await polls.get('/admin/')).header('location'), '/admin/login/?next=/admin/');
    await polls.get('/admin/login/?next=/admin/');
    const wrong = await submit('/admin/login/?next=/admin/', { username: 'admin', password: 'x' });
    assert.match(wrong.text, /Please enter the correct username and password/);
    const right = { username: 'admin', password: 'correct horse' };
    assert.equal((await submit('/admin/login/?next=/admin/', right)).header('location'), '/admin/');
    assert.match((await polls.get('/admin/')).text, /Site administration/);
  });

  it('lists, searches and edits questions', async () => {
    assert.match((await polls.get('/admin/voting/question/')).text, /2 questions/);
    assert.match((await polls.get('/admin/voting/question/?q=coffee')).text, /1 result /);
    await polls.get('/admin/voting/question/add/');
    const added = await submit('/admin/voting/question/add/', {
      text: 'Ein Löffel Zucker?',
      published_0: '2024-03-03',
      published_1: '12:00:00',
      'choices-TOTAL_FORMS': '1',
      'choices-INITIAL_FORMS': '0',
      'choices-MIN_NUM_FORMS': '0',
      'choices-MAX_NUM_FORMS': '1000',
      'choices-0-text': 'Zwei',
      'choices-0-votes': '0',
    });
    assert.equal(added.status, 302);
    assert.match((await polls.get('/3/')).text, /Ein Löffel Zucker\?[^]*Zwei/);
  });
});
