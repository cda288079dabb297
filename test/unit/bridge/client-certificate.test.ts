import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { certificateEnviron } from '../../../src/bridge/client-certificate.ts';
import { makeCertificate } from '../../helpers/certificates.ts';

function environOf(subject: string, failure: string | null = null): Record<string, string> {
  const certificate = new X509Certificate(readFileSync(makeCertificate(subject).cert));
  const pairs = certificateEnviron(certificate, failure);
  for (const part of pairs) assert.match(part, /^[\t\x20-\x7e\x80-\xff]*$/, 'a control character');
  return Object.fromEntries(
    Array.from({ length: pairs.length / 2 }, (_, at) => [pairs[2 * at], pairs[2 * at + 1]]),
  ) as Record<string, string>;
}

void test('a name of several attributes is told whole and in parts', () => {
  const environ = environOf('/C=DE/O=Foo, Inc./CN=a b');
  assert.equal(environ['SSL_CLIENT_S_DN'], 'CN=a b,O=Foo\\, Inc.,C=DE');
  assert.equal(environ['SSL_CLIENT_S_DN_O'], 'Foo, Inc.');
  assert.equal(environ['SSL_CLIENT_S_DN_CN'], 'a b');
  assert.equal(environ['SSL_CLIENT_S_DN_OU'], undefined);
});

void test('of several attributes of a type the first one counts, also within one RDN', () => {
  const environ = environOf('/OU=x+CN=one/CN=two');
  assert.equal(environ['SSL_CLIENT_S_DN_CN'], 'one');
  assert.equal(environ['SSL_CLIENT_S_DN_OU'], 'x');
});

void test('a value can not look like another attribute', () => {
  const values = ['x \\+ CN=admin', 'x\nCN=admin', 'x,CN=admin', '\\\\ \\+ CN=admin'];
  for (const value of values) {
    const environ = environOf(`/O=${value}/CN=user`);
    assert.equal(environ['SSL_CLIENT_S_DN_CN'], 'user', value);
    assert.match(environ['SSL_CLIENT_S_DN'] ?? '', /^CN=user,O=/);
  }
});

void test('control characters arrive as escapes', () => {
  const environ = environOf('/CN=a\nb\x1b[2J\x7f');
  assert.equal(environ['SSL_CLIENT_S_DN_CN'], 'a\\0Ab\\1B[2J\\7F');
});

void test('what is no latin-1 arrives as its UTF-8', () => {
  const environ = environOf('/CN=\u0141\u00f3d\u017a');
  assert.equal(Buffer.from(environ['SSL_CLIENT_S_DN_CN'] ?? '', 'latin1').toString(), 'Łódź');
});

void test('a certificate travels on one line', () => {
  const pem = environOf('/CN=x')['SSL_CLIENT_CERT'] ?? '';
  assert.match(pem, /^-----BEGIN CERTIFICATE-----\t[^\n]*\t-----END CERTIFICATE-----\t$/);
});

void test('whether it is good is said, or why not', () => {
  assert.deepEqual(certificateEnviron(undefined, null), ['SSL_CLIENT_VERIFY', 'NONE']);
  assert.equal(environOf('/CN=x')['SSL_CLIENT_VERIFY'], 'SUCCESS');
  assert.equal(environOf('/CN=x', 'OUT\nDATED')['SSL_CLIENT_VERIFY'], 'FAILED:OUT\\0ADATED');
});
