import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WsgiTsError } from '../../../src/errors.ts';
import { makeFailurePage } from '../../../src/development/failure-page.ts';

const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-failure-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const numbered = Array.from({ length: 20 }, (_, index) => `line ${String(index + 1)}`).join('\n');
writeFileSync(join(folder, 'app.py'), numbered);
mkdirSync(join(folder, 'lib', 'python3.11', 'site-packages'), { recursive: true });

function failure(details: { traceback?: string; remedy?: string; message?: string } = {}) {
  const { message = '`app` could not be imported: ImportError: no', ...rest } = details;
  return new WsgiTsError('ERR_WSGI_IMPORT_FAILED', 'application', message, {
    exitCode: 3,
    ...rest,
  });
}

const traceback =
  'Traceback (most recent call last):\n' +
  `  File "${folder}/app.py", line 10, in <module>\n    line 10\n` +
  `  File "${folder}/lib/python3.11/site-packages/flask.py", line 1, in f\n    whatever\n` +
  'ImportError: no';

function html(error: WsgiTsError): string {
  return makeFailurePage(error, [folder]).choose('text/html', null).body.toString();
}

void test('a browser is shown the person’s own frame with the lines around it', () => {
  const page = html(failure({ traceback, remedy: 'Install it.' }));
  assert.match(page, /<title>ImportError in app\.py<\/title>/);
  assert.match(page, /<strong>Install it\.<\/strong>/);
  assert.match(page, /app\.py, line 10, in &lt;module>/);
  assert.match(page, / 7 {2}line 7\n.*<mark> {3}10 {2}line 10<\/mark>.* 13 {2}line 13\n<\/pre>/s);
  // A library's is in the whole traceback alone.
  assert.equal(page.split('site-packages').length, 2);
});

void test('without a traceback it has a title and the message', () => {
  const page = html(failure({ message: 'Module `app` has no `application`' }));
  assert.match(page, /<title>The app can’t be loaded<\/title>/);
  assert.match(page, /<p>Module `app` has no `application`<\/p>/);
  assert.doesNotMatch(page, /<pre>/);
});

void test('a file that is gone is shown as the traceback has it', () => {
  const page = html(failure({ traceback: traceback.replaceAll('app.py', 'gone.py') }));
  assert.match(page, /<title>ImportError in gone\.py<\/title>/);
  assert.match(page, /<mark> {3}10 {2}line 10<\/mark>/);
});

void test('nothing of it is taken for markup', () => {
  const evil = '</pre><script>alert(1)</script>"&';
  writeFileSync(join(folder, 'evil.py'), `${evil}\n`);
  const page = html(
    failure({
      message: evil,
      remedy: evil,
      traceback: `  File "${folder}/evil.py", line 1, in ${evil}\n    ${evil}\n${evil}: ${evil}`,
    }),
  );
  assert.equal(page.match(/<script>/g)?.length, 1, 'its own');
  assert.doesNotMatch(page, /alert\(1\)<\/script>/);
});

void test('the policy lets its own script run, and no other', () => {
  const { fields, body } = makeFailurePage(failure({ traceback }), [folder]).choose(
    'text/html',
    'x',
  );
  const script = /<script>(.*)<\/script>/s.exec(body.toString())?.[1] ?? '';
  const policy = fields[fields.indexOf('Content-Security-Policy') + 1] ?? '';
  const hash = createHash('sha256').update(script).digest('base64');
  assert.ok(policy.includes(`script-src 'sha256-${hash}'`), policy);
  assert.deepEqual(fields.slice(-2), ['Server', 'x']);
});

void test('who asks for nothing gets text, and who asks for JSON gets that', () => {
  const page = makeFailurePage(failure({ traceback, remedy: 'Install it.' }), [folder]);
  const { fields, body } = page.choose('*/*', null);
  assert.equal(
    body.toString(),
    '500 Internal Server Error\n\n`app` could not be imported: ImportError: no\n\nInstall it.\n\n' +
      `${traceback}\n`,
  );
  assert.deepEqual(fields, [
    ...['500 Internal Server Error', 'Content-Type', 'text/plain; charset=utf-8'],
    ...['Content-Length', String(body.length), 'X-Wsgi-Ts-Failure', page.token],
    ...['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'],
  ]);
  const json = page.choose('application/json', null);
  assert.equal(json.fields[2], 'application/json');
  assert.deepEqual(JSON.parse(json.body.toString()), {
    ...{ status: 500, error: 'Internal Server Error', code: 'ERR_WSGI_IMPORT_FAILED' },
    ...{
      message: '`app` could not be imported: ImportError: no',
      remedy: 'Install it.',
      traceback,
    },
  });
});

void test('the mark is the same for the same failure, and another one for another', () => {
  const tokens = [failure({ traceback }), failure({ traceback }), failure()].map(
    (error) => makeFailurePage(error, [folder]).token,
  );
  assert.equal(tokens[0], tokens[1]);
  assert.notEqual(tokens[0], tokens[2]);
});
