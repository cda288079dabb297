// Proofs of the clauses on how an app is called and on environ.

import assert from 'node:assert/strict';
import { ask, fixture, json, requestBytes } from '../../helpers/fixture-server.ts';
import type { ClauseId, Proof } from '../clauses.ts';
import type { RequestParts } from '../../helpers/fixture-server.ts';
import { connect } from '../../helpers/raw-client.ts';

/** What fixtures/apps/environ_shown.py answers. */
interface Shown {
  readonly arguments: readonly string[];
  readonly keywords: readonly string[];
  readonly exactlyDict: boolean;
  readonly environ: Readonly<Record<string, unknown>>;
  readonly types: Readonly<Record<string, string>>;
  readonly keyTypes: readonly string[];
  readonly methods: Readonly<Record<string, readonly string[]>>;
  readonly latin1: boolean;
}

/** Sends a request to the app that shows its environ. */
export async function show(target = '/', parts: RequestParts = {}): Promise<Shown> {
  return json(await ask('environ_shown', target, parts)) as Shown;
}

async function environOf(target: string, parts?: RequestParts): Promise<Shown['environ']> {
  return (await show(target, parts)).environ;
}

const kinds: Readonly<Record<string, string>> = {
  function: 'function',
  generator_function: 'generator function',
  Class: 'class',
  instance: 'instance',
  method: 'method',
  static: 'static',
  partial: 'positional only',
  unfriendly: 'function',
};

