// The forms of --bind, one row a form: what each means, and what is said about a wrong one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WsgiTsError } from '../../../src/errors.ts';
import { type Address, formatAddress, parseAddress } from '../../../src/settings/address.ts';

const tcp = (host: string, port: number): Address => ({ kind: 'tcp', host, port });
const unix = (path: string): Address => ({ kind: 'unix', path });

const accepted: readonly (readonly [string, Address, string])[] = [
  ['127.0.0.1', tcp('127.0.0.1', 8000), 'http://127.0.0.1:8000'],
  ['0.0.0.0:5000', tcp('0.0.0.0', 5000), 'http://0.0.0.0:5000'],
  [':5000', tcp('0.0.0.0', 5000), 'http://0.0.0.0:5000'],
  ['localhost:0', tcp('localhost', 0), 'http://localhost:0'],
  ['localhost:65535', tcp('localhost', 65535), 'http://localhost:65535'],
  ['WWW.Example.org:80', tcp('www.example.org', 80), 'http://www.example.org:80'],
  ['tcp://localhost', tcp('localhost', 8000), 'http://localhost:8000'],
  ['tcp://[::1]:81', tcp('::1', 81), 'http://[::1]:81'],
  ['[::1]', tcp('::1', 8000), 'http://[::1]:8000'],
  ['[::1]:5000', tcp('::1', 5000), 'http://[::1]:5000'],
  ['[::]:5000', tcp('::', 5000), 'http://[::]:5000'],
  ['unix:app.sock', unix('app.sock'), 'unix:app.sock'],
  ['unix:/run/app.sock', unix('/run/app.sock'), 'unix:/run/app.sock'],
  ['unix:///run/app.sock', unix('/run/app.sock'), 'unix:/run/app.sock'],
  ['unix://app.sock', unix('app.sock'), 'unix:app.sock'],
  [`unix:${'p'.repeat(107)}`, unix('p'.repeat(107)), `unix:${'p'.repeat(107)}`],
  ['fd://3', { kind: 'fd', fd: 3 }, 'fd://3'],
];

const refused: readonly (readonly [string, RegExp])[] = [
  ['', /it is empty/],
  ['tcp://', /it is empty/],
  [':', /port is a whole number from 0 to 65535/],
  ['localhost:', /port is a whole number/],
  ['localhost:http', /port is a whole number/],
  ['localhost:65536', /port is a whole number/],
  ['localhost:-1', /port is a whole number/],
  ['localhost:80.5', /port is a whole number/],
  ['localhost:0x50', /port is a whole number/],
  ['[::1]:', /port is a whole number/],
  ['8000', /for a port alone write :8000/],
  ['256.0.0.1:80', /'256\.0\.0\.1' is not an IPv4 address/],
  ['127.1', /not an IPv4 address/],
  ['::1', /in brackets, as in \[::1\]:8000/],
  ['[localhost]:80', /not an IPv6 address/],
  ['a:1:2', /port is a whole number/],
  ['[::1', /brackets are out of place/],
  ['[::1]80', /brackets are out of place/],
  ['a[::1]:80', /brackets are out of place/],
  ['http://localhost', /port is a whole number/],
  ['*', /not the name of a host/],
  ['a b', /not the name of a host/],
  ['a,b', /not the name of a host/],
  ['unix:', /the path after unix: is empty/],
  ['unix://', /the path after unix: is empty/],
  [`unix:${'p'.repeat(108)}`, /at most 107 bytes/],
  [`unix:${'é'.repeat(54)}`, /at most 107 bytes/],
  ['fd://', /number of a file descriptor/],
  ['fd://x', /number of a file descriptor/],
  ['fd://-1', /number of a file descriptor/],
];

describe('parseAddress', () => {
  for (const [text, address, shown] of accepted) {
    it(`takes '${text}', which is shown as ${shown}`, () => {
      assert.deepEqual(parseAddress(text), address);
      assert.equal(formatAddress(address), shown);
    });
  }

  for (const [text, reason] of refused) {
    it(`refuses '${text}' and says why and what is allowed`, () => {
      assert.throws(() => parseAddress(text), {
        code: 'ERR_WSGI_ADDRESS',
        blame: 'operator',
        message: reason,
      });
      assert.throws(() => parseAddress(text), /allowed is HOST, HOST:PORT/);
    });
  }

  it('either takes a text or refuses it in words, whatever the text is', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', '8', ':', '[', ']', '.', '/', ' ', '-'),
          maxLength: 12,
        }),
        (text) => {
          try {
            const address = parseAddress(text);
            const shown = formatAddress(address).replace('http://', '');
            assert.deepEqual(parseAddress(shown), address);
          } catch (error) {
            assert.ok(error instanceof WsgiTsError);
          }
        },
      ),
    );
  });
});
