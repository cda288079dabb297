// The files of TLS: read, and checked before anybody depends on them. Used by the command and the master (before a
// worker starts, and at HUP) and by each worker (for the context it serves with). Reads files and nothing else;
// whatever is wrong with them is the operator's, and is said in one line.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { WsgiTsError } from './errors.ts';
import type { TlsPolicy } from './http/policy.ts';

/**
 * Reads what `policy` names.
 *
 * @returns options that `tls.createSecureContext` takes
 * @throws WsgiTsError (operator, exit code 1): ERR_WSGI_TLS_FILE where a file can't be read,
 * ERR_WSGI_TLS_CERTIFICATE, ERR_WSGI_TLS_KEY, ERR_WSGI_TLS_CIPHERS where its content is no use
 */
export function readCertificates(policy: TlsPolicy): SecureContextOptions {
  const cert = read('--certfile', policy.certfile);
  const key = policy.keyfile === null ? cert : read('--keyfile', policy.keyfile);
  const ca = policy.caCerts === null ? undefined : read('--ca-certs', policy.caCerts);
  assertCertificate('--certfile', policy.certfile, cert);
  if (policy.caCerts !== null && ca !== undefined)
    assertCertificate('--ca-certs', policy.caCerts, ca);
  const options: SecureContextOptions = {
    ...{ cert, key, minVersion: MIN_VERSIONS[policy.minimumVersion] },
    ...(ca === undefined ? {} : { ca }),
    ...(policy.ciphers === null ? {} : { ciphers: policy.ciphers }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, policy);
  }
  return options;
}

const MIN_VERSIONS = {
  '1.0': 'TLSv1',
  '1.1': 'TLSv1.1',
  '1.2': 'TLSv1.2',
  '1.3': 'TLSv1.3',
} as const;

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'there is no such file' : `it can't be read (${code ?? String(error)})`;
    throw new WsgiTsError('ERR_WSGI_TLS_FILE', 'operator', `${flag} ${path}: ${why}`);
  }
}

function assertCertificate(flag: string, path: string, pem: Buffer): void {
  try {
    // It would take DER too, which OpenSSL's context doesn't.
    if (!pem.includes('-----BEGIN ')) throw new Error('no PEM');
    new X509Certificate(pem);
  } catch {
    const message = `${flag} ${path}: it holds no certificate in PEM form`;
    throw new WsgiTsError('ERR_WSGI_TLS_CERTIFICATE', 'operator', message);
  }
}

/** What OpenSSL says, in words. */
function explain(error: NodeJS.ErrnoException, policy: TlsPolicy): WsgiTsError {
  const code = error.code ?? '';
  const keyPath = policy.keyfile ?? policy.certfile;
  if (/CIPHER/.test(code)) {
    const message = `--ciphers ${policy.ciphers ?? ''}: OpenSSL knows none of these`;
    return new WsgiTsError('ERR_WSGI_TLS_CIPHERS', 'operator', message, {
      remedy: '`openssl ciphers -v` lists those it knows.',
    });
  }
  if (/TOO_SMALL|TOO_WEAK/.test(code)) {
    const message = `--certfile ${policy.certfile}: OpenSSL finds it too weak (${code})`;
    return new WsgiTsError('ERR_WSGI_TLS_CERTIFICATE', 'operator', message, {
      remedy: 'Have one made with a longer key, or allow it: --ciphers DEFAULT@SECLEVEL=0',
    });
  }
  const [message, remedy] = /MISMATCH/.test(code)
    ? [`the key in ${keyPath} is not that of the certificate in ${policy.certfile}`]
    : /INTERRUPTED|PASSWORD|PASSPHRASE|BAD_DECRYPT/.test(code)
      ? [
          `the key in ${keyPath} is encrypted, and there is nobody to ask for its password`,
          `Decrypt it: openssl pkey -in ${keyPath} -out plain.key`,
        ]
      : [
          `${keyPath} holds no private key in PEM form`,
          policy.keyfile === null ? 'Name the key with --keyfile.' : undefined,
        ];
  const details = { remedy };
  return new WsgiTsError('ERR_WSGI_TLS_KEY', 'operator', message, details);
}
