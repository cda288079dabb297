// What a row of the settings' table is. Used by the rows (rows/*.ts) and by whoever reads the table.
// Types only, and the one function that lets the compiler see a row's own type. Never a row.

import type { SettingsWorld, ValueType } from './value-types.ts';

/** The groups that --help and the documents show the settings in. */
export type Section =
  | 'Application'
  | 'Server Socket'
  | 'Worker Processes'
  | 'Security'
  | 'Slow Clients'
  | 'Proxies'
  | 'TLS and HTTP/2'
  | 'Server Mechanics'
  | 'Process Naming'
  | 'Logging'
  | 'Debugging';

/** One row: a setting whose value is a `T`. */
export interface Setting<T> {
  /** gunicorn's name for it: the variable's name in its settings file. */
  readonly name: string;
  /** As they are typed, the main one last; none for the app, which has no flag. */
  readonly flags: readonly string[];
  /** What stands for the value in --help; none where there is no value. */
  readonly metavar?: string;
  /** The text that the flag alone stands for, where its value may be left out; of a switch, unless it is `true`. */
  readonly bare?: string;
  /** An environment variable that the platform may set in place of the default. */
  readonly env?: {
    readonly variable: string;
    /** The texts that its value stands for. */
    texts(value: string): readonly string[];
  };
  readonly type: ValueType<T>;
  /** The texts that count when nothing else is given; empty: none. */
  readonly default: readonly string[];
  readonly section: Section;
  /** One sentence for --help, with no full stop. */
  readonly doc: string;
  /** What the documents add: paragraphs in Markdown. */
  readonly details?: string;
  /** Why the config file has no say: what this setting is needed for happens before that file is read. */
  readonly beforeFile?: string;
  /** What is said about a value that somebody gave, beside using it: a sentence; null: nothing. */
  advice?(value: T): string | null;
  /** How these texts became the value, where that is not plain: `Workers: 4, since there are 4 cores`. */
  explain?(texts: readonly string[], world: SettingsWorld): string | null;
}

/** Lets the compiler find a row's `T`. */
export const row = <T>(setting: Setting<T>): Setting<T> => setting;
