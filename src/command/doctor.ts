// `wsgi-ts doctor [options] [app]`: what is wrong with this machine, its Python and the app, and what to do. Called by
// cli.ts. It takes all settings of the server, so that what it looks at is what would be started.

import { localSite, type Variables } from '../binding/site.ts';
import { version } from '../bridge/version.ts';
import { checkUp, renderFindings } from '../doctor/checkup.ts';
import type { Finding } from '../doctor/finding.ts';
import { WsgiTsError } from '../errors.ts';
import type { GivenArguments } from '../settings/layers.ts';
import type { ResolvedSettings } from '../settings/resolve.ts';
import { addSettings, newCommand, readSettings } from './command-line.ts';
import { write } from './output.ts';
import { readEverything } from './read-everything.ts';

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
  const env = { ...variables };
  const { settings, aboutSettings } = await lookAtSettings(given, env);
  process.chdir(settings.chdir); // as the master does: relative paths start there
  const findings = [...aboutSettings, ...(await checkUp(settings, localSite(env)))];
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

/**
 * The settings, and what is to be said of them. The config file is read where Python starts without a building; where
 * it can't be read, everything else is looked at without it.
 */
async function lookAtSettings(
  given: GivenArguments,
  env: Variables,
): Promise<Pick<ResolvedSettings, 'settings'> & { aboutSettings: Finding[] }> {
  const name = 'settings';
  const outside = await readEverything(given, env, { withoutFile: true });
  try {
    const { settings, warnings, configFile } = await readEverything(given, env, { noBuild: true });
    const aboutSettings: Finding[] = warnings.map((text) => ({ name, state: 'warning', text }));
    if (configFile !== null && warnings.length === 0) {
      aboutSettings.push({ name, state: 'good', text: `Config file ${configFile.location}` });
    }
    // Which Python it would be is for the doctor to find.
    const { python } = outside.settings;
    return { settings: { ...settings, python }, aboutSettings };
  } catch (error) {
    if (!(error instanceof WsgiTsError)) throw error;
    const { message, remedy, traceback } = error;
    const finding: Finding = {
      ...{ name, state: 'problem', text: message },
      ...(remedy === undefined ? {} : { remedy }),
      ...(traceback === undefined ? {} : { traceback }),
    };
    return { settings: outside.settings, aboutSettings: [finding] };
  }
}
