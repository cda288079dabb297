// The peers' Python environment: .bench/venv, made with the very Python that wsgi-ts embeds and filled with what
// bench/requirements.txt names, line by line. A peer that can't be installed is left out, and said to be. With
// everything there it takes no time.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  activatedEnvironment,
  testPythonEnvironment,
  type PythonEnvironment,
} from '../../test/helpers/python-environment.ts';
import { inRepository } from '../../test/helpers/repository.ts';

/** Where everything is that the bench makes for itself; git ignores it. */
export const workFolder = inRepository('.bench');

/** The environment, and what it lacks. */
export interface PeerEnvironment extends PythonEnvironment {
  /** Version of each package that is there, by its name in lower case. */
  readonly versions: ReadonlyMap<string, string>;
  /** Why a package is not there, by its name in lower case. */
  readonly missing: ReadonlyMap<string, string>;
}

/** What a run of pip has left behind. */
interface Record {
  /** The requirements and the Python that they were installed for. */
  readonly asked: string;
  readonly missing: Readonly<globalThis.Record<string, string>>;
}

const directory = join(workFolder, 'venv');
const environment: PythonEnvironment = {
  directory,
  bin: join(directory, 'bin'),
  python: join(directory, 'bin', 'python'),
};

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/**
 * Makes the environment ready.
 *
 * @throws Error when Flask or Django can't be installed, without which there is nothing to measure
 */
export function peerEnvironment(): PeerEnvironment {
  mkdirSync(workFolder, { recursive: true });
  const requirements = readFileSync(inRepository('bench', 'requirements.txt'), 'utf8');
  const lines = requirements.split('\n').filter((line) => /^\w/.test(line));
  const base = output(testPythonEnvironment().python, [
    '-c',
    'import sys; print(sys._base_executable, sys.version)',
  ]);
  const marker = join(workFolder, 'installed.json');
  const asked = [base, ...lines].join('\n');
  let record = existsSync(marker) ? (JSON.parse(readFileSync(marker, 'utf8')) as Record) : null;
  if (record?.asked !== asked) {
    record = { asked, missing: install(base.split(' ')[0] ?? '', lines) };
    writeFileSync(marker, JSON.stringify(record, null, 2));
  }
  const missing = new Map(Object.entries(record.missing));
  for (const [name, why] of missing) say(`left out: ${name}, which could not be installed: ${why}`);
  for (const name of ['flask', 'django']) {
    if (missing.has(name)) throw new Error(`${name} could not be installed: ${missing.get(name)}`);
  }
  return { ...environment, versions: versions(lines), missing };
}

/** The name of what a line asks for, in lower case. */
function nameOf(line: string): string {
  return (/^[\w.-]+/.exec(line)?.[0] ?? '').toLowerCase();
}

function output(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** Installs each line; returns why some could not be. */
function install(python: string, lines: readonly string[]): { [name: string]: string } {
  installForCompiling();
  say(`making ${directory} with ${python}`);
  output(python, ['-m', 'venv', '--clear', directory]);
  const missing: { [name: string]: string } = {};
  for (const line of lines) {
    say(`installing ${line}`);
    try {
      output(environment.python, [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', line],
      ]);
    } catch (error) {
      const { stderr } = error as { stderr?: Buffer | string };
      const said = String(stderr ?? error)
        .trim()
        .split('\n');
      missing[nameOf(line)] = said.findLast((each) => /error/i.test(each)) ?? said.at(-1) ?? '';
    }
  }
  return missing;
}

/** What bjoern and uWSGI are compiled with, and the load: Debian's packages, where this is Debian and its root. */
function installForCompiling(): void {
  const wanted = [
    ...(existsSync('/usr/include/ev.h') ? [] : ['libev-dev']),
    ...(existsSync('/usr/bin/cc') ? [] : ['gcc', 'libc6-dev']),
    ...(existsSync('/usr/bin/wrk') ? [] : ['wrk']),
  ];
  if (wanted.length === 0) return;
  const command = `apt-get install -y -qq --no-install-recommends ${wanted.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    say(`missing, for bjoern, uWSGI or the load itself: ${wanted.join(' ')}. As root: ${command}`);
    return;
  }
  say(`installing with apt-get: ${wanted.join(' ')}`);
  try {
    output('apt-get', ['update', '-qq']);
    output('env', ['DEBIAN_FRONTEND=noninteractive', ...command.split(' ')]);
  } catch (error) {
    say(`apt-get failed: ${String((error as { stderr?: string }).stderr ?? error).trim()}`);
  }
}

function versions(lines: readonly string[]): Map<string, string> {
  const script = [
    'import importlib.metadata as m, json, sys',
    'known = {d.metadata["Name"].lower(): d.version for d in m.distributions()}',
    'print(json.dumps({n: known[n] for n in sys.argv[1:] if n in known}))',
  ].join('\n');
  const text = output(environment.python, ['-c', script, ...lines.map(nameOf)]);
  return new Map(Object.entries(JSON.parse(text) as { [name: string]: string }));
}

/** The variables that a server of this environment is started with. */
export function peerVariables(extra: Readonly<{ [name: string]: string }>): {
  [name: string]: string;
} {
  return activatedEnvironment(extra, environment);
}
