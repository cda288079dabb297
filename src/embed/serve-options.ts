// The settings' table as options of a JavaScript API: their types, and the texts and arguments that values stand for. A
// setting's option is its key in the table, so a new row is a new option. Used by serve.ts and by whoever else takes settings
// from a program. Pure; it must never judge a value that a text can stand for: the rows do.

import { WsgiTsError } from '../errors.ts';
import { nearest } from '../settings/nearest.ts';
import { pythonLiteral, textsOf } from '../settings/plain-values.ts';
import type { Setting } from '../settings/setting.ts';
import { settingRows, type SettingKey, type Settings } from '../settings/table.ts';

/** The app to serve: `'module:callable'`, or its parts. */
export type AppTarget =
  | string
  | {
      /** The Python module, with dots where it is in a package. */
      readonly module: string;
      /** What to serve in it, as behind the colon of `module:callable`. Default: `application`. */
      readonly callable?: string;
      /** The directory to import it from. Default: the current one. */
      readonly chdir?: string;
      /** The virtual environment to use, or its Python. */
      readonly python?: string;
    };

/**
 * What an option takes for a setting whose value is a `T`: that, or the text that would be typed for it (`'500M'`,
 * `'auto'`); where there may be several, also one alone; where there may be none, also null.
 */
export type OptionValue<T> = T extends readonly (infer One)[]
  ? One | readonly One[]
  : T extends number
    ? number | string
    : T extends Readonly<Record<string, string>>
      ? string | T
      : T;

/** Settings by their keys in the table, as options. */
export type SettingOptions<Key extends SettingKey = SettingKey> = {
  readonly [One in Key]?: OptionValue<Settings[One]> | undefined;
};

/** What a program gave: texts by setting, the oldest first. */
export type OptionTexts = ReadonlyMap<SettingKey, readonly string[]>;

/** The app as the command takes it, and the settings that the target has besides. */
export function splitTarget(target: AppTarget): { app: string; chdir?: string; python?: string } {
  if (typeof target === 'string') return { app: target };
  const { module, callable, chdir, python } = target;
  return {
    app: callable === undefined ? module : `${module}:${callable}`,
    ...(chdir === undefined ? {} : { chdir }),
    ...(python === undefined ? {} : { python }),
  };
}

/**
 * The texts that options stand for.
 *
 * @param taken - the settings that may be given; `others`: options that are no settings
 * @throws WsgiTsError ERR_WSGI_OPTION (operator) for one that does not exist, with what may have been meant, and for a
 *   value that no text could stand for
 */
export function textsOfOptions(
  options: Readonly<Record<string, unknown>>,
  taken: (key: SettingKey) => boolean,
  others: readonly string[],
): OptionTexts {
  const rows = new Map(settingRows.filter(([key]) => taken(key)));
  const texts = new Map<SettingKey, readonly string[]>();
  for (const [name, value] of Object.entries(options)) {
    if (others.includes(name) || value === undefined) continue;
    const setting = rows.get(name as SettingKey);
    if (setting === undefined) throw unknownOption(name, [...rows.keys(), ...others]);
    const given = textsOfOption(name, setting, value);
    if (given !== null) texts.set(name as SettingKey, given);
  }
  return texts;
}

/** The arguments that texts are on the command line. */
export function argumentsOf(texts: OptionTexts): string[] {
  const rows = new Map(settingRows);
  return [...texts].flatMap(([key, given]) => {
    const setting = rows.get(key);
    const flag = setting?.flags.at(-1);
    if (setting === undefined || flag === undefined) return [];
    const { use } = setting.type;
    if (use === 'switch') return given.at(-1) === (setting.bare ?? 'true') ? [flag] : [];
    return (use === 'repeated' ? given : given.slice(-1)).map((text) => `${flag}=${text}`);
  });
}

function textsOfOption(
  name: string,
  setting: Setting<unknown>,
  value: unknown,
): readonly string[] | null {
  if (!isPlain(value)) {
    throw wrongOption(name, `a ${typeof value} is no value for it`);
  }
  try {
    return textsOf(setting.type, value);
  } catch (error) {
    if (!(error instanceof WsgiTsError)) throw error;
    throw wrongOption(name, error.message);
  }
}

type Value =
  string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

function isPlain(value: unknown): value is Value {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return true;
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'object' && Object.values(value).every(isPlain);
}

function wrongOption(name: string, why: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_OPTION', 'operator', `The option ${name}: ${why}`);
}

function unknownOption(name: string, known: readonly string[]): WsgiTsError {
  const meant = nearest(name, known);
  const message = `There is no option ${pythonLiteral(name)}`;
  return new WsgiTsError('ERR_WSGI_OPTION', 'operator', message, {
    remedy:
      meant.length === 0
        ? 'Options are the settings of docs/settings.md, in camelCase.'
        : `Did you mean ${meant.join(' or ')}?`,
  });
}