export const environProofs = {
  'callable-of-any-kind': async () => {
    await Promise.all(
      Object.entries(kinds).map(async ([name, answer]) => {
        assert.equal((await ask(`callable_kinds:${name}`, '/')).text, answer, name);
      }),
    );
  },

  'called-once-a-request': async () => {
    using client = await connect((await fixture('chosen_response')).port);
    for (const number of ['one', 'two', 'three']) {
      const body = `('200 OK', [('X-Number', '${number}')], [b'${number}'])`;
      await client.send(requestBytes('/', { method: 'POST', body }));
      const answer = await client.readResponse();
      assert.deepEqual([answer.header('X-Number'), answer.text], [number, number]);
    }
  },

  'positional-arguments': async () => {
    const shown = await show();
    assert.equal(shown.arguments.length, 2);
    assert.deepEqual(shown.keywords, []);
  },

  'environ-is-a-dict': async () => {
    const shown = await show();
    assert.equal(shown.arguments[0], 'dict');
    assert.equal(shown.exactlyDict, true);
  },

  'environ-is-the-apps-own': async () => {
    await show();
    const environ = await environOf('/');
    assert.ok(!('leaked.from.an.earlier.request' in environ));
    assert.ok('SERVER_NAME' in environ, 'taken out by the request before');
  },

  'native-strings': async () => {
    const shown = await show('/path?query', { headers: [['X-Some', 'value']] });
    assert.deepEqual(shown.keyTypes, ['str']);
    for (const [name, type] of Object.entries(shown.types)) {
      if (!name.includes('.')) assert.equal(type, 'str', name);
    }
    assert.equal(shown.types['wsgi.url_scheme'], 'str');
  },

  'latin-1-only': async () => {
    const shown = await show('/%E2%98%83', { headers: [['X-Bytes', '\xe9\xff\xe2\x98\x83']] });
    assert.equal(shown.latin1, true);
    assert.equal(shown.environ['PATH_INFO'], '/\xe2\x98\x83');
    assert.equal(shown.environ['HTTP_X_BYTES'], '\xe9\xff\xe2\x98\x83');
  },

  'request-method': async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      assert.equal((await environOf('/', { method }))['REQUEST_METHOD'], method);
    }
  },

  'script-name': async () => {
    assert.equal((await environOf('/some/path'))['SCRIPT_NAME'] ?? '', '');
  },

  'path-info': async () => {
    for (const [target, path] of [
      ['/', '/'],
      ['/a/b', '/a/b'],
      ['/caf%C3%A9/a%2Fb%20c?d', '/caf\xc3\xa9/a/b c'],
      ['/a//b/../c/.', '/a//b/../c/.'],
      ['/100%25%zz%4', '/100%%zz%4'],
      ['/a+b;c=d', '/a+b;c=d'],
    ] as const) {
      assert.equal((await environOf(target))['PATH_INFO'], path, target);
    }
  },

  'query-string': async () => {
    for (const [target, query] of [
      ['/', ''],
      ['/?', ''],
      ['/?a=1&b=%20+%C3%A9', 'a=1&b=%20+%C3%A9'],
      ['/?a?b?c', 'a?b?c'],
    ] as const) {
      assert.equal((await environOf(target))['QUERY_STRING'] ?? '', query, target);
    }
  },

  'content-type': async () => {
    const body = { method: 'POST', body: 'x', headers: [['content-type', 'text/x; a=b']] } as const;
    assert.equal((await environOf('/', body))['CONTENT_TYPE'], 'text/x; a=b');
    assert.equal((await environOf('/'))['CONTENT_TYPE'] ?? '', '');
  },

  'content-length': async () => {
    const parts = { method: 'POST', body: 'twelve bytes' };
    assert.equal((await environOf('/', parts))['CONTENT_LENGTH'], '12');
    assert.equal((await environOf('/', { method: 'POST', body: '' }))['CONTENT_LENGTH'], '0');
    assert.equal((await environOf('/'))['CONTENT_LENGTH'] ?? '', '');
  },

  'server-name-and-port': async () => {
    const { environ, types } = await show();
    const { port } = await fixture('environ_shown');
    assert.equal(environ['SERVER_NAME'], '127.0.0.1');
    assert.equal(environ['SERVER_PORT'], String(port));
    assert.equal(types['SERVER_PORT'], 'str');
  },

  'server-protocol': async () => {
    assert.equal((await environOf('/'))['SERVER_PROTOCOL'], 'HTTP/1.1');
    const old = await environOf('/', { version: 'HTTP/1.0' });
    assert.equal(old['SERVER_PROTOCOL'], 'HTTP/1.0');
  },

  'http-variables': async () => {
    const environ = await environOf('/', {
      method: 'POST',
      body: 'x',
      headers: [
        ['X-Some-Header', ' with space inside  '],
        ['ACCEPT', '*/*'],
        ['X-Empty', ''],
        ['Content-Type', 'text/plain'],
      ],
    });
    const sent = Object.entries(environ).filter(([name]) => name.startsWith('HTTP_'));
    assert.deepEqual(Object.fromEntries(sent), {
      HTTP_HOST: 'fixture.example',
      HTTP_X_SOME_HEADER: 'with space inside',
      HTTP_ACCEPT: '*/*',
      HTTP_X_EMPTY: '',
    });
  },

  'repeated-fields': async () => {
    const environ = await environOf('/', {
      headers: [
        ['X-Many', 'one'],
        ['Cookie', 'a=1'],
        ['X-MANY', 'two'],
        ['Cookie', 'b=2'],
      ],
    });
    assert.match(String(environ['HTTP_X_MANY']), /^one, ?two$/);
    assert.equal(environ['HTTP_COOKIE'], 'a=1; b=2');
  },

  'cgi-values-are-str': async () => {
    const { types } = await show('/', { method: 'POST', body: 'x' });
    const cgi = Object.entries(types).filter(([name]) => /^[A-Z]/.test(name));
    assert.ok(cgi.length > 8);
    assert.deepEqual(new Set(cgi.map(([, type]) => type)), new Set(['str']));
  },

  'unknown-left-out': async () => {
    const { environ } = await show();
    for (const name of ['REMOTE_USER', 'AUTH_TYPE', 'PATH_TRANSLATED', 'HTTPS', 'HTTP_COOKIE']) {
      assert.ok(!(name in environ), name);
    }
  },

  'other-cgi-variables': async () => {
    assert.equal((await environOf('/'))['REMOTE_ADDR'], '127.0.0.1');
  },

  'wsgi-version': async () => {
    const shown = await show();
    assert.deepEqual(shown.environ['wsgi.version'], [1, 0]);
    assert.equal(shown.types['wsgi.version'], 'tuple');
  },

  'wsgi-url-scheme': async () => {
    assert.equal((await environOf('/'))['wsgi.url_scheme'], 'http');
  },

  'wsgi-multithread': async () => {
    assert.equal((await environOf('/'))['wsgi.multithread'], false);
    assert.equal((await severalOfAll())['wsgi.multithread'], true);
  },

  'wsgi-multiprocess': async () => {
    assert.equal((await environOf('/'))['wsgi.multiprocess'], false);
    assert.equal((await severalOfAll())['wsgi.multiprocess'], true);
  },

  'wsgi-run-once': async () => {
    assert.equal((await environOf('/'))['wsgi.run_once'], false);
  },

  'extension-names': async () => {
    for (const name of Object.keys(await environOf('/'))) {
      assert.match(name, /^([A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)+)$/);
    }
  },

  'url-reconstruction': async () => {
    const target = '/a%20path/with~some-marks?and=a&query=%20';
    assert.equal(reconstruct(await environOf(target)), `http://fixture.example${target}`);
    const withoutHost = await environOf(target, { version: 'HTTP/1.0', headers: [['Host', '']] });
    const { port } = await fixture('environ_shown');
    assert.equal(reconstruct(withoutHost), `http://127.0.0.1:${String(port)}${target}`);
  },
} satisfies Partial<Record<ClauseId, Proof>>;

/** environ in a server with several threads and several workers. */
async function severalOfAll(): Promise<Shown['environ']> {
  const server = await fixture('environ_shown', '--threads', '2', '--workers', '2');
  using client = await connect(server.port);
  await client.send(requestBytes('/'));
  return (json(await client.readResponse()) as Shown).environ;
}

/** The recipe of the PEP's section "URL Reconstruction", for paths in ASCII. */
function reconstruct(environ: Shown['environ']): string {
  const text = (name: string): string => (environ[name] ?? '') as string;
  const port = text('SERVER_PORT') === '80' ? '' : `:${text('SERVER_PORT')}`;
  const host = text('HTTP_HOST') || `${text('SERVER_NAME')}${port}`;
  const path = encodeURI(text('SCRIPT_NAME') + text('PATH_INFO'));
  const query = text('QUERY_STRING') === '' ? '' : `?${text('QUERY_STRING')}`;
  return `${text('wsgi.url_scheme')}://${host}${path}${query}`;
}
