// The page docs/compatibility.md: what the compatibility matrix has found, as people read it. Called by
// matrix.ts. Data in, text out; it never runs anything and never decides what counts as a failure.

import { frameworks } from './frameworks.ts';
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

/** The whole page. */
export function renderPage(findings: Findings): string {
  const { rows, leftOut } = findings;
  return [
    '<!-- Written by `make matrix`: change that, not this. -->',
    '# Compatibility',
    'Each cell is a run of the real command, `wsgi-ts --python <environment>`, on a fixture app that was written ' +
      'for the framework and not for this server. In one process each time: the app’s page, its JSON, its form and ' +
      'its 404; then every library of the second table, one by one and all at once on four threads; then the app ' +
      'again. The server must end with exit code 0 and without an error in its log.',
    `Node ${findings.node} on ${findings.system}, ${findings.date}. Run it yourself: \`make matrix\`.`,
    '## Frameworks',
    table(
      ['Python', ...frameworks.map(({ title }) => title)],
      rows.map((row) => [
        nameOf(row.python),
        ...frameworks.map(({ key }) => cell(row.frameworks.get(key))),
      ]),
    ),
    ...left(leftOut),
    '## Libraries with compiled parts',
    'As wheels from PyPI; beside each of the frameworks above.',
    table(
      ['Library', ...rows.map(({ python }) => nameOf(python))],
      libraries.map(({ distribution }) => [
        distribution,
        ...rows.map((row) => cell(row.libraries.get(distribution))),
      ]),
    ),
    '## Flask 1.1.1, of 2019',
    'The tutorial’s exercise with the pins that it once had: Flask 1.1.1, Jinja2 2.10.3, MarkupSafe 1.1.1, Werkzeug ' +
      '0.16.0, click 7.0, itsdangerous 1.1.0.',
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

function cell(outcome: Outcome | undefined): string {
  return outcome === undefined ? 'not tried' : describe(outcome);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
