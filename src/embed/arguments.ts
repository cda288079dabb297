// What was given as options, as arguments of the command. Used by whoever starts the command: serve.ts, and the smoke
// test's command (src/command/smoke-options.ts). Pure.

import { settingRows } from '../settings/table.ts';
import type { GivenTexts } from '../settings/layers.ts';

/**
 * `--flag=value` for each text; a switch that is off is none, since there is no flag that says so: a config file may
 * still turn it on.
 */
export function argumentsOf(texts: GivenTexts): string[] {
  return settingRows.flatMap(([key, { flags, type, bare = 'true' }]) => {
    const [given, flag] = [texts[key], flags.at(-1)];
    if (given === undefined || flag === undefined) return [];
    if (type.use === 'switch') return given.at(-1) === bare ? [flag] : [];
    return (type.use === 'repeated' ? given : given.slice(-1)).map((text) => `${flag}=${text}`);
  });
}
