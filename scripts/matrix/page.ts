// The page docs/compatibility.md: what the compatibility matrix has found, as people read it. Called by
// matrix.ts. Data in, text out; it reads no more than the list of the old pins, never runs anything and never
// decides what counts as a failure.

import { readFileSync } from 'node:fs';
import { frameworks, oldPins } from './frameworks.ts';
import { libraries } from './libraries.ts';
import type { OldPinsRow } from './old-pins.ts';
import { describe } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { FoundPythons, Python } from './pythons.ts';

/** A Python with what became of everything that was tried with it, by keys and by distributions. */
export interface PythonRow {
  readonly python: Python;
  readonly frameworks: ReadonlyMap<string, Outcome>;
  readonly libraries: ReadonlyMap<string, Outcome>;
}

/** All that was found. */
export interface Findings {
  readonly rows: readonly PythonRow[];
  readonly oldPins: OldPinsRow;
  readonly leftOut: FoundPythons['leftOut'];
  /** `2026-11-24` */
  readonly date: string;
  /** Node's version, and the system's name. */
  readonly node: string;
  readonly system: string;
}

/** What failed, and why, below a table whose cells say only its number: one cause often has many cells. */
class Notes {
  readonly #reasons: string[] = [];

  /** The text of a cell. */
  cell(outcome: Outcome | undefined): string {
    if (outcome === undefined) return 'not tried';
    if (outcome.state !== 'fails') return describe(outcome);
    if (!this.#reasons.includes(outcome.reason)) this.#reasons.push(outcome.reason);
    return `✗ (${this.#reasons.indexOf(outcome.reason) + 1})`;
  }

  list(): string[] {
    const items = this.#reasons.map((reason, index) => `${index + 1}. ${verbatim(reason)}`);
    return items.length === 0 ? [] : [items.join('\n')];
  }
}

/** The whole page. */
export function renderPage(findings: Findings): string {
  const { rows, leftOut } = findings;
  const ofFrameworks = new Notes();
  const ofLibraries = new Notes();
  return [
    '<!-- Written by `make matrix`: change that, not this. -->',
    '# Compatibility',
    'Each cell is a run of the real command, `wsgi-ts --python <environment>`, on a fixture app that was written ' +
      'for the framework and not for this server. In one process each time: the app’s page, its JSON, its form and ' +
      'its 404; then every library of the second table, one by one and all at once on four threads; then the app ' +
      'again. The server must end with exit code 0, without an error in its log (what the shop logs of each request, through `wsgi.errors`, is none), ' +
      'and with the worker that it began with.',
    `Node ${findings.node} on ${findings.system}, ${findings.date}. Run it yourself: \`make matrix\`.`,
    '## Frameworks',
    table(
      ['Python', ...frameworks.map(({ title }) => title)],
      rows.map((row) => [
        nameOf(row.python),
        ...frameworks.map(({ key }) => ofFrameworks.cell(row.frameworks.get(key))),
      ]),
    ),
    ...ofFrameworks.list(),
    ...left(leftOut),
    '## Libraries with compiled parts',
    'As wheels from PyPI; beside each of the frameworks above whose server came so far.',
    table(
      ['Library', ...rows.map(({ python }) => nameOf(python))],
      libraries.map(({ distribution }) => [
        distribution,
        ...rows.map((row) => ofLibraries.cell(row.libraries.get(distribution))),
      ]),
    ),
    ...ofLibraries.list(),
    '## Flask 1.1.1, of 2019',
    `The tutorial’s exercise with the pins that it once had: ${pins()}.`,
    renderOldPins(findings.oldPins),
  ]
    .join('\n\n')
    .concat('\n');
}

/** `3.11.7 (pyenv)` */
export function nameOf({ version, owner }: Python): string {
  return `${version} (${owner})`;
}

function renderOldPins({ tried, tooNew }: OldPinsRow): string {
  const newest = tried === null ? 'none' : nameOf(tried.python);
  const outcome = tried === null ? '' : describe(tried.outcome);
  return [
    table(['The newest Python that runs them', 'Served'], [[newest, outcome]]),
    ...(tooNew.length === 0 ? [] : ['Too new for the packages, without any server:']),
    tooNew.map(({ python, reason }) => `- ${nameOf(python)}: ${reason}`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function left(leftOut: Findings['leftOut']): string[] {
  const pythons = leftOut.map(({ candidate, reason }) => `${candidate} (${reason})`);
  return pythons.length === 0 ? [] : [`Found, and not tried: ${pythons.join('; ')}.`];
}

function pins(): string {
  const [, file = ''] = oldPins.package.requirement;
  return readFileSync(file, 'utf8').trim().split('\n').join(', ').replaceAll('==', ' ');
}

function verbatim(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
