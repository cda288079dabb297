// The settings as people read them: flags and defaults for --help, what --print-config prints, and the
// page docs/settings.md. Called by the command and by scripts/generate-docs.ts. Pure: text in, text out; it
// never writes anywhere.

import { pythonLiteral } from './plain-values.ts';
import type { ResolvedSettings } from './resolve.ts';
import { unusedSettings } from './rows/unused.ts';
import type { Setting } from './setting.ts';
import { settingRows, type SettingKey, type Settings } from './table.ts';

/** A setting's flags with their value, as commander takes them: `-w, --workers <INT>`, `[WORD]` where it may be left out. */
export function renderFlags(setting: Setting<unknown>): string {
  const { bare, flags, metavar } = setting;
  if (metavar === undefined) return flags.join(', ');
  return `${flags.join(', ')} ${bare === undefined ? `<${metavar}>` : `[${metavar}]`}`;
}

/** A setting's default, with the variable that may take its place: `1, or $WEB_CONCURRENCY`. */
export function renderDefault(setting: Setting<unknown>): string | null {
  const texts = setting.default.join(', ');
  if (texts === '') return null;
  if (!setting.env) return texts;
  if (setting.bare === 'false') return `as $${setting.env.variable} says`;
  if (setting.type.use === 'switch') return `${texts}, or as $${setting.env.variable} says`;
  return `${texts}, or ${setting.env.texts(`$${setting.env.variable}`).join(', ')}`;
}

/** Each setting on a line of Python, by gunicorn's name, with where it came from: for --print-config. */
export function renderConfiguration({ settings, sources }: ResolvedSettings): string {
  const width = Math.max(...settingRows.map(([, setting]) => setting.name.length));
  return settingRows
    .map(([key, { name }]) => ({ key, name }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(
      ({ key, name }) =>
        `${name.padEnd(width)} = ${pythonLiteral(settings[key])}  # ${sources[key]}\n`,
    )
    .join('');
}

/** What differs between two sets of settings, one text each: `workers 2 → 4`; of `keys`, or of all. */
export function changedSettings(
  before: Settings,
  after: Settings,
  keys: readonly SettingKey[] = settingRows.map(([key]) => key),
): string[] {
  return settingRows.flatMap(([key, { name }]) => {
    if (!keys.includes(key)) return [];
    const [old, now] = [pythonLiteral(before[key]), pythonLiteral(after[key])];
    return old === now ? [] : [`${name} ${old} → ${now}`];
  });
}

function renderRow(setting: Setting<unknown>): string {
  const byDefault = renderDefault(setting);
  const { bare, metavar } = setting;
  const value = bare === undefined || metavar === undefined ? metavar : `[${metavar}]`;
  const facts = [
    setting.flags.length === 0
      ? setting.metavar === undefined
        ? 'In the config file alone'
        : `The argument \`${setting.metavar}\``
      : setting.flags
          .map((flag) => (value === undefined ? flag : `${flag} ${value}`))
          .map((flag) => `\`${flag}\``)
          .join(', '),
    ...(byDefault === null ? [] : [`default: \`${byDefault}\``]),
  ].join('; ');
  const paragraphs = [`### ${setting.name}`, facts, `${setting.doc}.`];
  return [...paragraphs, ...(setting.details === undefined ? [] : [setting.details])].join('\n\n');
}

/** The settings without a use, as a table that Prettier would leave as it is. */
function renderUnused(): string {
  const rows = unusedSettings.map(({ name, flags, refused, fulfilled, sentence }) => [
    [`\`${name}\``, ...flags.map((flag) => `\`${flag}\``)].join(', '),
    refused === true ? 'refused' : fulfilled === true ? 'as asked' : 'a warning',
    sentence.replaceAll('|', '\\|'),
  ]);
  const table = [['setting', 'what happens', 'why, and what to do'], ...rows];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(table[0] ?? []), rule, ...table.slice(1).map(line)].join('\n');
}

/** The whole of docs/settings.md. */
export function renderSettingsPage(): string {
  const sections = [...new Set(settingRows.map(([, { section }]) => section))];
  return [
    '<!-- Written by `npm run docs` from src/settings/table.ts: change that, not this. -->',
    '# Settings',
    "Names, flags and forms are gunicorn's. What is given further down this list has the last word:",
    [
      '1. the default',
      '2. the environment variable named beside the default, when it is not empty',
      '3. the config file, `./gunicorn.conf.py` or what `--config` names: a name there is the setting of that name',
      '4. the variable `GUNICORN_CMD_ARGS`, which holds arguments as they would be typed',
      '5. the variable `WSGI_TS_CMD_ARGS`, the same for this server alone',
      '6. the command line',
    ].join('\n'),
    '`wsgi-ts --print-config app:app` shows every value in use, and where it came from. A whole number may ' +
      'be written as `16`, `0x10`, `0o20` or `0b10000`. Wrong values are all reported at once, and end ' +
      'the command with exit code 1; a flag that does not exist ends it with 2.',
    'The two variables are split into words as a shell would (quotes and backslashes count, nothing is expanded). An ' +
      'app in them is ignored. In the config file, `None` counts as not given, a list may be a tuple, a path may be a ' +
      '`pathlib.Path`, and a switch is `True` or `False`. [Moving from gunicorn](migrating-from-gunicorn.md) says more.',
    ...sections.flatMap((section) => [
      `## ${section}`,
      ...settingRows.filter(([, row]) => row.section === section).map(([, row]) => renderRow(row)),
    ]),
    '## Known, without a use',
    "gunicorn's other settings are known, so that they are told from typing errors. A value that is gunicorn's default " +
      'is passed over without a word. Any other is told at the start, and the server starts; but where that would ' +
      'serve something else than what was asked for, it ends with exit code 1 (_refused_).',
    renderUnused(),
  ]
    .join('\n\n')
    .concat('\n');
}
