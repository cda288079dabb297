// Chooses each setting's value among the places that can give it, and checks all of them at once.
// Called by cli.ts in the master process, before anything is started. Pure: arguments, environment and
// the world come in as values; it never reads process.env, a file or the command line itself.

import { WsgiTsError } from '../errors.ts';
import type { Setting } from './setting.ts';
import { settingRows, type SettingKey, type Settings } from './table.ts';
import type { SettingsWorld } from './value-types.ts';

/** The texts that one place gives, by setting, the oldest first. */
export type GivenTexts = Readonly<Partial<Record<SettingKey, readonly string[]>>>;

/** What {@link resolveSettings} works from. */
interface SettingsInput {
  /** From the command line. A switch that is on is `['true']`. */
  readonly argv: GivenTexts;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly world: SettingsWorld;
}

/** Every setting's value and where that came from. */
export interface ResolvedSettings {
  readonly settings: Settings;
  /** `default`, `environment WEB_CONCURRENCY`, `command line`. */
  readonly sources: Readonly<Record<SettingKey, string>>;
  /** What is to be told of them, and is no mistake: one sentence each. */
  readonly warnings: readonly string[];
}

interface Given {
  readonly texts: readonly string[];
  readonly source: string;
}

/** A place where settings come from: what it says about one of them, if anything. */
type Layer = (key: SettingKey, setting: Setting<unknown>) => Given | undefined;

const defaults: Layer = (_key, setting) => ({ texts: setting.default, source: 'default' });

/** An empty variable counts as none: that is how compose files and shells leave one out. */
function environment(env: SettingsInput['env']): Layer {
  return (_key, setting) => {
    const value = setting.env && env[setting.env.variable]?.trim();
    if (!setting.env || !value) return undefined;
    return { texts: setting.env.texts(value), source: `environment ${setting.env.variable}` };
  };
}

function commandLine(argv: GivenTexts): Layer {
  return (key) => {
    const texts = argv[key];
    return texts && { texts, source: 'command line' };
  };
}

/** A value that is wrong: the line that says so, and what to do about it where there is more to say. */
interface Problem {
  readonly line: string;
  readonly remedy: string | undefined;
}

/** What is wrong with each of the given texts that count. */
function problemsOf(setting: Setting<unknown>, given: Given, world: SettingsWorld): Problem[] {
  const texts = setting.type.use === 'repeated' ? given.texts : given.texts.slice(-1);
  return texts.flatMap((text) => {
    try {
      setting.type.parse([text], world);
      return [];
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      const prefix = `${setting.flags.at(-1) ?? setting.name}: `;
      // A check that serves others too may have named the setting already.
      const line = error.message.startsWith(prefix) ? error.message : prefix + error.message;
      const remedy = error.remedy ?? bareRemedy(setting);
      return [{ line: `${line} (${given.source})`, remedy }];
    }
  });
}

/** `--flag app:app` gives the flag a value that was meant to be the app. */
function bareRemedy({ bare, flags }: Setting<unknown>): string | undefined {
  const flag = flags.at(-1);
  if (bare === undefined || flag === undefined) return undefined;
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

/**
 * The settings to run with. A place further down this list has the last word:
 * defaults, environment variables of the platform, command line.
 *
 * @throws {@link WsgiTsError} `ERR_WSGI_SETTINGS` (operator, exit code 1) that has a line for each value
 * that is wrong: the setting, the value, what is allowed, and where it came from.
 */
export function resolveSettings({ argv, env, world }: SettingsInput): ResolvedSettings {
  const layers: readonly Layer[] = [defaults, environment(env), commandLine(argv)];

  const chosen = settingRows.map(([key, setting]) => {
    const given = layers.map((layer) => layer(key, setting)).findLast((one) => one !== undefined);
    return { key, setting, given: given ?? { texts: [], source: 'default' } };
  });

  const problems = chosen.flatMap(({ setting, given }) => problemsOf(setting, given, world));
  if (problems.length > 0) throw wrongSettings(problems);

  // The rows carry the types of the values; the compiler can't follow them through fromEntries.
  return {
    settings: Object.fromEntries(
      chosen.map(({ key, setting, given }) => [key, setting.type.parse(given.texts, world)]),
    ) as Settings,
    sources: Object.fromEntries(chosen.map(({ key, given }) => [key, given.source])) as Record<
      SettingKey,
      string
    >,
    warnings: [],
  };
}
