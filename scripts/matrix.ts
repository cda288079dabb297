// `make matrix`: each CPython × each framework × each library, tried with the real command, printed as it
// goes and written to docs/compatibility.md. PYTHONS="…" and FRAMEWORKS="…" narrow it, and then the page stays
// as it is. Exit code 1: a cell fails. It serves one app at a time, and never touches the environment that
// the tests use.

import { writeFileSync } from 'node:fs';
import { inRepository } from '../test/helpers/repository.ts';
import { prepareEnvironment } from './matrix/environments.ts';
import { frameworks, oldPins } from './matrix/frameworks.ts';
import type { Framework } from './matrix/frameworks.ts';
import { libraries } from './matrix/libraries.ts';
import { tryOldPins } from './matrix/old-pins.ts';
import type { OldPinsRow } from './matrix/old-pins.ts';
import { describe } from './matrix/outcome.ts';
import type { Outcome } from './matrix/outcome.ts';
import { nameOf, renderPage } from './matrix/page.ts';
import type { PythonRow } from './matrix/page.ts';
import { findPythons, systemName } from './matrix/pythons.ts';
import type { Python } from './matrix/pythons.ts';
import { tryFramework } from './matrix/serving.ts';

const words = (name: string): string[] =>
  (process.env[name] ?? '').split(/\s+/).filter((word) => word !== '');

/** Failures in the order in which they came, for the end of the run. */
const failures: string[] = [];

function say(line: string): void {
  console.log(line);
}

/** One line of the table. */
function report(python: Python, what: string, outcome: Outcome, seconds?: number): void {
  const time = seconds === undefined ? '' : ` (${seconds.toFixed(1)} s)`;
  const shown = describe(outcome);
  say(`${nameOf(python).padEnd(18)} ${what.padEnd(28)} ${shown}${time}`);
  if (outcome.state === 'fails') failures.push(`${nameOf(python)}, ${what}: ${shown}`);
}

async function tryPython(python: Python, wanted: readonly Framework[]): Promise<PythonRow> {
  const packages = [...frameworks.map((framework) => framework.package), ...libraries];
  const environment = prepareEnvironment(python, python.id, packages, say);
  const ofFrameworks = new Map<string, Outcome>();
  const ofLibraries = new Map<string, Outcome>();
  for (const framework of wanted) {
    const names = libraries.map(({ distribution }) => distribution);
    const started = performance.now();
    const trial = await tryFramework(python, environment, framework, names);
    const seconds = (performance.now() - started) / 1000;
    ofFrameworks.set(framework.key, trial.framework);
    report(python, framework.title, trial.framework, seconds);
    for (const [name, outcome] of trial.libraries) {
      // One failure is enough for the library, and it says beside which app it was.
      if (ofLibraries.get(name)?.state === 'fails') continue;
      const reason = outcome.state === 'fails' ? `beside ${framework.key}: ${outcome.reason}` : '';
      ofLibraries.set(name, reason === '' ? outcome : { state: 'fails', reason });
    }
  }
  for (const { distribution } of libraries) {
    const outcome = ofLibraries.get(distribution);
    if (outcome === undefined) say(`${nameOf(python).padEnd(18)}   ${distribution}: not tried`);
    else report(python, `  ${distribution}`, outcome);
  }
  return { python, frameworks: ofFrameworks, libraries: ofLibraries };
}

function reportOldPins({ tried, tooNew }: OldPinsRow): void {
  for (const { python, reason } of tooNew) {
    report(python, oldPins.title, { state: 'unavailable', reason });
  }
  if (tried !== null) report(tried.python, oldPins.title, tried.outcome);
}

const asked = { pythons: words('PYTHONS'), frameworks: words('FRAMEWORKS') };
const keys = [...frameworks, oldPins].map(({ key }) => key);
const unknown = asked.frameworks.filter((key) => !keys.includes(key));
if (unknown.length > 0) {
  console.error(`FRAMEWORKS: there is no ${unknown.join(', ')}; there are ${keys.join(', ')}`);
  process.exit(1);
}
const isWanted = ({ key }: Framework): boolean =>
  asked.frameworks.length === 0 || asked.frameworks.includes(key);

const { pythons, leftOut } = findPythons(asked.pythons);
for (const { candidate, reason } of leftOut) say(`Not tried: ${candidate}, ${reason}`);
const rows: PythonRow[] = [];
const wanted = frameworks.filter(isWanted);
if (wanted.length > 0) {
  for (const python of pythons) rows.push(await tryPython(python, wanted));
}
const none: OldPinsRow = { tried: null, tooNew: [] };
const oldPinsRow = isWanted(oldPins) ? await tryOldPins(pythons, say) : none;
reportOldPins(oldPinsRow);

if (asked.pythons.length === 0 && asked.frameworks.length === 0) {
  const page = renderPage({
    rows,
    oldPins: oldPinsRow,
    leftOut,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${systemName()}, ${process.arch}`,
  });
  writeFileSync(inRepository('docs', 'compatibility.md'), page);
  say('Written: docs/compatibility.md');
}
say(failures.length === 0 ? 'All of it works.' : `\nFailed:\n${failures.join('\n')}`);
process.exitCode = failures.length === 0 && pythons.length > 0 ? 0 : 1;
