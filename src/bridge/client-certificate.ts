// What a client's certificate says, as keys of `environ`: the names are those of Apache's mod_ssl, which apps know.
// Used for each TLS connection: by the worker's tls-front.ts, and by connection-facts.ts where a host has made it. Pure. A certificate is its holder's word: whatever of it could end
// a line or move a cursor is escaped, and no name in it may look like two.

import type { X509Certificate } from 'node:crypto';
import type { CipherNameAndProtocol, TLSSocket } from 'node:tls';

/** RFC 4514 §2.3: the attribute types that have names. */
const NAMED = ['CN', 'C', 'ST', 'L', 'O', 'OU', 'emailAddress'] as const;

/**
 * The keys of `environ` of a TLS connection: key, value, key, value.
 *
 * In the value of `SSL_CLIENT_CERT` a tab stands for the end of a line: line feeds separate the fields of a frame
 * (python/wsgi_ts/environ.py puts them back).
 */
export function tlsEnviron(socket: TLSSocket): string[] {
  // Of a connection that is gone there is none.
  const cipher = socket.getCipher() as CipherNameAndProtocol | null;
  const pairs = ['HTTPS', 'on', 'SSL_PROTOCOL', socket.getProtocol() ?? ''];
  pairs.push('SSL_CIPHER', cipher?.standardName ?? '');
  const certificate = socket.getPeerX509Certificate();
  const { authorized, authorizationError } = socket;
  pairs.push(...certificateEnviron(certificate, authorized ? null : String(authorizationError)));
  return pairs;
}

/**
 * The keys of a client's certificate; `undefined`: it has shown none.
 *
 * @param failure - why it can't be trusted; null: it can
 */
export function certificateEnviron(
  certificate: X509Certificate | undefined,
  failure: string | null,
): string[] {
  if (certificate === undefined) return ['SSL_CLIENT_VERIFY', 'NONE'];
  const { subject, issuer, serialNumber, validFrom, validTo } = certificate;
  return [
    ...['SSL_CLIENT_VERIFY', failure === null ? 'SUCCESS' : `FAILED:${clean(failure)}`],
    ...nameEnviron('SSL_CLIENT_S_DN', subject),
    ...nameEnviron('SSL_CLIENT_I_DN', issuer),
    ...['SSL_CLIENT_M_SERIAL', serialNumber],
    ...['SSL_CLIENT_V_START', validFrom, 'SSL_CLIENT_V_END', validTo],
    ...['SSL_CLIENT_CERT', certificate.toString().replaceAll('\n', '\t')],
  ];
}

/** `key` is the whole name (RFC 4514: the last attribute first), and `key_CN` and so on its parts. */
function nameEnviron(key: string, name: string | undefined): string[] {
  // Node has an RDN a line, with RFC 4514's escapes; those of control characters are `\\0A` and the like.
  const rdns = (name ?? '').split('\n').map((line) => attributesOf(clean(line)));
  const pairs = [
    key,
    rdns
      .map((rdn) => rdn.join('+'))
      .reverse()
      .join(','),
  ];
  const attributes = rdns.flat();
  for (const type of NAMED) {
    // Of several, the first, as in Apache.
    const found = attributes.find((attribute) => attribute.startsWith(`${type}=`));
    if (found === undefined) continue;
    const value = found.slice(type.length + 1).replace(/\\([ "#+,;<=>\\])/g, '$1');
    pairs.push(`${key}_${type === 'emailAddress' ? 'Email' : type}`, value);
  }
  return pairs;
}

/** The attributes of an RDN, which Node separates by ` + `: one within a value is escaped. */
function attributesOf(rdn: string): string[] {
  return rdn.match(/(?:\\.|(?! \+ )[^\\])+/gs)?.map((part) => part.replace(/^\+ /, '')) ?? [];
}

/** UTF-8 as latin-1 (PEP 3333, "Unicode Issues"), and no control characters: OpenSSL escapes them, we make sure. */
function clean(text: string): string {
  const bytes = Buffer.from(text).toString('latin1');
  return bytes.replace(/[\0-\x1f\x7f]/g, (control) => {
    return `\\${control.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
  });
}
