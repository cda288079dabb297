// What a client's certificate says, as keys of `environ`: the names are those of Apache's mod_ssl, which apps know.
// Used by tls-front.ts for each TLS connection. Pure. A certificate is its holder's word: whatever of it could end
// a line or move a cursor is escaped.

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { escapeField } from '../log/escape.ts';

/** RFC 4514 §2.3: the attribute types that have names. */
const NAMED = ['CN', 'C', 'ST', 'L', 'O', 'OU', 'emailAddress'] as const;

/**
 * The keys of `environ` of a TLS connection: key, value, key, value.
 *
 * In the value of `SSL_CLIENT_CERT` a carriage return stands for the end of a line: line feeds separate the
 * fields of a frame (python/wsgi_ts/environ.py puts them back).
 */
export function tlsEnviron(socket: TLSSocket): string[] {
  const pairs = ['HTTPS', 'on', 'SSL_PROTOCOL', socket.getProtocol() ?? ''];
  pairs.push('SSL_CIPHER', socket.getCipher().standardName);
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    pairs.push('SSL_CLIENT_VERIFY', 'NONE');
    return pairs;
  }
  const { authorized, authorizationError } = socket;
  const verified = authorized ? 'SUCCESS' : `FAILED:${String(authorizationError)}`;
  pairs.push('SSL_CLIENT_VERIFY', escapeField(verified));
  pairs.push(...nameEnviron('SSL_CLIENT_S_DN', certificate.subject));
  pairs.push(...nameEnviron('SSL_CLIENT_I_DN', certificate.issuer));
  pairs.push('SSL_CLIENT_M_SERIAL', certificate.serialNumber);
  pairs.push('SSL_CLIENT_V_START', certificate.validFrom, 'SSL_CLIENT_V_END', certificate.validTo);
  pairs.push('SSL_CLIENT_CERT', pem(certificate));
  return pairs;
}

function pem(certificate: X509Certificate): string {
  return certificate.toString().replaceAll('\n', '\r');
}

/** `key` is the whole name (RFC 4514: the last attribute first), and `key_CN` and so on its parts. */
function nameEnviron(key: string, name: string | undefined): string[] {
  // Node has an attribute a line, and escapes line feeds within one.
  const attributes = (name ?? '').split('\n').map((line) => escapeField(line));
  const pairs = [key, attributes.toReversed().join(',')];
  for (const type of NAMED) {
    const found = attributes.find((attribute) => attribute.startsWith(`${type}=`));
    if (found !== undefined) {
      pairs.push(
        `${key}_${type === 'emailAddress' ? 'Email' : type}`,
        found.slice(type.length + 1),
      );
    }
  }
  return pairs;
}
