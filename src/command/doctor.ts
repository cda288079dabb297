// `wsgi-ts doctor [options] [app]`: what is wrong with this machine, its Python and the app, and what to do. Called by
// cli.ts. It takes all settings of the server, so that what it looks at is what would be started.

import { localSite, type Variables } from '../binding/site.ts';
import { version } from '../bridge/version.ts';
import { checkUp, renderFindings } from '../doctor/checkup.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { addSettings, newCommand, readSettings } from './command-line.ts';
import { write } from './output.ts';
import { world } from './settings-world.ts';

/**
 * Looks at everything and says what it found.
 *
 * @returns the exit code: 1 where something is wrong, 0 with warnings too
 * @throws CommanderError, and WsgiTsError (operator) where a setting is wrong
 */
export async function doctor(argv: readonly string[], variables: Variables): Promise<number> {
  const command = newCommand('wsgi-ts doctor')
    .usage('[options] [app]')
    .description('Looks at Python, machine and app, and says what is wrong and what to do.')
    .option('--json', 'As JSON');
  const given = readSettings(addSettings(command), argv);
  const { settings } = resolveSettings({ argv: given, env: variables, world });
  process.chdir(settings.chdir); // as the master does: relative paths start there
  const findings = await checkUp(settings, localSite(variables));
  const isWell = findings.every(({ state }) => state !== 'problem');
  const asJson = command.opts<{ json?: true }>().json === true;
  write(
    1,
    asJson
      ? `${JSON.stringify({ version, ok: isWell, findings }, null, 2)}\n`
      : `wsgi-ts ${version}\n${renderFindings(findings)}`,
  );
  return isWell ? 0 : 1;
}
