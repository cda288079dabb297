// Writes docs/http.md from the rows of fixtures/http, which test/conformance/http-table.test.ts sends to real
// workers. Pure: rows in, a page out.

import type { TableRow, TableSection } from '../test/helpers/http-table.ts';

const introduction = [
  '<!-- Written by `npm run docs` from fixtures/http: change that, not this. -->',
  '# What HTTP is answered by',
  'Each row is sent to a real worker by the tests, over TCP, a unix socket and TLS: whole, line by line, byte by byte ' +
    '(up to 400 bytes) and cut at random places. The answers, the end of the connection, what the app sees and the ' +
    'lines in both logs are the same however the bytes are cut.',
  'A [guard](../src/http/request-guard.ts) reads every byte of an HTTP/1 connection by the grammar of RFC 9112 before ' +
    "Node's parser does ([why](decisions/0006-a-guard-in-front-of-nodes-parser.md)); what a head means is checked by the " +
    '[bridge](../src/bridge/request-head.ts), also inside an Express app, and for HTTP/2 as well. Python sees a request ' +
    'when it is whole.',
  '- **Refused** requests are answered in their turn, behind the answers to the requests in front of them; then the ' +
    'connection is closed, and what follows is not served. A refused client gets two seconds to read why. The page is ' +
    'text, HTML or JSON, as `Accept` has it where a head was read; nothing of the client’s is in it.',
  '- **Logs**: a line `Invalid request from ip=…: reason`, or `METHOD target from address: reason` where the head could ' +
    'be read, at level warning; and one access line for each request, with the outcome word `%(outcome)s`. `—` stands ' +
    'for no line in the error log. What a client sent is escaped.',
  '- **A client that leaves** while its request waits has the outcome `client_gone` and the status 499; one whose answer ' +
    'is cut off by the end of the server `killed`; an app that fails `app_error`; a time limit `timeout`.',
  'The rules for responses (HEAD, 204, 304, lengths, fields an app may not set) are held by ' +
    '[response-framing](../test/functional/response-framing.test.ts) and the [conformance tests](../test/conformance/clauses.ts); ' +
    'HTTP/2 by [its own tests](../test/functional/responses-over-http2.test.ts).',
];

/** The whole page. */
export function renderHttpPage(sections: readonly TableSection[]): string {
  return [...introduction, ...sections.flatMap(renderSection)].join('\n\n').concat('\n');
}

function renderSection({ title, rows }: TableSection): string[] {
  const notes = rows.flatMap(({ input, note }) =>
    note === undefined ? [] : [`- ${input}: ${note}`],
  );
  const table = [
    '| input | answer | connection | log | rule |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(renderRow),
  ].join('\n');
  return [`## ${title}`, table, ...(notes.length === 0 ? [] : [notes.join('\n')])];
}

function renderRow(row: TableRow): string {
  const { input, answers, after, log, rule, args = [] } = row;
  const ended = row.fin === true && !input.includes('too soon') ? ', then the end' : '';
  const settings = args.filter((arg) => !input.includes(arg.split('=')[0] ?? ''));
  const given = settings.length === 0 ? '' : ` (${settings.map((arg) => `\`${arg}\``).join(' ')})`;
  const said = log === undefined ? '—' : `… ${log} …`.replaceAll('*', '\\*');
  const cells = [`${input}${ended}${given}`, answers.join(', '), after, said, rule];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
