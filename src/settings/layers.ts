// The places that settings come from, the weakest first: what each says about one of them. Used by resolve.ts, which
// chooses between them. Pure: what the places hold comes in as values.

import type { Plain } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';
import { textsOf } from './plain-values.ts';
import { unusedSettings } from './rows/unused.ts';
import type { Setting } from './setting.ts';
import type { SettingKey } from './table.ts';
import type { UnusedGiven } from './unused.ts';

/** The texts that one place gives, by setting, the oldest first. A switch that is on is `['true']`. */
export type GivenTexts = Readonly<Partial<Record<SettingKey, readonly string[]>>>;

/** Arguments that were read: the command line, or a variable that holds arguments. */
export interface GivenArguments {
  /** `command line`, `GUNICORN_CMD_ARGS`. */
  readonly source: string;
  readonly texts: GivenTexts;
  /** What was given for settings without a use, by gunicorn's name. */
  readonly unused?: Readonly<Record<string, string>>;
}

/** What a config file said. */
export interface GivenFile {
  /** As people know it: an absolute path, or `python:module`. */
  readonly name: string;
  /** The values of settings, by gunicorn's name, those without a use included. */
  readonly values: Readonly<Record<string, Plain>>;
  /** The line that gives each its value, where one line alone does. */
  readonly lines: Readonly<Record<string, number>>;
  /** What names of settings and hooks stand for that is no value: `function`, `module`. */
  readonly objects: Readonly<Record<string, string>>;
}

/** What a place says about a setting. */
export interface Given {
  readonly texts: readonly string[];
  readonly source: string;
  /** Why it can't be used, where it could not even become a text. */
  readonly problem?: WsgiTsError;
  /** How the place calls the setting: its main flag if left out. */
  readonly shown?: string;
  /** The line of the file. */
  readonly line?: number;
}

/** A place where settings come from: what it says about one of them, if anything. */
export type Layer = (key: SettingKey, setting: Setting<unknown>) => Given | undefined;

export const defaults: Layer = (_key, setting) => ({ texts: setting.default, source: 'default' });

/** Variables of the platform. An empty one counts as none: that is how compose files and shells leave one out. */
export function environment(env: Readonly<Record<string, string | undefined>>): Layer {
  return (_key, setting) => {
    const value = setting.env && env[setting.env.variable]?.trim();
    if (!setting.env || !value) return undefined;
    return { texts: setting.env.texts(value), source: `environment ${setting.env.variable}` };
  };
}

/** A config file. What has to be known before it is read, it can't say. */
export function configFile({ name, values, lines, objects }: GivenFile): Layer {
  return (_key, setting) => {
    if (setting.beforeFile !== undefined) return undefined;
    const value = values[setting.name];
    const object = objects[setting.name];
    if (value === undefined && object === undefined) return undefined;
    const line = lines[setting.name];
    const place = {
      ...{ source: `config file ${name}`, shown: setting.name },
      ...(line === undefined ? {} : { line }),
    };
    try {
      if (value === undefined) throw noValue(object ?? 'object');
      const texts = textsOf(setting.type, value);
      return texts === null ? undefined : { ...place, texts };
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      return { ...place, texts: [], problem: error };
    }
  };
}

function noValue(type: string): WsgiTsError {
  const called = type === 'function' ? ': is it to be called?' : '';
  const message = `a value is expected here, not a ${type}${called}`;
  return new WsgiTsError('ERR_WSGI_SETTING', 'operator', message);
}

/** Arguments. */
export function given({ source, texts }: GivenArguments): Layer {
  return (key) => {
    const mine = texts[key];
    return mine && { texts: mine, source };
  };
}

/** All that was given for settings without a use, the weakest place first. */
export function unusedGiven(
  file: GivenFile | null,
  places: readonly GivenArguments[],
): readonly UnusedGiven[] {
  return unusedSettings.flatMap((setting) => {
    const { name, flags } = setting;
    const ofFile = file?.values[name] ?? file?.objects[name];
    const inFile =
      ofFile === undefined || file === null
        ? []
        : [{ setting, value: ofFile, source: `config file ${file.name}`, shown: name }];
    const inArguments = places.flatMap(({ source, unused }) => {
      const value = unused?.[name];
      return value === undefined ? [] : [{ setting, value, source, shown: flags.at(-1) ?? name }];
    });
    // The strongest place alone counts, as with every setting.
    return [...inFile, ...inArguments].slice(-1);
  });
}
