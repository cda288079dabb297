// The page docs/http.md: the table of fixtures/http as people read it, and what is around it. Called by
// generate-docs.ts, and by the test that holds the page equal to the table. Data in, text out; it never decides
// what the server does: test/conformance/http-table.test.ts shows that.

import type { TableRow, TableSection } from '../test/helpers/http-table.ts';

const columns = ['input', 'answer', 'connection', 'log', 'HTTP/2', 'rule'];

function renderRow(row: TableRow): string {
  const { input, answers, after, log, http2, rule, args = [] } = row;
  const ended = row.fin === true && !input.includes('too soon') ? ', then the end' : '';
  const settings = args.filter((arg) => !input.includes(arg.split('=')[0] ?? ''));
  const given = settings.length === 0 ? '' : ` (${settings.map((arg) => `\`${arg}\``).join(' ')})`;
  const said = log === undefined ? '—' : `… ${log} …`.replaceAll('*', '\\*');
  const there = http2 === undefined ? '' : [http2].flat().join(', ');
  return line([`${input}${ended}${given}`, answers.join(', '), after, said, there, rule]);
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function renderSection({ title, rows }: TableSection): string[] {
  const notes = rows.flatMap(({ input, note }) =>
    note === undefined ? [] : [`- ${input}: ${note}`],
  );
  return [
    `## ${title}`,
    [line(columns), line(columns.map(() => '---')), ...rows.map(renderRow)].join('\n'),
    ...(notes.length === 0 ? [] : [notes.join('\n')]),
  ];
}

/** What node:http would hand to the app. */
function renderParser(sections: readonly TableSection[]): string {
  return sections
    .flatMap(({ title, rows }) => {
      const taken = rows.filter(({ node_takes }) => node_takes === true);
      return taken.length === 0
        ? []
        : [`- ${title}: ${taken.map(({ input }) => input).join('; ')}.`];
    })
    .join('\n');
}

const introduction = [
  '<!-- Written by `npm run docs` from fixtures/http and scripts/http-page.ts: change those, not this. -->',
  '# HTTP: what is answered to what',
  'Each row is a kind of input, what the server answers, what becomes of the connection, and what the error log ' +
    'says, in part (`—`: nothing). The rows are data, in [fixtures/http](../fixtures/http), with the very bytes; ' +
    '[a test](../test/conformance/http-table.test.ts) sends each of them to a real worker over TCP, over a unix ' +
    'socket and over TLS: whole, line by line, byte by byte and cut at random places. **The answer is the same ' +
    'however the bytes are cut.**',
  'What holds for all rows:',
  [
    '- A refusal says `Connection: close`, and the connection is closed behind it. What the client still sends is ' +
      'taken for two seconds and thrown away, so that the client gets to read the answer (RFC 9112 §9.6).',
    '- Answers come in the order of the requests; requests behind one that is refused are not answered.',
    '- The app is called for whole, good requests only. It never sees a body that was cut off.',
    '- The access log has one line for each request, refused ones too. `%(outcome)s` is `rejected` for them, ' +
      '`timeout` for a 408, and `ok` for what the app has answered.',
    '- The error log has one line of level WARNING for a refusal: `Invalid request from ip=127.0.0.1: …` where the ' +
      'bytes are no request, `GET /path from 127.0.0.1: …` where a request can’t be served.',
    '- A client that leaves while its request waits has the outcome `client_gone` and the status 499; one whose answer ' +
      'is cut off by the end of the server `killed`; an app that fails `app_error`; a time limit `timeout`.',
    '- Nothing that a client sent reaches a log or an answer unescaped. The page of a refusal is HTML, JSON or ' +
      'text, as `Accept` says, once a head has been read; text before that.',
  ].join('\n'),
  'The bytes are checked by a [guard](decisions/0006-a-guard-in-front-of-nodes-parser.md) in front of Node’s parser: ' +
    'form of lines, framing, limits of the head. What a head means (`Host`, target, `Expect`) is checked ' +
    '[behind it](../src/bridge/request-head.ts). The column HTTP/2 is what the same request is answered there, ' +
    'without TLS and with it ([test](../test/conformance/http2-table.test.ts)); where it is empty, HTTP/2 has no ' +
    'such thing, or `node:http2` ends the stream or the connection before anybody else sees it. [HTTP/2](http2.md) has more.',
];

const responses = [
  '## What the app answers',
  'The app’s side of a response is checked too; these tests say how.',
  [
    '- HEAD, 204 and 304 have no body, whatever the app yields; a body that is longer than its `Content-Length` is ' +
      'cut, one that is shorter is a 500, or the connection is cut where something was sent; the log names the ' +
      'app: [response-framing](../test/functional/response-framing.test.ts).',
    '- Over HTTP/2: [responses-over-http2](../test/functional/responses-over-http2.test.ts).',
    '- Status and header fields (CR, LF, NUL, wrong types, hop-by-hop), `start_response` that is missing, late or ' +
      'called twice, `exc_info`, items that are not bytes: [PEP 3333, clause by clause]' +
      '(../test/conformance/clauses.ts).',
    '- Exceptions before and behind the first block: [views-gone-wrong](../test/functional/views-gone-wrong.test.ts).',
    '- 103, by `wsgi.early_hints`: [early-hints](../test/functional/early-hints.test.ts).',
    '- The app’s own `Server` and `Date` win; `--no-server-header`: ' +
      '[response-framing](../test/functional/response-framing.test.ts).',
    '- Outcomes in the access log: [access-outcomes](../test/functional/access-outcomes.test.ts).',
  ].join('\n'),
];

/** The whole of docs/http.md. */
export function renderHttpPage(sections: readonly TableSection[]): string {
  return [
    ...introduction,
    ...sections.flatMap(renderSection),
    ...responses,
    '## Where Node’s parser is laxer',
    'Of what is refused above, `node:http` alone would hand this to the app ' +
      '([test](../test/conformance/node-parser.test.ts)); it sees none of it here:',
    renderParser(sections),
  ]
    .join('\n\n')
    .concat('\n');
}
