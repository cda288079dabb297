// Every setting of wsgi-ts: one row each. The type Settings, the command line, --help, --print-config and
// docs/settings.md all derive from this table, so a new setting is one new row in rows/ and nothing else.
// Names, flags, forms and defaults are gunicorn's wherever it has them. Data only: reading values is the
// business of value-types.ts, choosing between them that of resolve.ts.

import { configRows, gunicornRows } from './rows/gunicorn.ts';
import { httpRows } from './rows/http.ts';
import { lifecycleRows } from './rows/lifecycle.ts';
import { loggingRows } from './rows/logging.ts';
import { processRows } from './rows/process.ts';
import { proxyRows } from './rows/proxies.ts';
import { reloadRows } from './rows/reload.ts';
import { serverRows } from './rows/server.ts';
import { tlsRows } from './rows/tls.ts';
import type { Setting } from './setting.ts';

/** The rows by the key that the program knows each by, in the order in which people read them. */
export const settingsTable = {
  ...configRows,
  ...serverRows,
  ...lifecycleRows,
  ...gunicornRows,
  ...processRows,
  ...httpRows,
  ...proxyRows,
  ...tlsRows,
  ...loggingRows,
  ...reloadRows,
};

/** What the program calls a setting. */
export type SettingKey = keyof typeof settingsTable;

/** The value of every setting. */
export type Settings = {
  readonly [Key in SettingKey]: (typeof settingsTable)[Key] extends Setting<infer T> ? T : never;
};

/** The rows with their keys, in the table's order. */
export const settingRows: readonly (readonly [SettingKey, Setting<unknown>])[] = Object.entries(
  settingsTable,
) as [SettingKey, Setting<unknown>][];
