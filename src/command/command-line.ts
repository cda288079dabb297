// Arguments as the settings' table has them: an option for each row, and what was given for them, on the command
// line or in a variable that holds arguments. Used by every command that takes settings. Only this folder knows
// commander; it must never judge a value.

import { isatty } from 'node:tty';
import { Command, CommanderError, Option } from 'commander';
import { WsgiTsError } from '../errors.ts';
import type { GivenArguments, GivenTexts } from '../settings/layers.ts';
import { nearest } from '../settings/nearest.ts';
import { renderDefault, renderFlags } from '../settings/render.ts';
import { unusedSettings } from '../settings/rows/unused.ts';
import { splitWords } from '../settings/shell-words.ts';
import { settingRows } from '../settings/table.ts';
import { write } from './output.ts';

/** A command that leaves exit codes and errors to cli.ts, and writes as the rest does. */
export function newCommand(name: string): Command {
  const command = new Command(name);
  return command
    .helpOption('-h, --help', 'Print this help and exit')
    .allowExcessArguments(false)
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureHelp({ optionTerm: ({ flags }) => withoutVariant(flags) })
    .configureOutput({
      outputError: (text, show) => {
        show(withSuggestion(command, text));
      },
      writeOut: (text) => {
        write(1, text);
      },
      writeErr: (text) => {
        write(2, text);
      },
      getOutHelpWidth: () => (isatty(1) ? process.stdout.columns : 100),
      getErrHelpWidth: () => 100,
    });
}

/** gunicorn's second spelling of one flag is taken, but would make the first column as wide as both. */
function withoutVariant(flags: string): string {
  return flags.replace(/^(--[\w-]+), (--[\w-]+)/, (both, one: string, other: string) =>
    one === other.replaceAll('_', '-') ? one : both,
  );
}

/** The commands besides the one that serves: a first word that is none of them names the app. */
const commandNames = ['binding', 'doctor', 'smoke'] as const;

/** An error of commander's, with what may have been meant by an option, or a command, that it does not know. */
function withSuggestion(command: Command, text: string): string {
  const meant = text.includes('too many arguments')
    ? nearest(command.args[0] ?? '', commandNames).map((name) => `wsgi-ts ${name}`)
    : nearestFlags(command, text);
  if (meant.length === 0) return text;
  return `${text.trimEnd()}\n(Did you mean ${meant.length > 1 ? 'one of ' : ''}${meant.join(', ')}?)\n`;
}

function nearestFlags(command: Command, text: string): readonly string[] {
  const [, flag = ''] = /unknown option '(--[^'=]+)/.exec(text) ?? [];
  const known = settingRows.flatMap(([, { flags }]) => flags.filter((one) => one.startsWith('--')));
  const own = command.options.flatMap(({ long, hidden }) => (hidden ? [] : [long ?? '']));
  return nearest(flag, [...new Set([...known, ...own, '--help', '--version'])]);
}

/** Every setting as an option of `command`, and the app as its argument; values stay text, for resolveSettings to judge. */
export function addSettings(command: Command): Command {
  for (const [, setting] of settingRows) {
    if (setting.flags.length === 0) {
      if (setting.metavar !== undefined) command.argument(`[${setting.metavar}]`, setting.doc);
      continue; // others are the config file's alone
    }
    const byDefault = renderDefault(setting);
    const option = new Option(
      renderFlags(setting),
      byDefault === null ? setting.doc : `${setting.doc} [${byDefault}]`,
    ).helpGroup(`${setting.section}:`);
    if (setting.type.use !== 'switch') {
      option.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
    }
    if (setting.bare !== undefined && setting.type.use !== 'switch') option.preset(setting.bare);
    command.addOption(option);
  }
  for (const { flags, takes } of unusedSettings) {
    if (flags.length === 0) continue;
    const option = new Option(flags.join(', ') + (takes === 'value' ? ' <VALUE>' : ''));
    command.addOption(option.hideHelp());
  }
  return command;
}

/** @throws CommanderError after it printed --help, --version or what is wrong with the command line. */
export function readSettings(command: Command, argv: readonly string[]): GivenArguments {
  command.parse(argv, { from: 'user' });
  const entries = settingRows.flatMap(([key, { flags, metavar, bare = 'true' }]) => {
    if (flags.length === 0) {
      const isArgument = metavar !== undefined && command.args.length > 0;
      return isArgument ? [[key, command.args]] : [];
    }
    const value = valueOf(command, flags);
    return value === undefined ? [] : [[key, typeof value === 'boolean' ? [bare] : value]];
  });
  const unused = unusedSettings.flatMap(({ name, flags }) => {
    const value = valueOf(command, flags);
    return value === undefined ? [] : [[name, typeof value === 'boolean' ? 'true' : value]];
  });
  return {
    source: 'command line',
    texts: Object.fromEntries(entries) as GivenTexts,
    unused: Object.fromEntries(unused) as Record<string, string>,
  };
}

/** What was given for the option of these flags; undefined: nothing. */
function valueOf(command: Command, flags: readonly string[]): unknown {
  const option = command.options.find(({ long }) => long === flags.at(-1));
  const attribute = option?.attributeName() ?? '';
  // commander gives `--no-…` a default of its own.
  if (command.getOptionValueSource(attribute) !== 'cli') return undefined;
  return command.getOptionValue(attribute);
}

/**
 * Reads a variable that holds arguments, such as GUNICORN_CMD_ARGS.
 *
 * @returns null where it is empty; `app`: an app that it names, which has no say there, as with gunicorn
 * @throws WsgiTsError ERR_WSGI_ARGUMENTS (operator): a quote that is not closed (exit code 1), an option that does not
 * exist or has no value (exit code 2)
 */
export function readVariable(
  name: string,
  text: string | undefined,
): (GivenArguments & { readonly app: string | undefined }) | null {
  if (text === undefined || text.trim() === '') return null;
  const words = splitWords(text);
  if (words === null)
    throw wrongVariable(name, 'a quote is not closed, or nothing follows a backslash', 1);
  let said = '';
  const command = newCommand(name)
    .helpOption(false)
    .allowExcessArguments(true)
    .configureOutput({
      writeErr: (line) => {
        said += line;
      },
    });
  try {
    const { texts, unused = {} } = readSettings(addSettings(command), words);
    const { app, ...others } = texts;
    return { source: name, texts: others, unused, app: app?.[0] };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw wrongVariable(
      name,
      said
        .trim()
        .replace(/^error: /, '')
        .replace('\n', ' '),
      2,
    );
  }
}

function wrongVariable(name: string, why: string, exitCode: number): WsgiTsError {
  const remedy = `${name} holds arguments as they would be typed: ${name}="--workers 4 --bind ':8000'"`;
  return new WsgiTsError('ERR_WSGI_ARGUMENTS', 'operator', `${name}: ${why}`, { exitCode, remedy });
}
