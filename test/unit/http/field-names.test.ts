import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Field, FieldNames } from '../../../src/http/field-names.ts';
import { noTrust, type Trust } from '../../../src/http/policy.ts';

function names(trust: Partial<Trust> = {}): FieldNames {
  return new FieldNames({
    ...noTrust,
    secureSchemeHeaders: { 'x-forwarded-proto': 'https', 'x-forwarded-ssl': 'on' },
    forwarderHeaders: ['SCRIPT_NAME', 'REMOTE_USER', 'PLAIN'],
    ...trust,
  });
}

function kinds(of: FieldNames, expected: Readonly<Record<string, number>>): void {
  for (const [name, kind] of Object.entries(expected)) {
    for (const written of [name, name.toLowerCase(), name.toUpperCase()]) {
      assert.equal(of.kindOf(written), kind, written);
    }
  }
}

test('the fields of the protocol are known in any case, and their like are not', () => {
  kinds(names(), {
    Host: Field.host,
    'Content-Type': Field.contentType,
    'Content-Length': Field.contentLength,
    'Transfer-Encoding': Field.transferEncoding,
    Expect: Field.expect,
    Upgrade: Field.upgrade,
    Hose: Field.ordinary,
    Accept: Field.ordinary,
    'User-Agent': Field.ordinary,
    'Content-Typf': Field.ordinary,
    'X-Forwarded-For': Field.ordinary,
    Forwarded: Field.ordinary,
    Plain: Field.ordinary,
  });
});

test('what begins with a colon is no field, however it goes on', () => {
  kinds(names(), { ':path': Field.pseudo, ':x_y': Field.pseudo, ':': Field.pseudo });
});

test('a name of any length has a kind', () => {
  for (const length of [0, 1, 255, 256, 70_000]) {
    assert.equal(names().kindOf('x'.repeat(length)), Field.ordinary);
    assert.equal(names().kindOf(`${'x'.repeat(length)}_`), Field.ambiguous);
  }
});

test('underscores are ambiguous but in what a proxy may send, and that has no other spelling', () => {
  kinds(names(), {
    X_Auth: Field.ambiguous,
    X_Forwarded_Proto: Field.ambiguous,
    Script_Name: Field.forwarder,
    'Script-Name': Field.ambiguous,
    Remote_User: Field.forwarder,
    'Remote-User': Field.ambiguous,
    Path_Info: Field.ambiguous,
    'Path-Info': Field.ordinary,
  });
  kinds(names({ forwarderHeaders: ['*'] }), {
    X_Auth: Field.forwarder,
    'X-Auth': Field.ordinary,
  });
});

test('with hops, one family of forwarded fields is read and the other one is not', () => {
  const family = {
    'X-Forwarded-For': Field.forwarded,
    'X-Forwarded-Proto': Field.forwarded,
    'X-Forwarded-Host': Field.forwarded,
    'X-Forwarded-Port': Field.forwarded,
    'X-Forwarded-Prefix': Field.forwarded,
  };
  kinds(names({ forwardedHops: 1 }), {
    ...family,
    Forwarded: Field.unread,
    'X-Forwarded-Ssl': Field.scheme,
  });
  kinds(names({ forwardedHops: 1, forwardedHeader: 'forwarded' }), {
    ...Object.fromEntries(Object.keys(family).map((name) => [name, Field.unread])),
    Forwarded: Field.forwarded,
  });
  kinds(names(), { 'X-Forwarded-Proto': Field.scheme });
  kinds(names({ forwardedHops: 1, forwardedFields: ['for'] }), {
    'X-Forwarded-For': Field.forwarded,
    'X-Forwarded-Proto': Field.unread,
    'X-Forwarded-Host': Field.unread,
  });
});

test('where all names are kept, none passes for a forwarded field', () => {
  const all = names({ forwardedHops: 1, headerMap: 'dangerous' });
  kinds(all, {
    X_Forwarded_For: Field.unread,
    'X-Forwarded_Host': Field.unread,
    X_Auth: Field.ambiguous,
  });
  kinds(names({ headerMap: 'dangerous' }), { X_Forwarded_For: Field.ambiguous });
});
