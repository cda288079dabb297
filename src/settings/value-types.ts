// The kinds of value that a setting can have: how the texts given for it become the value, and what is
// said when they can't. Used by the rows of table.ts and by resolve.ts; whatever of the system a check
// needs comes in as a SettingsWorld. Everything is given as text, whether it was typed, exported or is
// the default, so that there is one way to read it. Never read a file, process.env or the clock here.

import { resolve } from 'node:path';
import type { Plain } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';
import { parseAddress } from './address.ts';
import { listText, pythonLiteral, textsOf } from './plain-values.ts';

/** What the checks may ask about the world; the composition root gives the real one. */
export interface SettingsWorld {
  /** The working directory, absolute. */
  readonly cwd: string;
  /** Whether there is a directory at this absolute path, and we may enter it. */
  isDirectory(path: string): boolean;
  /** The uid of the user with this name; undefined: there is none. */
  userId(name: string): number | undefined;
  /** The gid of the group with this name; undefined: there is none. */
  groupId(name: string): number | undefined;
  /** Throws a {@link WsgiTsError} where the access log's format has an atom that does not exist. */
  checkAccessLogFormat(format: string): void;
  /** How many workers fit this machine, and a sentence's end that says why. */
  automaticWorkers(): AutomaticWorkers;
}

/** What `workers = auto` comes to. */
export interface AutomaticWorkers {
  readonly workers: number;
  /** `there are 2 cores`: what follows "since". */
  readonly reason: string;
}

/** One kind of value. `T` is what the program gets. */
export interface ValueType<T> {
  /** `once`: the last one given counts; `repeated`: each one adds; `switch`: takes no value. */
  readonly use: 'once' | 'repeated' | 'switch';
  /**
   * Makes the value of the texts given, the oldest first; of none where the setting has no default.
   *
   * @throws {@link WsgiTsError} (operator) with the text and what is allowed instead.
   */
  parse(texts: readonly string[], world: SettingsWorld): T;
  /**
   * The texts that a value of the config file stands for; null: none, as if it were not there. Where a type has no
   * function of its own, {@link textsOf} knows what its `use` makes of Python's values.
   *
   * @throws {@link WsgiTsError} (operator) where this type takes no such value.
   */
  readonly fromPlain?: (value: Plain) => readonly string[] | null;
}

/** The error for a text that is no value of its type. */
export function invalid(text: string, allowed: string): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_SETTING', 'operator', `'${text}' is not ${allowed}`);
}

/** A type of which the last text counts, without the spaces around it. */
export function once<T>(read: (text: string, world: SettingsWorld) => T): ValueType<T> {
  return { use: 'once', parse: (texts, world) => read((texts.at(-1) ?? '').trim(), world) };
}

/** A value that may be missing: nothing given, or an empty text, is null. */
export function optional<T>(type: ValueType<T>): ValueType<T | null> {
  return {
    use: type.use,
    parse: (texts, world) => ((texts.at(-1) ?? '').trim() === '' ? null : type.parse(texts, world)),
    fromPlain: (value) => (value === null ? [''] : textsOf(type, value)),
  };
}

/** A whole number, decimal or `0x…`, `0o…`, `0b…`; `max` is what the system's `int` holds if not given. */
export function integer({
  min,
  max = 2 ** 31 - 1,
}: {
  min: number;
  max?: number;
}): ValueType<number> {
  const type = once((text) => {
    const value = /^(?:\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) {
      throw invalid(text, `a whole number from ${min} to ${max}`);
    }
    return value;
  });
  return {
    ...type,
    fromPlain: (value) => {
      // Python's True is 1, and gunicorn takes it; its None is no number, be it from a variable that isn't set.
      if (typeof value === 'boolean') return [String(Number(value))];
      return value === null ? ['None'] : textsOf(type, value);
    },
  };
}

/** A number of workers, or `auto`: as many as fit this machine. */
export const workerCount: ValueType<number> = {
  ...integer({ min: 1 }),
  parse: (texts, world) => {
    if (isAutomatic(texts)) return world.automaticWorkers().workers;
    try {
      return integer({ min: 1 }).parse(texts, world);
    } catch (error) {
      if (!(error instanceof WsgiTsError)) throw error;
      throw new WsgiTsError(error.code, error.blame, `${error.message}, nor auto`);
    }
  },
};

