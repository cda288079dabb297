// The kinds of value that only settings of HTTP have: networks, header fields, versions, a path. Used by the rows; as with
// value-types.ts everything comes as text. Never look anything up here.

import { Networks } from '../http/networks.ts';
import { listText } from './plain-values.ts';
import { commaList, invalid, once, type ValueType } from './value-types.ts';

/** The path of a request's target, with no query. */
export const requestPath: ValueType<string> = once((text) => {
  if (!/^\/[!-~]*$/.test(text) || /[?#]/.test(text)) {
    throw invalid(text, 'a path, such as /health');
  }
  return text;
});

/** Addresses and networks in one text, separated by commas; each one that `Networks` takes. */
export const networks: ValueType<readonly string[]> = {
  use: 'once',
  parse: (texts, world) => {
    const entries = commaList.parse(texts, world);
    new Networks(entries);
    return entries;
  },
  fromPlain: (value) => [listText(value)],
};

/**
 * `NAME=VALUE` in one text, separated by commas, or an object in JSON, as which the config file's dict comes.
 * Names are those of header fields, in lower case.
 */
export const namedValues: ValueType<Readonly<Record<string, string>>> = {
  use: 'once',
  parse: (texts, world) => {
    const given = texts.at(-1)?.trim() ?? '';
    if (given.startsWith('{')) return namedValuesOfObject(given);
    return Object.fromEntries(
      commaList.parse(texts, world).map((entry) => {
        const [, name, value] = /^([\w-]+)=(.+)$/.exec(entry) ?? [];
        if (name === undefined || value === undefined)
          throw invalid(entry, 'of the form NAME=VALUE');
        return [name.toLowerCase(), value];
      }),
    );
  },
};

function namedValuesOfObject(given: string): Record<string, string> {
  const allowed = 'an object of names of header fields with a text for each';
  let object: Record<string, unknown>;
  try {
    object = JSON.parse(given) as Record<string, unknown>;
  } catch {
    throw invalid(given, allowed);
  }
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      if (!/^[\w-]+$/.test(name) || typeof value !== 'string') throw invalid(given, allowed);
      return [name.toLowerCase(), value];
    }),
  );
}

/** Versions of HTTP in one text, separated by commas. */
export const protocols: ValueType<readonly ('h1' | 'h2')[]> = {
  use: 'once',
  parse: (texts, world) => {
    const words = commaList.parse(texts, world).map((word) => {
      if (word === 'h1' || word === 'h2') return word;
      throw invalid(word, 'a version of HTTP that is spoken here: h1 or h2');
    });
    if (words.length === 0) throw invalid('', 'a list of h1 and h2');
    return words;
  },
};
