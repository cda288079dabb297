// Streams of HTTP/1 requests that are right, nearly right, or wrong in the ways that smuggle: requests as lists of
// tokens, and mutations of those lists and of their bytes. Text is latin-1, a character a byte.

import fc from 'fast-check';

/** What a client sends before it ends its side. */
export interface Stream {
  readonly bytes: string;
  /** Lengths of the pieces that it comes in; the last one is all that is left. */
  readonly pieces: readonly number[];
}

const method = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('get', 'BREW', 'CONNECT', 'TRACE', 'GETS', 'PRI', 'QUERY'),
  },
);

const target = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('/', '/a?b=c', '/x%20y', '/a//b') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['*', 'http://a/b', 'http://other', 'a:80', '//a', '/%zz', '/#f', '/\xe9', '?q', 'x'],
      ...['/ HTTP/1.1', '/\t', 'https://a/?x#y', '/"<>'],
    ),
  },
);

const version = fc.oneof(
  { weight: 9, arbitrary: fc.constant('HTTP/1.1') },
  { weight: 2, arbitrary: fc.constant('HTTP/1.0') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'HTTP/1.2',
      'HTTP/2.0',
      'http/1.1',
      'HTTP/1.01',
      'HTTP/01.1',
      'HTTP/1.1 ',
    ),
  },
);

const field = fc
  .constantFrom(
    ...['X-A|: |b', 'Cookie|: |a=b', 'X-A|:|', 'X-B|:\t|b \t', 'Accept|: |*/*', 'X_A|: |c'],
    ...[
      'Connection|: |close',
      'Connection|: |keep-alive',
      'Connection|: |close, x',
      'Connection|: |Upgrade',
    ],
    ...[
      'Upgrade|: |h2c',
      'Expect|: |100-continue',
      'TE|: |trailers',
      'Trailer|: |X-Sum',
      'Host|: |b',
    ],
    ...[
      'X-A|: |\x80\xff',
      'X-A|: |"a, b"',
      'Content-Type|: |text/plain',
      'Keep-Alive|: |timeout=1',
    ],
    ...['Content-Length|: |0', 'Proxy-Connection|: |close', 'HTTP2-Settings|: |AAMAAABkAAQAAP__'],
  )
  .map((text) => [...text.split('|'), '\r\n']);

const content = fc.constantFrom(
  ...[
    'hello',
    'x',
    'a'.repeat(300),
    '0\r\n\r\n',
    'GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n',
    '\0\xff',
  ],
);

const chunk = fc
  .tuple(
    content,
    fc.constantFrom('', '', ';a', ';a=b', ';a="b\\""', ' ;a', ';', ';a=', ' ', '\t'),
    fc.constantFrom('', '', '0', '000'),
    fc.boolean(),
  )
  .map(([data, extension, zeros, upper]) => {
    const size = data.length.toString(16);
    return [zeros, upper ? size.toUpperCase() : size, extension, '\r\n', data, '\r\n'];
  });

const lastChunk = fc.constantFrom(
  ...[
    ['0', '\r\n', '\r\n'],
    ['0', '\r\n', 'X-Sum', ':', '1', '\r\n', '\r\n'],
    ['000', ';a=b', '\r\n', '\r\n'],
  ],
  ...[['0', '\r\n', 'Content-Length', ':', '5', '\r\n', '\r\n']],
);

/** Fields that say how long the body is, and the body. */
const framing = fc.oneof(
  { weight: 3, arbitrary: fc.constant([[], []]) },
  {
    weight: 3,
    arbitrary: content.map((data) => [
      ['Content-Length', ': ', String(data.length), '\r\n'],
      [data],
    ]),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.array(chunk, { maxLength: 3 }), lastChunk).map(([chunks, last]) => [
      ['Transfer-Encoding', ': ', 'chunked', '\r\n'],
      [...chunks.flat(), ...last],
    ]),
  },
);

const request = fc
  .tuple(method, target, version, fc.array(field, { maxLength: 3 }), framing, fc.nat(3))
  .map(([verb, path, protocol, fields, [length = [], body = []], at]) => [
    ...[verb, ' ', path, ' ', protocol, '\r\n', 'Host', ': ', 'a', '\r\n'],
    ...[...fields.slice(0, at), length, ...fields.slice(at)].flat(),
    ...['\r\n', ...body],
  ]);

