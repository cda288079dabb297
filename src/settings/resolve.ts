// Chooses each setting's value among the places that can give it, and checks all of them at once.
// Called by the command in the master process, before anything is started, and again at a reload. Pure: arguments,
// environment, config file and the world come in as values; it never reads process.env, a file or the command line.

import { WsgiTsError } from '../errors.ts';
import {
  configFile,
  defaults,
  environment,
  given,
  unusedGiven,
  type Given,
  type GivenArguments,
  type GivenFile,
  type GivenTexts,
  type Layer,
} from './layers.ts';
import type { Setting } from './setting.ts';
import { settingRows, settingsTable, type SettingKey, type Settings } from './table.ts';
import { hasEffect, type UnusedGiven } from './unused.ts';
import type { SettingsWorld } from './value-types.ts';

/** What {@link resolveSettings} works from. */
export interface SettingsInput {
  /** From the command line. */
  readonly argv: GivenTexts;
  /** What the command line gave for settings without a use. */
  readonly argvUnused?: Readonly<Record<string, string>>;
  /** Variables that hold arguments, the weaker first. */
  readonly variables?: readonly GivenArguments[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly world: SettingsWorld;
  readonly file?: GivenFile | null;
}

/** Which config file was read: what must be known to read it again, in this process or another. */
export interface ConfigFile {
  readonly kind: 'file' | 'module';
  /** Absolute path, or the module's name. */
  readonly location: string;
  /** The current directory when it was read, absolute; it is on `sys.path`. */
  readonly directory: string;
}

/** Every setting's value and where that came from. */
export interface ResolvedSettings {
  readonly settings: Settings;
  /** `default`, `environment WEB_CONCURRENCY`, `config file /srv/gunicorn.conf.py`, `command line`. */
  readonly sources: Readonly<Record<SettingKey, string>>;
  /** What is probably not meant so, a sentence each with no full stop. */
  readonly warnings: readonly string[];
  /** What was chosen for the operator, and why: `Workers: 4, since there are 4 cores`. */
  readonly notes: readonly string[];
  /** null: there is none. */
  readonly configFile: ConfigFile | null;
}

/** A value that is wrong: the line that says so, and what to do about it where there is more to say. */
interface Problem {
  readonly line: string;
  readonly remedy: string | undefined;
}

interface Chosen {
  readonly key: SettingKey;
  readonly setting: Setting<unknown>;
  readonly given: Given;
}

/** The last of the places that says something about each setting. */
function choose(layers: readonly Layer[]): Chosen[] {
  return settingRows.flatMap(([key, setting]) => {
    const last = layers.map((layer) => layer(key, setting)).findLast((one) => one !== undefined);
    return last === undefined ? [] : [{ key, setting, given: last }];
  });
}

/** What is wrong with each of the given texts that count. */
function problemsOf({ setting, given }: Chosen, world: SettingsWorld): Problem[] {
  const { texts, source, line, problem } = given;
  const shown = given.shown ?? setting.flags.at(-1) ?? setting.name;
  const place = line === undefined ? source : `${source}, line ${line}`;
  const report = (error: WsgiTsError): Problem => {
    // A check that serves others too may have named the setting already.
    const prefix = `${setting.flags.at(-1) ?? setting.name}: `;
    const { message } = error;
    const said = message.startsWith(prefix) ? message.slice(prefix.length) : message;
    return {
      line: `${shown}: ${said} (${place})`,
      remedy: error.remedy ?? (given.shown === undefined ? bareRemedy(setting) : undefined),
    };
  };
  if (problem !== undefined) return [report(problem)];
  const counting = setting.type.use === 'repeated' ? texts : texts.slice(-1);
  return counting.flatMap((text) => {
    try {
      setting.type.parse([text], world);
      return [];
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      return [report(error)];
    }
  });
}

/** `--flag app:app` gives the flag a value that was meant to be the app. */
function bareRemedy({ bare, flags, metavar }: Setting<unknown>): string | undefined {
  const flag = flags.at(-1);
  if (bare === undefined || metavar === undefined || flag === undefined) return undefined;
  return `The word behind ${flag} is its value. Without one, write it last, or as ${flag}=${bare}.`;
}

function wrongSettings(problems: readonly Problem[]): WsgiTsError {
  const lines = problems.map(({ line }) => line);
  const message =
    lines.length === 1
      ? lines.join('')
      : [`${lines.length} values are wrong:`, ...lines.map((line) => `  ${line}`)].join('\n');
  const remedies = problems.flatMap(({ remedy }) => remedy ?? []);
  return new WsgiTsError('ERR_WSGI_SETTINGS', 'operator', message, {
    exitCode: 1,
    remedy: [...new Set(remedies), 'wsgi-ts --help shows every setting.'].join('\n'),
  });
}

/** A setting that would have to be obeyed, and can't be. */
function refusalOf({ setting, source, shown }: UnusedGiven): Problem {
  return { line: `${shown} is not supported (${source})`, remedy: setting.sentence };
}

/** All places that are stronger than a config file, the weaker first. */
function strongPlaces({ argv, argvUnused, variables = [] }: SettingsInput): GivenArguments[] {
  const commandLine = { source: 'command line', texts: argv };
  return [
    ...variables,
    argvUnused === undefined ? commandLine : { ...commandLine, unused: argvUnused },
  ];
}

/**
 * What must be known before a config file can be read.
 *
 * @throws {@link WsgiTsError} `ERR_WSGI_SETTINGS`, as resolveSettings does, where a value is wrong that a file
 * could not take the place of
 */
export function resolveBeforeFile(
  input: SettingsInput,
): Pick<Settings, 'python' | 'noBuild' | 'chdir'> {
  const { world } = input;
  const places = strongPlaces(input);
  const strong = places.map(given);
  const wanted = choose([defaults, environment(input.env), ...strong]).filter(
    ({ key }) => key === 'python' || key === 'noBuild' || key === 'chdir',
  );
  const problems = [
    ...choose(strong).flatMap((chosen) => problemsOf(chosen, world)),
    ...unusedGiven(null, places)
      .filter((one) => one.setting.refused === true && hasEffect(one))
      .map(refusalOf),
  ];
  if (problems.length > 0) throw wrongSettings(problems);
  return valuesOf(wanted, world) as Pick<Settings, 'python' | 'noBuild' | 'chdir'>;
}

/**
 * The settings to run with. A place further down this list has the last word: defaults, environment variables of the
 * platform, config file, GUNICORN_CMD_ARGS, WSGI_TS_CMD_ARGS, command line.
 *
 * @throws {@link WsgiTsError} `ERR_WSGI_SETTINGS` (operator, exit code 1) that has a line for each value
 * that is wrong: the setting, the value, what is allowed, and where it came from.
 */
export function resolveSettings(input: SettingsInput): ResolvedSettings {
  const { world, file = null } = input;
  const places = strongPlaces(input);
  const chosen = choose([
    defaults,
    environment(input.env),
    ...(file === null ? [] : [configFile(file)]),
    ...places.map(given),
  ]);
  const unused = unusedGiven(file, places).filter(hasEffect);
  const refused = unused.filter(({ setting }) => setting.refused === true);
  const problems = [...chosen.flatMap((one) => problemsOf(one, world)), ...refused.map(refusalOf)];
  if (problems.length > 0) throw wrongSettings(problems);

  // The rows carry the types of the values; the compiler can't follow them through fromEntries.
  const settings = valuesOf(chosen, world) as Settings;
  return {
    settings,
    sources: Object.fromEntries(
      chosen.map(({ key, setting, given: { source, texts } }) => {
        const explanation = setting.explain?.(texts, world);
        return [key, explanation == null ? source : `${source} (${explanation})`];
      }),
    ) as Record<SettingKey, string>,
    warnings: [
      ...(file === null ? [] : unread(file)),
      ...chosen.flatMap(({ key, setting, given: { source } }) => {
        const advice = source === 'default' ? null : setting.advice?.(settings[key]);
        return advice == null ? [] : [`${advice} (${source})`];
      }),
      ...unused.map(
        ({ setting, shown, source }) =>
          `${shown} has no use here (${source}). ${setting.sentence.replace(/\.$/, '')}`,
      ),
    ],
    notes: chosen.flatMap(({ setting, given: { texts } }) => setting.explain?.(texts, world) ?? []),
    configFile: null,
  };
}

function valuesOf(chosen: readonly Chosen[], world: SettingsWorld): Record<string, unknown> {
  return Object.fromEntries(
    chosen.map(({ key, setting, given: { texts } }) => [key, setting.type.parse(texts, world)]),
  );
}

/** What a file says too late. */
function unread({ name, values }: GivenFile): string[] {
  return Object.values(settingsTable as Record<string, Setting<unknown>>).flatMap((setting) => {
    const value = values[setting.name];
    if (setting.beforeFile === undefined || typeof value !== 'string') return [];
    return [
      `${setting.name} has no use in the config file, since ${setting.beforeFile} (${name}): give ` +
        `${setting.flags.at(-1) ?? setting.name} on the command line`,
    ];
  });
}
