import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForwardedRules, type Seen } from '../../../src/http/forwarded.ts';
import { noTrust, type Trust } from '../../../src/http/policy.ts';

const seen: Seen = {
  remoteAddress: '10.0.0.1',
  remotePort: '4000',
  scheme: 'http',
  host: 'inner.example:8000',
  serverName: '10.0.0.2',
  serverPort: '8000',
  prefix: '',
  scriptName: '',
  scriptNameTold: false,
};

function apply(trust: Partial<Trust>, ...told: string[]): Partial<Seen> {
  const rules = new ForwardedRules({
    ...noTrust,
    secureSchemeHeaders: { 'x-forwarded-proto': 'https', 'x-forwarded-ssl': 'on' },
    ...trust,
  });
  const result = rules.apply(told, seen);
  const changed = Object.entries(result).filter(
    ([key, value]) => value !== seen[key as keyof Seen],
  );
  return Object.fromEntries(changed);
}

const hop = { forwardedHops: 1 };

test('who is trusted, the policy says; a peer on a unix socket always is', () => {
  const rules = new ForwardedRules({ ...noTrust, forwardedAllowIps: ['10.0.0.0/8', '::1'] });
  assert.deepEqual(
    ['10.9.9.9', '::1', '::ffff:10.0.0.1', '', '11.0.0.1', '::2', 'nonsense'].map((address) =>
      rules.trusts(address),
    ),
    [true, true, true, true, false, false, false],
  );
});

test('one of the scheme fields says https by its value, and http by any other', () => {
  assert.deepEqual(apply({}, 'x-forwarded-proto', 'https'), { scheme: 'https' });
  assert.deepEqual(apply({}, 'x-forwarded-ssl', 'ON'), { scheme: 'https' });
  assert.deepEqual(apply({}, 'x-forwarded-proto', 'http'), {});
  assert.deepEqual(apply({}, 'x-forwarded-proto', 'https', 'x-forwarded-ssl', 'on'), {
    scheme: 'https',
  });
  const rules = new ForwardedRules({ ...noTrust, secureSchemeHeaders: { a: 'b' } });
  assert.equal(rules.apply(['a', 'c'], { ...seen, scheme: 'https' }).scheme, 'http');
});

test('scheme fields that contradict each other are refused, in either order', () => {
  for (const told of [
    ['x-forwarded-proto', 'https', 'x-forwarded-ssl', 'off'],
    ['x-forwarded-ssl', 'off', 'x-forwarded-proto', 'https'],
    ['x-forwarded-proto', 'https', 'x-forwarded-proto', 'http'],
  ]) {
    assert.throws(() => apply({}, ...told), {
      code: 'ERR_WSGI_FORWARDED_SCHEME',
      status: 400,
      blame: 'client',
    });
  }
  const listed = ['x-forwarded-proto', 'https, http', 'x-forwarded-ssl', 'on'];
  assert.deepEqual(apply({ forwardedHops: 2 }, ...listed), { scheme: 'https' });
  assert.throws(() => apply(hop, ...listed), { code: 'ERR_WSGI_FORWARDED_SCHEME' });
});

test('SCRIPT_NAME is a path, once', () => {
  assert.deepEqual(apply({}, 'script_name', '/app'), { scriptName: '/app', scriptNameTold: true });
  assert.deepEqual(apply({}, 'script_name', '/app/'), { scriptName: '/app', scriptNameTold: true });
  assert.deepEqual(apply({}, 'script_name', ''), { scriptNameTold: true });
  for (const told of [
    ['script_name', 'app'],
    ['script_name', '//evil.example'],
    ['script_name', '/\\evil.example'],
    ['script_name', '/a?b'],
    ['script_name', '/a#b'],
    ['script_name', '/a b'],
    ['script_name', '/caf\u00e9'],
    ['script_name', '/a', 'script_name', '/a'],
  ]) {
    assert.throws(() => apply({}, ...told), { code: 'ERR_WSGI_FORWARDED', status: 400 });
  }
});