const oddities = fc.constantFrom(
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    '\r\r\n',
    '\0',
    '\t',
    ' ',
    '  ',
    ':',
    ',',
    ';',
    '"',
    '\\',
  ],
  ...[
    '\x0b',
    '\x0c',
    '\x1c',
    '\x7f',
    '\x80',
    '\x85',
    '\xa0',
    '\xff',
    '\x16',
    '_',
    '0',
    '+5',
    '-1',
    '5',
    '5, 5',
  ],
  ...[
    '5,',
    '0x5',
    '5_0',
    '5 5',
    '1e1',
    '٥',
    '5.0',
    '4294967296',
    '4294967301',
    '18446744073709551621',
  ],
  ...['ffffffffffffffff', '10000000000000005', '00000000000000000005', '99999999999999999999999'],
  ...[
    'chunked',
    'Chunked',
    'xchunked',
    'chunked, chunked',
    'gzip, chunked',
    'chunked, gzip',
    'identity',
  ],
  ...['chunked,', ',chunked', '"chunked"', 'chunked;q=1', 'chun\x6bed', '\x0bchunked', 'chunked\0'],
  ...[
    'Content-Length: 5\r\n',
    'content-length: 0\r\n',
    'Content-Length : 5\r\n',
    'Content-Length:\r\n',
  ],
  ...['Content_Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n'],
  ...[
    ' Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding:\r\n chunked\r\n',
    'Transfer-Encoding: x\r\n',
  ],
  ...[
    'Transfer\rEncoding: chunked\r\n',
    'X: a\nTransfer-Encoding: chunked\r\n',
    'X: a\r\rb\r\n',
    ': x\r\n',
  ],
  ...[
    'Connection: close\r\n',
    'Connection: upgrade\r\n',
    'Upgrade: websocket\r\n',
    'Expect: x\r\n',
    ' folded\r\n',
  ],
  ...[
    'HTTP/1.0',
    'HTTP/1.1',
    'HTTP/0.9',
    '0\r\n\r\n',
    '0\r\n',
    '5\r\nhello\r\n',
    '5;a=b\r\nhello\r\n',
    '5\nhello\n',
  ],
  ...[';a="\r\n"', ';a="', 'GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n', 'GET /\r\n', 'Host: b\r\n'],
  ...['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'x'.repeat(5000)],
);

const mutation = fc.record({
  kind: fc.constantFrom(
    ...(['drop', 'double', 'swap', 'replace', 'insert', 'move', 'split'] as const),
    ...(['dropByte', 'flipBit', 'insertByte', 'lineFeed', 'cut'] as const),
  ),
  at: fc.nat(0xffff),
  other: fc.nat(0xffff),
  oddity: oddities,
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

/** The tokens after one mutation; those of bytes fall on one of the tokens. */
function mutate(tokens: readonly string[], { kind, at, other, oddity }: Mutation): string[] {
  const index = at % Math.max(1, tokens.length);
  const token = tokens[index] ?? '';
  const place = other % Math.max(1, token.length);
  const instead = (...these: string[]): string[] => tokens.toSpliced(index, 1, ...these);
  switch (kind) {
    case 'drop':
      return instead();
    case 'double':
      return instead(token, token);
    case 'swap':
      return tokens
        .with(index, tokens[other % tokens.length] ?? '')
        .with(other % tokens.length, token);
    case 'replace':
      return instead(oddity);
    case 'insert':
      return instead(oddity, token);
    case 'move':
      return instead().toSpliced(other % tokens.length, 0, token);
    case 'split':
      return instead(token.slice(0, place), oddity, token.slice(place));
    case 'dropByte':
      return instead(token.slice(0, place) + token.slice(place + 1));
    case 'flipBit':
      return instead(
        token.slice(0, place) +
          String.fromCharCode((token.charCodeAt(place) || 0) ^ (1 << (other % 8))) +
          token.slice(place + 1),
      );
    case 'insertByte':
      return instead(
        token.slice(0, place) + String.fromCharCode(other & 0xff) + token.slice(place),
      );
    case 'lineFeed':
      return tokens.map((one, i) => (one === '\r\n' && i % 3 === other % 3 ? '\n' : one));
    case 'cut':
      return [...tokens.slice(0, index), token.slice(0, place)];
  }
}

/** What makes a connection one of HTTP/2 (RFC 9113 §3.4), where it comes first. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** One to three requests in a row, mutated up to three times. */
export const streams: fc.Arbitrary<Stream> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 3 }),
    mutations: fc.array(mutation, { maxLength: 3 }),
    pieces: fc.array(fc.nat(80), { maxLength: 4 }),
  })
  .map(({ requests, mutations, pieces }) => ({
    bytes: latin1(mutations.reduce(mutate, requests.flat()).join('')),
    pieces,
  }))
  .filter(({ bytes }) => !bytes.startsWith(PREFACE));

/** A digit that is none in ASCII is sent as its UTF-8 bytes. */
function latin1(text: string): string {
  return text.replaceAll('٥', '\xd9\xa5');
}
