// The settings as people read them: flags and defaults for --help, what --print-config prints, and the
// page docs/settings.md. Called by cli.ts and by scripts/generate-docs.ts. Pure: text in, text out; it
// never writes anywhere.

import type { ResolvedSettings } from './resolve.ts';
import type { Setting } from './setting.ts';
import { settingRows } from './table.ts';

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
  if (setting.type.use === 'switch') return `${texts}, or as $${setting.env.variable} says`;
  return `${texts}, or ${setting.env.texts(`$${setting.env.variable}`).join(', ')}`;
}

/** JSON's strings and numbers are Python's too; its words are not. */
function pythonLiteral(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  return JSON.stringify(value);
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

function renderRow(setting: Setting<unknown>): string {
  const byDefault = renderDefault(setting);
  const value = setting.bare === undefined ? setting.metavar : `[${setting.metavar}]`;
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

/** The whole of docs/settings.md. */
export function renderSettingsPage(): string {
  const sections = [...new Set(settingRows.map(([, { section }]) => section))];
  return [
    '<!-- Written by `npm run docs` from src/settings/table.ts: change that, not this. -->',
    '# Settings',
    "Names, flags and forms are gunicorn's. What is given further down this list has the last word:",
    '1. the default\n2. the environment variable named beside the default, when it is not empty\n3. the command line',
    '`wsgi-ts --print-config app:app` shows every value in use, and where it came from. A whole number may ' +
      'be written as `16`, `0x10`, `0o20` or `0b10000`. Wrong values are all reported at once, and end ' +
      'the command with exit code 1; a flag that does not exist ends it with 2.',
    ...sections.flatMap((section) => [
      `## ${section}`,
      ...settingRows.filter(([, row]) => row.section === section).map(([, row]) => renderRow(row)),
    ]),
  ]
    .join('\n\n')
    .concat('\n');
}