test('a hop says who the client is, and the port only where it is known', () => {
  assert.deepEqual(apply(hop, 'x-forwarded-for', '192.0.2.1'), {
    remoteAddress: '192.0.2.1',
    remotePort: '',
  });
  assert.deepEqual(apply(hop, 'x-forwarded-for', '[2001:db8::1]:5000'), {
    remoteAddress: '2001:db8::1',
    remotePort: '5000',
  });
  assert.deepEqual(apply(hop, 'x-forwarded-for', 'unknown'), { remoteAddress: '', remotePort: '' });
  assert.deepEqual(apply(hop), {});
});

test('a hop says which host and port the client asked for', () => {
  const host = (...told: string[]) => apply(hop, ...told);
  assert.deepEqual(host('x-forwarded-host', 'a.example'), {
    host: 'a.example',
    serverName: 'a.example',
    serverPort: '',
  });
  assert.deepEqual(host('x-forwarded-host', '[::1]:8443'), {
    host: '[::1]:8443',
    serverName: '[::1]',
    serverPort: '8443',
  });
  assert.deepEqual(host('x-forwarded-port', '8443'), {
    host: 'inner.example:8443',
    serverPort: '8443',
  });
  assert.deepEqual(host('x-forwarded-port', '80'), { host: 'inner.example', serverPort: '80' });
  assert.deepEqual(
    host(
      ...['x-forwarded-host', 'a.example:1', 'x-forwarded-port', '443'],
      ...['x-forwarded-proto', 'HTTPS'],
    ),
    { scheme: 'https', host: 'a.example', serverName: 'a.example', serverPort: '443' },
  );
  assert.equal(
    new ForwardedRules({ ...noTrust, ...hop }).apply(['x-forwarded-port', '443'], {
      ...seen,
      host: null,
    }).host,
    null,
  );
});

test('a hop says which path it has taken off', () => {
  assert.deepEqual(apply(hop, 'x-forwarded-prefix', '/app/'), { prefix: '/app' });
  assert.deepEqual(apply(hop, 'x-forwarded-prefix', '/'), {});
});

test('Forwarded says the same in one field', () => {
  assert.deepEqual(
    apply(
      { forwardedHops: 2, forwardedHeader: 'forwarded' },
      'forwarded',
      'for="[2001:db8::1]:4711";proto=https;host="a.example:8443", for=10.0.0.3',
    ),
    {
      remoteAddress: '2001:db8::1',
      remotePort: '4711',
      scheme: 'https',
      host: 'a.example:8443',
      serverName: 'a.example',
      serverPort: '8443',
    },
  );
});

test('only what is asked for is read', () => {
  const some: Partial<Trust> = { forwardedHops: 1, forwardedFields: ['for', 'proto'] };
  assert.deepEqual(
    apply({ ...some, forwardedHeader: 'forwarded' }, 'forwarded', 'for=192.0.2.1;host=a.example'),
    { remoteAddress: '192.0.2.1', remotePort: '' },
  );
});

test('what a hop can not mean is refused', () => {
  for (const told of [
    ['x-forwarded-for', 'localhost'],
    ['x-forwarded-proto', 'ftp'],
    ['x-forwarded-proto', 'wss'],
    ['x-forwarded-host', 'a b'],
    ['x-forwarded-host', 'user@a.example'],
    ['x-forwarded-host', ':80'],
    ['x-forwarded-port', '0'],
    ['x-forwarded-port', '080'],
    ['x-forwarded-port', '65536'],
    ['x-forwarded-port', 'x'],
    ['x-forwarded-prefix', 'app'],
    ['x-forwarded-prefix', '//evil.example'],
  ]) {
    assert.throws(
      () => apply(hop, ...told),
      { code: 'ERR_WSGI_FORWARDED', status: 400, blame: 'client' },
      told.join(': '),
    );
  }
});

test('without hops, no forwarded field is read but for its scheme', () => {
  assert.deepEqual(
    apply({}, 'x-forwarded-for', 'x', 'x-forwarded-host', 'x', 'forwarded', 'for=192.0.2.1'),
    {},
  );
});
