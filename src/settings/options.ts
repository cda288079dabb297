// Settings as a Node program gives them: by camelCase keys, with JavaScript's own values. Used by embed/ and by whoever
// starts a server from a program. The rows judge each value, as they judge what is typed; what is done here is to turn
// the value into the texts that all places give. Pure: what the checks ask of the machine comes in as a SettingsWorld.

import { WsgiTsError } from '../errors.ts';
import { nearest } from './nearest.ts';
import type { Setting } from './setting.ts';
import { settingRows, settingsTable, type SettingKey, type Settings } from './table.ts';
import type { SettingsWorld, ValueType } from './value-types.ts';

/** What a program may give for a setting whose value is a `T`: of a list, one text alone as well. */
type Given<T> = T extends readonly (infer Word)[]
  ? readonly Word[] | (string extends Word ? string : never)
  : T;

/** Numbers that may be said in words. */
interface NumberWords {
  readonly workers: 'auto';
  /** With a unit: `500M`. */
  readonly maxWorkerMemory: `${number}${string}`;
  /** By name. */
  readonly user: string;
  readonly group: string;
}

/** Settings by their keys, with JavaScript's values; `undefined` is as good as nothing. */
export type SettingOptions<Key extends SettingKey = SettingKey> = {
  readonly [K in Key]?:
    | (K extends 'env' ? Variables : Given<Settings[K]>)
    | (K extends keyof NumberWords ? NumberWords[K] : never)
    | undefined;
};

/** Environment variables: by their names, or as `KEY=VALUE`. */
export type Variables = Readonly<Record<string, string>> | readonly string[];

/** A wrong value, in words that the messages are made of. */
function wrong(value: unknown, allowed: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_SETTING', 'operator', `${shown(value)} is not ${allowed}`);
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return jsonOf(value) ?? 'an object that is no JSON';
}

/** null: it is none, since it holds itself, or a value that JSON does not have. */
function jsonOf(object: object): string | null {
  try {
    return (JSON.stringify(object) as string | undefined) ?? null;
  } catch {
    return null;
  }
}

/**
 * The texts that a value stands for; they are such that the row's type takes them.
 *
 * @throws WsgiTsError `ERR_WSGI_SETTING` (operator): what is wrong with the value; the option is not named
 */
export function optionTexts(
  key: SettingKey,
  value: unknown,
  world: SettingsWorld,
): readonly string[] {
  const { type } = settingsTable[key] as Setting<unknown>;
  const texts = textsOf(key, type, value, world);
  const counting = type.use === 'repeated' ? texts.map((text) => [text]) : [texts];
  for (const one of counting) type.parse(one, world);
  return texts;
}

function textsOf(
  key: SettingKey,
  type: ValueType<unknown>,
  value: unknown,
  world: SettingsWorld,
): readonly string[] {
  switch (typeof value) {
    case 'string':
      return [value];
    case 'number': {
      const text = String(value);
      if (typeof type.parse([text], world) !== 'number') throw wrong(value, 'a text');
      return [text];
    }
    case 'boolean': {
      const text = String(value);
      // A few words have `true` and `false` as other names; to any other type they'd be a text like all others.
      const meant = type.parse([text], world);
      const word = typeof meant === 'string' && meant !== text;
      if (type.use !== 'switch' && !word) throw wrong(value, 'a text');
      return [text];
    }
    case 'object':
      if (value === null) return nullTexts(type, world);
      return Array.isArray(value)
        ? listTexts(type, value, world)
        : objectTexts(key, type, value, world);
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      throw wrong(value, 'a value of a setting');
  }
}

/** None: only where a setting may have no value. */
function nullTexts(type: ValueType<unknown>, world: SettingsWorld): readonly string[] {
  let found: unknown;
  try {
    found = type.parse([''], world);
  } catch (error) {
    if (!(error instanceof WsgiTsError)) throw error;
    throw new WsgiTsError(error.code, error.blame, error.message.replace("''", 'null'));
  }
  if (found !== null) throw wrong(null, 'a value of this setting');
  return [''];
}

