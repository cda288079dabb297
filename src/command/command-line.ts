// The command line as the settings' table has it: an option for each row, and what was given for them. Used by
// every command that takes settings. Only this folder knows commander; it must never judge a value.

import { isatty } from 'node:tty';
import { Command, Option } from 'commander';
import { renderDefault, renderFlags } from '../settings/render.ts';
import type { GivenTexts } from '../settings/resolve.ts';
import { settingRows } from '../settings/table.ts';
import { write } from './output.ts';

/** A command that leaves exit codes and errors to cli.ts, and writes as the rest does. */
export function newCommand(name: string): Command {
  return new Command(name)
    .helpOption('-h, --help', 'Print this help and exit')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({
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
    if (setting.bare !== undefined) option.preset(setting.bare);
    command.addOption(option);
  }
  return command;
}

/** @throws CommanderError after it printed --help, --version or what is wrong with the command line. */
export function readSettings(command: Command, argv: readonly string[]): GivenTexts {
  command.parse(argv, { from: 'user' });
  const entries = settingRows.map(([key, setting]) => {
    if (setting.flags.length === 0) {
      const isArgument = setting.metavar !== undefined && command.args.length > 0;
      return [key, isArgument ? command.args : undefined];
    }
    const flag = setting.flags.at(-1);
    const option = command.options.find(({ long }) => long === flag);
    const attribute = option?.attributeName() ?? '';
    // commander gives `--no-…` a default of its own.
    if (command.getOptionValueSource(attribute) !== 'cli') return [key, undefined];
    const value: unknown = command.getOptionValue(attribute);
    return [key, typeof value === 'boolean' ? ['true'] : value];
  });
  return Object.fromEntries(entries) as GivenTexts;
}
