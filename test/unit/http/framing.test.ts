import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyFraming } from '../../../src/http/framing.ts';

function refused(
  code: string,
  status: number,
  cases: readonly (readonly [readonly string[], readonly string[]])[],
): void {
  for (const [lengths, codings] of cases) {
    assert.throws(
      () => bodyFraming('1.1', lengths, codings),
      { code, status, blame: 'client' },
      JSON.stringify([lengths, codings]),
    );
  }
}

test('a request without either field has no body', () => {
  assert.equal(bodyFraming('1.1', [], []), 0);
  assert.equal(bodyFraming('1.0', [], []), 0);
});

test('Content-Length is the number of bytes, up to the largest that is exact', () => {
  assert.equal(bodyFraming('1.0', ['17'], []), 17);
  assert.equal(bodyFraming('1.1', ['0'], []), 0);
  assert.equal(bodyFraming('1.1', ['007'], []), 7);
  assert.equal(bodyFraming('1.1', ['9007199254740991'], []), Number.MAX_SAFE_INTEGER);
});

test('a Content-Length that is doubled, listed, signed, empty, too large or no number is refused', () => {
  const wrong = [
    '',
    ' ',
    '+3',
    '-3',
    '3, 3',
    '3,3',
    '3 3',
    '0x3',
    '1_0',
    '1e3',
    '3.0',
    '３',
    'three',
    '9007199254740992',
    '18446744073709551619',
    '9'.repeat(400),
  ];
  refused('ERR_WSGI_CONTENT_LENGTH', 400, [
    ...wrong.map((value) => [[value], []] as const),
    [['3', '3'], []],
    [['3', '4'], []],
    [['3', ''], []],
  ]);
});

test('chunked, alone and in any case, is the coding of a body whose end tells its length', () => {
  for (const coding of ['chunked', 'Chunked', ' CHUNKED\t']) {
    assert.equal(bodyFraming('1.1', [], [coding]), -1);
  }
});

test('Transfer-Encoding is refused with Content-Length, and on HTTP/1.0', () => {
  refused('ERR_WSGI_FRAMING', 400, [
    [['3'], ['chunked']],
    [['3'], ['gzip, chunked']],
    [[''], ['']],
  ]);
  for (const coding of ['chunked', 'identity', '']) {
    assert.throws(() => bodyFraming('1.0', [], [coding]), { code: 'ERR_WSGI_FRAMING' });
  }
});

test('a Transfer-Encoding in which chunked is missing, not last, doubled or dressed up is refused', () => {
  const wrong = [
    '',
    'gzip',
    'identity',
    'xchunked',
    'chunkedx',
    'chunked, chunked',
    'gzip, chunked, chunked',
    'chunked, gzip',
    'chunked, identity',
    'chunked,',
    ',chunked',
    'chunked;q=1',
    'gzip, chunked;a="b,c"',
    'chun ked',
    '\x0bchunked',
    'chunked\x00',
    '"chunked"',
    'gzip; chunked',
  ];
  refused('ERR_WSGI_FRAMING', 400, [
    ...wrong.map((value) => [[], [value]] as const),
    [[], ['chunked', 'chunked']],
    [[], ['chunked', 'gzip']],
    [[], ['chunked', '']],
    [[], ['', 'chunked']],
  ]);
});

test('a coding below chunked is one that is not implemented', () => {
  refused('ERR_WSGI_TRANSFER_CODING', 501, [
    [[], ['gzip, chunked']],
    [[], ['foo,chunked']],
    [[], ['identity, chunked']],
    [[], ['gzip;level=9, chunked']],
    [[], ['gzip', 'chunked']],
  ]);
});