/** Whether it is left to the machine. */
export function isAutomatic(texts: readonly string[]): boolean {
  return texts.at(-1)?.trim().toLowerCase() === 'auto';
}

/** Whole seconds; Node keeps a timer's milliseconds in 31 bits: a longer one would go off at once. */
export const seconds = integer({ min: 0, max: 2147483 });

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A count of bytes, which may have a unit of 1024: `500M`, `1.5G`, `512MiB`. */
export const bytes: ValueType<number> = once((text) => {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmg]?)(?:i?b)?$/i.exec(text) ?? [];
  const value = Math.round(Number(number) * (units[unit.toLowerCase()] ?? NaN));
  if (number === '' || !Number.isSafeInteger(value)) {
    throw invalid(text, 'a count of bytes, such as 500000000, 500M or 1.5G');
  }
  return value;
});

/** One of a few words, in any case; `synonyms` are other words for them, which are not advertised. */
export function choice<const T extends string>(
  words: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): ValueType<T> {
  return once((text) => {
    const lower = text.toLowerCase();
    const word =
      words.find((known) => known === lower) ?? new Map(Object.entries(synonyms)).get(lower);
    if (word === undefined) throw invalid(text, `one of ${words.join(', ')}`);
    return word;
  });
}

/** Some of a few words in one text, separated by commas; in any case. */
export function choices<const T extends string>(words: readonly T[]): ValueType<readonly T[]> {
  const one = choice(words);
  return {
    use: 'once',
    parse: (texts, world) => {
      const chosen = commaList.parse(texts, world).map((word) => one.parse([word], world));
      if (chosen.length === 0) throw invalid('', `a list of ${words.join(', ')}`);
      return chosen;
    },
  };
}

/** Any text but an empty one; `what` completes "is not …". */
export function text(what: string): ValueType<string> {
  return {
    ...once((given) => {
      if (given === '') throw invalid(given, what);
      return given;
    }),
    // As JSON, a dict would be a text like any other.
    fromPlain: (value) => {
      if (value === null || typeof value === 'string') return value === null ? null : [value];
      throw invalid(pythonLiteral(value), what);
    },
  };
}

/** A list in one text, separated by commas; the config file may give it as a list. */
export const commaList: ValueType<readonly string[]> = {
  ...once((given) =>
    given
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  ),
  fromPlain: (value) => [listText(value)],
};

/** An existing directory; a relative one starts at the working directory. The value is absolute. */
export const directory: ValueType<string> = once((given, world) => {
  const path = resolve(world.cwd, given);
  if (!world.isDirectory(path)) throw invalid(given, 'a directory that can be entered');
  return path;
});

/** A format for the lines of the access log. */
export const accessLogFormat: ValueType<string> = once((given, world) => {
  world.checkAccessLogFormat(given);
  return given;
});

/** Addresses to listen at: kept as they were given, each in a form that `parseAddress` takes. */
export const addresses: ValueType<readonly string[]> = {
  use: 'repeated',
  parse: (texts) =>
    texts.map((given) => {
      const address = given.trim();
      parseAddress(address);
      return address;
    }),
  fromPlain: (value) => {
    const texts = textsOf({ use: 'repeated' }, value);
    if (texts?.length === 0) throw invalid('[]', 'an address to listen at');
    return texts;
  },
};

/** `KEY=VALUE` pairs. The value is taken as it is, spaces and all. */
export const environmentPairs: ValueType<readonly string[]> = {
  use: 'repeated',
  parse: (texts) =>
    texts.map((given) => {
      if (!/^[^=\0]+=[^\0]*$/.test(given)) throw invalid(given, 'of the form KEY=VALUE');
      return given;
    }),
};

/** On or off. */
export const flag: ValueType<boolean> = {
  use: 'switch',
  parse: (texts) => {
    const given = texts.at(-1) ?? 'false';
    if (given !== 'true' && given !== 'false') throw invalid(given, 'true or false');
    return given === 'true';
  },
};

/** The variables that `--env` sets: of two with the same key, the last one counts. */
export function environmentVariables(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const end = pair.indexOf('=');
      return [pair.slice(0, end), pair.slice(end + 1)];
    }),
  );
}