function listTexts(
  type: ValueType<unknown>,
  list: readonly unknown[],
  world: SettingsWorld,
): readonly string[] {
  const texts = list.map((entry) => {
    if (typeof entry !== 'string') throw wrong(entry, 'a text');
    return entry;
  });
  if (type.use === 'repeated') return texts;
  const text = texts.join(',');
  const parsed = type.parse([text], world);
  // A comma in an entry would make two of it.
  if (!Array.isArray(parsed) || parsed.length !== texts.length) throw wrong(list, 'a text');
  return [text];
}

function objectTexts(
  key: SettingKey,
  type: ValueType<unknown>,
  object: object,
  world: SettingsWorld,
): readonly string[] {
  if (key === 'env') {
    return Object.entries(object).map(([name, value]) => {
      if (typeof value !== 'string') throw wrong(value, `a text (${name})`);
      return `${name}=${value}`;
    });
  }
  const text = jsonOf(object);
  if (text === null) throw wrong(object, 'a value of this setting');
  const parsed = type.parse([text], world);
  const taken = typeof parsed === 'object' || key === 'logConfigDict';
  if (!taken) throw wrong(object, 'a text');
  return [text];
}

/**
 * The texts of all options that are given, by key.
 *
 * @param allowed - keys that make sense where the options are given
 * @param elsewhere - what is said of a setting that makes none: a sentence
 * @throws WsgiTsError `ERR_WSGI_OPTION` (operator) for a key that is not allowed; `ERR_WSGI_SETTINGS` (operator) with a
 * line for each value that is wrong
 */
export function readOptions(
  options: Readonly<Record<string, unknown>>,
  world: SettingsWorld,
  allowed: ReadonlySet<string>,
  elsewhere: string,
): Readonly<Partial<Record<SettingKey, readonly string[]>>> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const strangers = given.map(([key]) => key).filter((key) => !allowed.has(key));
  if (strangers.length > 0) throw unknownOptions(strangers, allowed, elsewhere);
  const problems: string[] = [];
  const texts = given.map(([key, value]) => {
    try {
      return [key, optionTexts(key as SettingKey, value, world)];
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      problems.push(`${key}: ${error.message}`);
      return [key, []];
    }
  });
  if (problems.length > 0) {
    const many = [`${problems.length} options are wrong:`, ...problems.map((line) => `  ${line}`)];
    throw new WsgiTsError(
      'ERR_WSGI_SETTINGS',
      'operator',
      problems.length === 1 ? problems.join('') : many.join('\n'),
    );
  }
  return Object.fromEntries(texts) as Partial<Record<SettingKey, readonly string[]>>;
}

function unknownOptions(
  keys: readonly string[],
  allowed: ReadonlySet<string>,
  elsewhere: string,
): WsgiTsError {
  const all = new Map<string, string>();
  for (const [key, { name, flags }] of settingRows) {
    if (!allowed.has(key)) continue;
    // gunicorn's names and the flags' are known, too.
    for (const spelling of [name, ...flags.map((flag) => flag.replace(/^-+/, ''))])
      all.set(spelling, key);
  }
  for (const key of allowed) all.set(key, key);
  const sentences = keys.map((key) => {
    if (Object.hasOwn(settingsTable, key)) return `${key}: ${elsewhere}`;
    const exact = all.get(key);
    const meant = exact === undefined ? nearest(key, all.keys()) : [exact];
    const names = [...new Set(meant.map((one) => all.get(one) ?? one))];
    const question = names.length === 0 ? '' : `: did you mean ${names.join(' or ')}?`;
    return `there is no option ${key}${question}`;
  });
  return new WsgiTsError('ERR_WSGI_OPTION', 'operator', sentences.join('; '), {
    remedy: `The options are ${[...allowed].sort().join(', ')}.`,
  });
}

/** The values of some settings: what the texts say, else their defaults. */
export function valuesOf<Key extends SettingKey>(
  keys: readonly Key[],
  texts: Readonly<Partial<Record<SettingKey, readonly string[]>>>,
  world: SettingsWorld,
): Pick<Settings, Key> {
  return Object.fromEntries(
    keys.map((key) => {
      const setting = settingsTable[key] as Setting<unknown>;
      return [key, setting.type.parse(texts[key] ?? setting.default, world)];
    }),
  ) as Pick<Settings, Key>;
}
