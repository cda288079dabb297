// Values as Python gives them in a config file, turned into the texts that the other layers give, so that one
// parser judges both; and Python's way of writing a value. Used by the types of value-types.ts and by the layer of
// the config file. Pure; it must never judge a value, but for one that no text could stand for.

import type { Plain } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';

/** What is needed of a value type here. */
interface Target {
  readonly use: 'once' | 'repeated' | 'switch';
  readonly fromPlain?: (value: Plain) => readonly string[] | null;
}

/** A value as Python writes it. JSON's texts and numbers are Python's too; its words are not. */
export function pythonLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  if (typeof value === 'object') {
    const entries = Object.entries(value).map(
      ([key, one]) => `${JSON.stringify(key)}: ${pythonLiteral(one)}`,
    );
    return `{${entries.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/**
 * The texts that a value of the config file stands for; null: as if it were not there (None).
 *
 * @throws WsgiTsError `ERR_WSGI_SETTING` (operator) where a list holds what is no text
 */
export function textsOf(type: Target, value: Plain): readonly string[] | null {
  if (type.fromPlain !== undefined) return type.fromPlain(value);
  if (value === null) return null;
  switch (type.use) {
    case 'once':
      return [textOf(value)];
    case 'switch':
      // gunicorn takes the words too, in any case, and no numbers.
      return [typeof value === 'number' ? textOf(value) : textOf(value).trim().toLowerCase()];
    case 'repeated':
      return typeof value === 'object' ? textsIn(value) : [textOf(value)];
  }
}

/** A list of texts as one, with commas; a text as it is. None is an empty one. */
export function listText(value: Plain): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  return textsIn(value).join(',');
}

function textsIn(value: Plain): readonly string[] {
  if (!isList(value) || !value.every((entry) => typeof entry === 'string')) {
    throw new WsgiTsError(
      'ERR_WSGI_SETTING',
      'operator',
      `${pythonLiteral(value)} is not a text, nor a list of texts`,
    );
  }
  return value;
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

function textOf(value: Plain): string {
  if (typeof value === 'string') return value;
  // A dict or a list as JSON: types that take one read that, and the others refuse it.
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'boolean' ? pythonLiteral(value) : String(value);
}
