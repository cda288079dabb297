// All places of the settings read and put together: command line, variables, config file. Called by the commands that
// take settings, at their start, and by the master at a reload, through what serve.ts gives it.
// Without a config file it starts no Python: help and wrong values must be told also where Python is broken.

import type { Variables } from '../binding/site.ts';
import type { GivenArguments } from '../settings/layers.ts';
import {
  resolveBeforeFile,
  resolveSettings,
  type ResolvedSettings,
  type SettingsInput,
} from '../settings/resolve.ts';
import { readVariable } from './command-line.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { settingsWorld } from '../settings/this-machine.ts';

/** Variables that hold arguments, the weaker first. gunicorn's comes with an app that is served by both. */
const argumentVariables = ['GUNICORN_CMD_ARGS', 'WSGI_TS_CMD_ARGS'] as const;

/** How the config file is read. */
export interface ReadingOptions {
  /** Leave the file out. */
  readonly withoutFile?: boolean;
  /** Never build a binding for the sake of it. */
  readonly noBuild?: boolean;
}

/**
 * The settings, from everywhere. The same arguments again read the config file anew.
 *
 * @throws WsgiTsError (operator, exit code 1 or 2): see readVariable, findConfigFile, readConfigFile, resolveSettings
 */
export async function readEverything(
  commandLine: GivenArguments,
  env: Variables,
  { withoutFile = false, noBuild = false }: ReadingOptions = {},
): Promise<ResolvedSettings> {
  const world = settingsWorld(env);
  const variables = argumentVariables.flatMap((name) => readVariable(name, env[name]) ?? []);
  const { texts: argv, unused: argvUnused = {} } = commandLine;
  const input: SettingsInput = { argv, argvUnused, variables, env, world };
  const ignoredApps = variables.flatMap(({ app, source }) =>
    app === undefined
      ? []
      : [`${source} names the app ${app}, which only the command line and wsgi_app can do`],
  );
  const named = [...variables, commandLine]
    .flatMap(({ texts: { config }, source }) => {
      const text = config?.at(-1) ?? '';
      return text.trim() === '' ? [] : [{ text, source }];
    })
    .at(-1);
  const configFile = withoutFile ? null : findConfigFile(named, world.cwd);
  if (configFile === null) {
    const resolved = resolveSettings(input);
    return { ...resolved, warnings: [...ignoredApps, ...resolved.warnings] };
  }
  const before = resolveBeforeFile(input);
  const { file, interpreter, unknown } = await readConfigFile(configFile, {
    ...before,
    noBuild: noBuild || before.noBuild,
  });
  const resolved = resolveSettings({ ...input, file });
  const { settings, sources } = resolved;
  const { executable } = interpreter;
  return {
    ...resolved,
    // The Python that runs is the one to serve with, though `chdir` in the file may lead to another's .venv.
    settings: { ...settings, python: executable === '' ? settings.python : executable },
    sources: {
      ...sources,
      python: sources.python === 'default' ? 'found, and runs the config file' : sources.python,
    },
    warnings: [...(unknown === null ? [] : [unknown]), ...ignoredApps, ...resolved.warnings],
    configFile,
  };
}
