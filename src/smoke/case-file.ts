// A file of cases, read: JSON → cases, or everything that is wrong with it, each with its place. Called by
// command/smoke.ts. Pure but for the text that it is given; it must never send anything.

import { WsgiTsError } from '../errors.ts';
import { isRecord, Mistakes, textExpectation, type Member } from './case-members.ts';
import {
  overDefaults,
  readStatus,
  type Expectation,
  type Fields,
  type Place,
  type RequestBody,
  type SmokeCase,
  type StatusPattern,
} from './smoke-case.ts';

/** What counts where a case says nothing. */
export interface CaseDefaults {
  /** Seconds. */
  readonly timeLimit: number;
}

/** RFC 9110 §5.6.2. */
const token = /^[\w!#$%&'*+.^`|~-]+$/;
const bodyMembers = ['body', 'json', 'form'] as const;
const caseMembers = [
  ...['name', 'method', 'path', 'headers', 'timeLimit', 'expect', 'save'],
  ...bodyMembers,
];

/**
 * The cases of a file: a list, or an object with `cases` and with `headers` and `timeLimit` for all of them.
 *
 * @param name - the file, as people know it
 * @throws WsgiTsError ERR_WSGI_SMOKE_CASES (operator, exit code 2) with every mistake and its place
 */
export function readCases(name: string, text: string, defaults: CaseDefaults): SmokeCase[] {
  const mistakes = new Mistakes();
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    mistakes.add(
      'the file',
      `is no JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const cases = mistakes.count > 0 ? [] : readContent(content, mistakes, defaults);
  if (mistakes.count === 0) return cases;
  throw new WsgiTsError('ERR_WSGI_SMOKE_CASES', 'operator', `${name}:\n${mistakes.text()}`, {
    exitCode: 2,
    remedy: 'docs/ci.md describes the form of the file.',
  });
}

function readContent(content: unknown, mistakes: Mistakes, defaults: CaseDefaults): SmokeCase[] {
  const root = mistakes.root(content);
  if (Array.isArray(content)) return readList(root, [], defaults);
  if (!isRecord(content)) {
    root.wrong('must be a list of cases, or an object with one in `cases`');
    return [];
  }
  root.onlyKnows(['cases', 'headers', 'timeLimit']);
  const timeLimit = readTimeLimit(root.member('timeLimit'), defaults.timeLimit);
  return readList(root.member('cases'), readHeaders(root.member('headers')), { timeLimit });
}

function readList(list: Member, headers: Fields, defaults: CaseDefaults): SmokeCase[] {
  const items = list.items('a list of cases');
  if (items?.length === 0) list.wrong('has no case');
  return (items ?? []).map((item) => readCase(item, headers, defaults));
}

function readCase(item: Member, headers: Fields, defaults: CaseDefaults): SmokeCase {
  if (item.isObject()) item.onlyKnows(caseMembers);
  const method = readMethod(item.member('method'));
  const given = item.member('path').text();
  const path = given ?? '';
  const problem = given === undefined ? null : problemOfPath(given);
  if (problem !== null) item.member('path').wrong(problem);
  const own = readHeaders(item.member('headers'));
  return {
    name: item.member('name').optionalText() ?? `${method} ${path}`,
    ...{ method, path },
    headers: overDefaults(own, headers),
    body: readBody(item),
    timeLimit: readTimeLimit(item.member('timeLimit'), defaults.timeLimit),
    expect: readExpectation(item.member('expect')),
    save: readSave(item.member('save')),
  };
}

/** What is wrong with a path; null: nothing. */
export function problemOfPath(path: string): string | null {
  if (!path.startsWith('/')) return 'must begin with a slash';

  if (/[\0-\x1f\x7f#]/.test(path)) return 'must have neither control characters nor a #';
  return /\p{Surrogate}/u.test(path) ? 'must be whole Unicode characters' : null;
}

function readMethod(member: Member): string {
  const method = member.optionalText() ?? 'GET';
  if (!token.test(method)) member.wrong('is no HTTP method');
  if (/^connect$/i.test(method)) member.wrong('CONNECT is no request that a WSGI app gets');
  return method.toUpperCase();
}

/** What {@link isTimeLimit} asks for. */
export const timeLimitRange = 'seconds, above 0 and up to 86400';

export function isTimeLimit(seconds: number): boolean {
  return seconds > 0 && seconds <= 86400;
}

function readTimeLimit(member: Member, byDefault: number): number {
  if (member.value === undefined) return byDefault;
  const { value } = member;
  if (typeof value === 'number' && isTimeLimit(value)) return value;
  member.wrong(`must be a number of ${timeLimitRange}`);
  return byDefault;
}

/** What is wrong with a field of a request; null: nothing. */
export function problemOfField(name: string, value: string): string | null {
  if (!token.test(name)) return 'is no name of a header';
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    return 'must be a line of Latin-1, with no control characters';
  }
  const framing = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect'];
  return framing.includes(name.toLowerCase()) ? 'is set by wsgi-ts itself' : null;
}

function readHeaders(member: Member): Fields {
  return member.optionalEntries('an object of headers').flatMap(([name, field]) => {
    const value = field.text();
    if (value === undefined) return [];
    const problem = problemOfField(name, value);
    if (problem !== null) field.wrong(problem);
    return [[name, value] as const];
  });
}

function readBody(item: Member): RequestBody {
  const given = bodyMembers.filter((name) => item.member(name).value !== undefined);
  if (given.length > 1) item.wrong(`has ${given.join(' and ')}: only one can be the body`);
  if (given[0] === 'body') return { kind: 'text', text: item.member('body').text() ?? '' };
  if (given[0] === 'json') return { kind: 'json', value: item.member('json').json() ?? null };
  if (given[0] === undefined) return { kind: 'none' };
  const fields = item.member('form').optionalEntries('an object of fields');
  return {
    kind: 'form',
    fields: fields.map(([name, field]) => [name, field.text() ?? ''] as const),
  };
}

function readExpectation(member: Member): Expectation {
  if (member.value !== undefined && member.isObject()) {
    member.onlyKnows(['status', 'headers', 'body', 'json']);
  }
  const fields = member.member('headers').optionalEntries('an object of headers');
  const body = member.member('body');
  return {
    status: readStatuses(member.member('status')),
    headers: new Map(
      fields.map(([name, field]) => [
        name.toLowerCase(),
        field.value === null ? null : textExpectation(field, 'equals'),
      ]),
    ),
    body: body.value === undefined ? null : textExpectation(body, 'contains'),
    json: member.member('json').json(),
  };
}

function readStatuses(member: Member): StatusPattern[] | null {
  if (member.value === undefined) return null;
  const all: unknown[] = Array.isArray(member.value) ? member.value : [member.value];
  const read = all.map((one) => readStatus(one)).filter((one) => one !== null);
  if (read.length < all.length || read.length === 0) {
    member.wrong('must be a status (404), a class ("4xx"), or a list of such');
  }
  return read;
}

function readSave(member: Member): Map<string, Place> {
  const places = member.optionalEntries('an object of names and places');
  return new Map(
    places.flatMap(([name, place]) => {
      if (!/^\w+$/.test(name)) place.wrong('is no name: letters, digits and _ only');
      const read = readPlace(place);
      return read === null ? [] : [[name, read]];
    }),
  );
}

function readPlace(member: Member): Place | null {
  if (!member.isObject()) return null;
  member.onlyKnows(['cookie', 'header', 'body']);
  const [entry, another] = member.optionalEntries('a place');
  if (entry === undefined || another !== undefined) {
    member.wrong('must have one of `cookie`, `header` and `body`');
    return null;
  }
  const [from, where] = entry;
  const text = where.text() ?? '';
  if (from === 'cookie') return { from, name: text };
  if (from === 'header') return { from, name: text.toLowerCase() };
  const pattern = where.pattern(text, '');
  return pattern === null ? null : { from: 'body', pattern };
}
