// What is said about a setting of gunicorn's that has no use here, wherever it was given. Called by resolve.ts. Pure.
// The settings themselves are a table in rows/unused.ts.

import type { Plain } from '../bridge/interpreter.ts';
import { pythonLiteral } from './plain-values.ts';

/** One of them. */
export interface UnusedSetting {
  /** gunicorn's name. */
  readonly name: string;
  /** As they are typed, the main one last; none where only the config file has it. */
  readonly flags: readonly string[];
  readonly takes: 'value' | 'nothing';
  /** gunicorn's default as a text; left out: nothing at all. Who gives it asks for nothing. */
  readonly default?: string;
  /** Whether going on without it would serve something else than what was asked for. */
  readonly refused?: boolean;
  /** Whether what it asks for is so anyhow. */
  readonly fulfilled?: boolean;
  /** Why it has no use, and what to do instead. */
  readonly sentence: string;
}

/** What was given for one, as text from a command line or as a value of the config file. */
export interface UnusedGiven {
  readonly setting: UnusedSetting;
  readonly value: Plain;
  /** `command line`, `config file /srv/gunicorn.conf.py`. */
  readonly source: string;
  /** How that place calls the setting: its flag, or its name. */
  readonly shown: string;
}

/** Whether it asks for something that is not so here. */
export function hasEffect({ setting, value }: UnusedGiven): boolean {
  if (setting.fulfilled === true) return false;
  const text = typeof value === 'string' ? value.trim() : pythonLiteral(value);
  if (['', 'None', '[]', '{}'].includes(text)) return false;
  const { default: byDefault = '' } = setting;
  const isNumber = /^\d+$/.test(byDefault); // which may be written as 0o600
  return isNumber ? Number(text) !== Number(byDefault) : text.toLowerCase() !== byDefault;
}
