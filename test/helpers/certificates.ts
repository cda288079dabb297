// Certificates for tests, made by openssl (Node can't make any). Each in a folder that is gone at the end of the
// test file. Keys are short-lived and of elliptic curves: they take no time to make.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A folder for this test file. */
export const certificateFolder = mkdtempSync(join(tmpdir(), 'wsgi-ts-certificates-'));
after(() => {
  rmSync(certificateFolder, { recursive: true });
});

let count = 0;

/**
 * Makes a key and its certificate, which it signs itself.
 *
 * @param subject - in openssl's form, such as `/CN=localhost`
 * @param issuer - signs it instead; then it is no authority
 * @param extensions - those of one that signs itself, besides openssl's own, such as `keyUsage=digitalSignature`
 */
export function makeCertificate(
  subject = '/CN=localhost',
  issuer?: Certificate,
  extensions: readonly string[] = [],
): Certificate {
  const base = join(certificateFolder, String(++count));
  const made = { cert: `${base}.pem`, key: `${base}.key` };
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-utf8'];
  const request = ['req', ...options, '-multivalue-rdn', '-subj', subject, '-keyout', made.key];
  if (issuer === undefined) {
    const more = extensions.flatMap((extension) => ['-addext', extension]);
    openssl(...request, '-x509', '-days', '2', ...more, '-out', made.cert);
  } else {
    openssl(...request, '-out', `${base}.csr`);
    const by = ['-CA', issuer.cert, '-CAkey', issuer.key, '-set_serial', String(count)];
    openssl('x509', '-req', '-in', `${base}.csr`, ...by, '-days', '2', '-out', made.cert);
  }
  return made;
}

/**
 * Makes a certificate of this machine, for clients that are told to trust it alone. They look for its names among the
 * extensions, and those of Python 3.13 for what an authority's key may do.
 */
export function makeTrustedCertificate(): Certificate {
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  return makeCertificate(undefined, undefined, [
    names,
    'keyUsage=critical,digitalSignature,keyCertSign',
  ]);
}

/** Writes a file into the folder; its path. */
export function certificateFile(name: string, content: string): string {
  const path = join(certificateFolder, name);
  writeFileSync(path, content);
  return path;
}

/** Runs openssl. */
export function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
