import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCertificates } from '../../src/certificates.ts';
import type { TlsPolicy } from '../../src/http/policy.ts';
import {
  certificateFile,
  certificateFolder,
  makeCertificate,
  openssl,
} from '../helpers/certificates.ts';

const { cert: certfile, key: keyfile } = makeCertificate();

function policy(more: Partial<TlsPolicy> = {}): TlsPolicy {
  const rest = { caCerts: null, certReqs: 0, ciphers: null, minimumVersion: '1.2' } as const;
  return { certfile, keyfile, ...rest, ...more };
}

void test('good files become the options of a secure context', () => {
  const options = readCertificates(policy({ caCerts: certfile, minimumVersion: '1.3' }));
  assert.equal(options.minVersion, 'TLSv1.3');
  assert.match(String(options.cert), /BEGIN CERTIFICATE/);
  assert.match((options.key as Buffer).toString(), /BEGIN PRIVATE KEY/);
  assert.match(String(options.ca), /BEGIN CERTIFICATE/);
});

const der = join(certificateFolder, 'cert.der');
openssl('x509', '-in', certfile, '-outform', 'DER', '-out', der);
const weak = join(certificateFolder, 'weak');
openssl(
  ...['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-subj', '/CN=weak', '-days', '2'],
  ...['-keyout', `${weak}.key`, '-out', `${weak}.pem`],
);
const cases: Readonly<Record<string, [code: string, more: Partial<TlsPolicy>]>> = {
  'a certificate that is not there': ['ERR_WSGI_TLS_FILE', { certfile: '/nowhere' }],
  'a key that is not there': ['ERR_WSGI_TLS_FILE', { keyfile: '/nowhere' }],
  'a certificate in DER': ['ERR_WSGI_TLS_CERTIFICATE', { certfile: der }],
  'a key in the place of authorities': ['ERR_WSGI_TLS_CERTIFICATE', { caCerts: keyfile }],
  'a certificate in the place of a key': ['ERR_WSGI_TLS_KEY', { keyfile: certfile }],
  'a key of somebody else': ['ERR_WSGI_TLS_KEY', { keyfile: makeCertificate().key }],
  'an empty key': ['ERR_WSGI_TLS_KEY', { keyfile: certificateFile('empty', '') }],
  'ciphers that are none': ['ERR_WSGI_TLS_CIPHERS', { ciphers: 'NONE-SUCH' }],
  'a key that is too short for OpenSSL': [
    'ERR_WSGI_TLS_CERTIFICATE',
    { certfile: `${weak}.pem`, keyfile: `${weak}.key`, ciphers: 'DEFAULT@SECLEVEL=2' },
  ],
};
for (const [what, [code, more]] of Object.entries(cases)) {
  void test(`${what} is ${code}, the operator's`, () => {
    assert.throws(() => readCertificates(policy(more)), { code, blame: 'operator', exitCode: 1 });
  });
}
