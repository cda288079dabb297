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

let made: string | undefined;
let count = 0;

/** A folder for this test file. */
export function certificateFolder(): string {
  if (made === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'wsgi-ts-certificates-'));
    made = folder;
    after(() => {
      rmSync(folder, { recursive: true });
    });
  }
  return made;
}

/**
 * Makes a key and its certificate, which it signs itself.
 *
 * @param subject - in openssl's form, such as `/CN=localhost`
 * @param issuer - signs it instead; then it is no authority
 */
export function makeCertificate(subject = '/CN=localhost', issuer?: Certificate): Certificate {
  const base = join(certificateFolder(), String(++count));
  const made = { cert: `${base}.pem`, key: `${base}.key` };
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-utf8'];
  const request = ['req', ...options, '-multivalue-rdn', '-subj', subject, '-keyout', made.key];
  if (issuer === undefined) {
    openssl(...request, '-x509', '-days', '2', '-out', made.cert);
  } else {
    openssl(...request, '-out', `${base}.csr`);
    const by = ['-CA', issuer.cert, '-CAkey', issuer.key, '-set_serial', String(count)];
    openssl('x509', '-req', '-in', `${base}.csr`, ...by, '-days', '2', '-out', made.cert);
  }
  return made;
}

/** Writes a file into the folder; its path. */
export function certificateFile(name: string, content: string): string {
  const path = join(certificateFolder(), name);
  writeFileSync(path, content);
  return path;
}

/** Runs openssl. */
export function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
