// `wsgi-ts binding build|list|remove`: the bindings of this user, ahead of the first start (an image, CI), or to be
// rid of them. Called by cli.ts. Everything that it does is done by src/binding; here are words and options.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { buildBinding } from '../binding/build.ts';
import { listCached, removeCached, type CachedBinding } from '../binding/cache.ts';
import { findBinding } from '../binding/choose.ts';
import { chooseEnvironment } from '../binding/choose-environment.ts';
import { describeEnvironment, noPython } from '../binding/environment.ts';
import { askInterpreter } from '../binding/interpreter-facts.ts';
import { showProgress } from '../binding/progress.ts';
import { localSite, type BindingSite, type Variables } from '../binding/site.ts';
import { WsgiTsError } from '../errors.ts';
import { newCommand } from './command-line.ts';
import { interruptible } from './interruption.ts';
import { write } from './output.ts';

const about =
  'A binding embeds one Python in Node. wsgi-ts takes the pymport that npm has installed where it was ' +
  "compiled for your environment's Python, else one that it has compiled for this user: at the first start " +
  'with that Python, or here.';

/**
 * Does what the words behind `wsgi-ts binding` say.
 *
 * @returns the exit code
 * @throws CommanderError, and WsgiTsError (operator) where a binding can't be built, or there is none of a name
 */
export async function binding(argv: readonly string[], variables: Variables): Promise<number> {
  const site = localSite(variables);
  const command = newCommand('wsgi-ts binding').description(about);
  addTo(command, 'build', 'Compile the binding for a Python, if there is none yet')
    .option('--python <PATH>', 'The virtual environment to build for, or its Python')
    .option('--chdir <DIR>', 'The directory of the app, where .venv and venv are looked for', '.')
    .option('--force', 'Compile it though there is one: the new one takes its place')
    .option('--verbose', 'Show everything that npm, node-gyp and the compiler say')
    .action(async (options: BuildFlags) => {
      await build(site, options);
    });
  addTo(command, 'list', 'Show the bindings there are')
    .option('--json', 'As JSON')
    .action(({ json }: { json?: true }) => {
      list(site, json === true);
    });
  addTo(command, 'remove', 'Take bindings away; a server that runs goes on')
    .argument('[NAME...]', 'As `list` shows them')
    .option('--all', 'All of them')
    .action((names: string[], { all }: { all?: true }) => {
      remove(site, all === true ? listCached(site).map(({ name }) => name) : names, all === true);
    });
  await command.parseAsync([...(argv.length === 0 ? ['--help'] : argv)], { from: 'user' });
  return 0;
}

interface BuildFlags {
  readonly python?: string;
  readonly chdir: string;
  readonly force?: true;
  readonly verbose?: true;
}

/** A command below another, with the same manners. */
function addTo(command: Command, name: string, description: string): Command {
  const below = newCommand(name).description(description);
  command.addCommand(below);
  return below;
}

async function build(site: BindingSite, flags: BuildFlags): Promise<void> {
  const directory = resolve(site.cwd, flags.chdir);
  const environment = chooseEnvironment(flags.python ?? null, directory, site);
  const { executable } = environment;
  if (executable === null) throw noPython();
  const facts = askInterpreter(executable, site.variables);
  const basePrefix = environment.basePrefix ?? facts.basePrefix;
  const python = { basePrefix, version: facts.binaryVersion };
  const there = findBinding({ ...environment, ...python }, site);
  const who = `${describeEnvironment(environment)} (Python ${facts.version})`;
  if (there !== null && flags.force !== true) {
    write(1, `${who}: ${there.path} (${there.origin})\n`);
    return;
  }
  const built = await interruptible((signal) =>
    buildBinding({ environment, facts, python }, site, {
      ...{ listener: showProgress(2), signal, force: flags.force === true },
      onOutput: (text) => {
        if (flags.verbose === true) write(2, text);
      },
    }),
  );
  write(1, `${who}: ${built.path} (built)\n`);
}

function list(site: BindingSite, asJson: boolean): void {
  const cached = listCached(site);
  const { pymport } = site;
  const installed = pymport !== null && existsSync(pymport.binary) ? pymport.binary : null;
  if (asJson) {
    write(1, `${JSON.stringify({ installed, cache: site.cache, cached }, null, 2)}\n`);
    return;
  }
  write(
    1,
    `Installed by npm: ${installed ?? 'none'}\nBuilt, in ${site.cache ?? 'no folder: there is no home'}:\n`,
  );
  write(1, cached.length === 0 ? '  none\n' : cached.map((one) => `  ${describe(one)}\n`).join(''));
}

function describe({ name, record }: CachedBinding): string {
  if (record === null) return name;
  return `${name}\n    Python ${record.python} in ${record.basePrefix}, built ${record.built.slice(0, 10)} with Node ${record.node}`;
}

function remove(site: BindingSite, names: readonly string[], all: boolean): void {
  if (names.length === 0 && !all) {
    throw new WsgiTsError('ERR_WSGI_BINDING_NAME', 'operator', 'Which binding is to be removed?', {
      remedy: '`wsgi-ts binding list` shows their names; --all removes all of them.',
    });
  }
  for (const name of names) {
    if (!removeCached(site, name)) {
      throw new WsgiTsError(
        'ERR_WSGI_BINDING_NAME',
        'operator',
        `There is no binding ${JSON.stringify(name)} in ${site.cache ?? 'no folder'}`,
        { remedy: '`wsgi-ts binding list` shows their names.' },
      );
    }
    write(1, `Removed ${name}\n`);
  }
}
