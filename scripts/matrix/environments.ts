// Virtual environments for the compatibility matrix, in .matrix/ at the top of the repository: made for a
// Python, filled by pip, kept while what is asked for stays the same. Called by matrix.ts and old-pins.ts.
// What could not be installed, or can't be imported in that Python without any server, is remembered with
// the reason. It never builds the binary libraries from source: a missing wheel is a result.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRepository } from '../../test/helpers/repository.ts';
import { failure, inOneLine } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { Python } from './pythons.ts';

/** Something to install and to look at. */
export interface Package {
  /** What pip calls it. */
  readonly distribution: string;
  /** What `import` calls it. */
  readonly module: string;
  /** What pip is given: `-r file`, or a requirement. */
  readonly requirement: readonly string[];
  /** Install wheels only. */
  readonly binary: boolean;
}

/** An environment, filled as far as that went. */
export interface MatrixEnvironment {
  readonly folder: string;
  /** Absolute path of its Python. */
  readonly python: string;
  /** What a distribution is before any server has a part in it: `works` with its version, or what is wrong. */
  plain(distribution: string): Outcome;
}

/** What is remembered of an environment: what it was made for, and what went wrong with which distribution. */
interface Stamp {
  readonly asked: string;
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

const importAndReport = `
import json, sys
from importlib import import_module
from importlib.metadata import version
found = {}
for distribution, module in json.loads(sys.argv[1]):
    try:
        import_module(module)
        found[distribution] = {"state": "works", "version": version(distribution)}
    except Exception as error:
        reason = "%s: %s" % (type(error).__name__, error)
        found[distribution] = {"state": "fails", "reason": "without a server: " + reason}
print(json.dumps(found))`;

/** The folder of everything that the matrix keeps from run to run. */
export const matrixFolder = inRepository('.matrix');

/**
 * Makes an environment, or takes the one that is there.
 *
 * @param name - its folder's name below .matrix/
 * @param say - is told what takes long
 * @throws Error with what was printed, when `python -m venv` fails
 */
export function prepareEnvironment(
  python: Python,
  name: string,
  packages: readonly Package[],
  say: (line: string) => void,
): MatrixEnvironment {
  const folder = join(matrixFolder, name);
  const executable = join(folder, 'bin', 'python');
  const stampFile = join(folder, 'installed.json');
  const asked = JSON.stringify([python.executable, python.version, packages.map(wanted)]);
  let stamp = readStamp(stampFile);
  // What failed may have been the network: it is tried again.
  const settled = Object.values(stamp?.outcomes ?? {}).every(({ state }) => state !== 'fails');
  if (stamp?.asked !== asked || !settled) {
    say(`Python ${python.version} (${python.owner}): making .matrix/${name}`);
    const made = run(python.executable, ['-m', 'venv', '--clear', folder]);
    if (made.status !== 0) throw new Error(made.output);
    const missing = [true, false].flatMap((binary) =>
      install(
        executable,
        packages.filter((one) => one.binary === binary),
      ),
    );
    stamp = { asked, outcomes: { ...look(executable, packages), ...Object.fromEntries(missing) } };
    writeFileSync(stampFile, JSON.stringify(stamp, null, 2));
  }
  const { outcomes } = stamp;
  return {
    folder,
    python: executable,
    plain: (distribution) => outcomes[distribution] ?? failure('it was not asked for'),
  };
}

/** Runs a program to its end; never longer than ten minutes. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string | undefined>> } = {},
): { status: number | null; stdout: string; output: string } {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...options.env };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...options,
    env,
    encoding: 'utf8',
    timeout: 600_000,
  });
  // Where the program could not be started there is no output.
  return { status, stdout, output: `${stderr}${stdout}${error?.message ?? ''}` };
}

/** The text that decides whether an environment is still the one that is wanted. */
function wanted({ requirement, binary }: Package): string {
  const [first, file] = requirement;
  const text = first === '-r' && file !== undefined ? readFileSync(file, 'utf8') : first;
  return `${String(binary)} ${text ?? ''}`;
}

function readStamp(file: string): Stamp | null {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Stamp) : null;
}

/** Installs packages in one go; where pip refuses, one by one, to learn which it is. */
function install(python: string, packages: readonly Package[]): [string, Outcome][] {
  if (packages.length === 0 || pip(python, packages) === null) return [];
  return packages.flatMap((one): [string, Outcome][] => {
    const said = pip(python, [one]);
    if (said === null) return [];
    const reason = /ERROR: (?:No matching distribution|Could not find a version).*/.exec(said)?.[0];
    return [
      [
        one.distribution,
        reason === undefined
          ? { state: 'fails', reason: inOneLine(said.slice(said.lastIndexOf('ERROR: '))) }
          : { state: 'unavailable', reason: one.binary ? 'no wheel for it' : inOneLine(reason) },
      ],
    ];
  });
}

/** Null: it went well; else what was printed. */
function pip(python: string, packages: readonly Package[]): string | null {
  const only = packages.some(({ binary }) => binary) ? ['--only-binary=:all:'] : [];
  const what = packages.flatMap(({ requirement }) => requirement);
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...only, ...what];
  const { status, output } = run(python, args);
  return status === 0 ? null : output;
}

/** Imports each package in that Python, alone. */
function look(python: string, packages: readonly Package[]): Record<string, Outcome> {
  const names = packages.map(({ distribution, module }) => [distribution, module]);
  const { status, stdout, output } = run(python, ['-c', importAndReport, JSON.stringify(names)]);
  // The last line is ours: what is imported may print, too.
  const last = stdout.trim().split('\n').at(-1) ?? '';
  if (status === 0) return JSON.parse(last) as Record<string, Outcome>;
  // An import has taken the whole process with it.
  const all = packages.map(({ distribution }) => [distribution, failure(output)] as const);
  return Object.fromEntries(all);
}
