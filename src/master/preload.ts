// --preload: the app is loaded once, to see whether it can be, before any address is taken. In a process of its own: the
// master never imports the app, and what it would leave in memory could not be shared with workers anyway. master.ts
// calls it, on the master's main thread.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { WsgiTsError } from '../errors.ts';
import type { Logger } from '../log/logger.ts';

/** Loads the app as --check-config does. @throws WsgiTsError (application, exit code 1) that says what was said. */
export async function preload(
  directory: string,
  logger: Pick<Logger, 'info'>,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...argv] = process.argv.slice(1);
  const args = [...process.execArgv, program, '--check-config', ...argv];
  const child = spawn(process.execPath, args, {
    ...{ cwd: directory, signal },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const [said, [code, killedBy]] = await Promise.all([
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  if (code === 0) {
    logger.info(
      'Preload: the app can be loaded. Each worker loads it anew: memory is not shared between them',
    );
    return;
  }
  const reason = said.replace(/^Error: /m, '').trim() || `the check was sent ${killedBy ?? '?'}`;
  const message = `--preload: the app can't be loaded\n${reason}`;
  throw new WsgiTsError('ERR_WSGI_PRELOAD', 'application', message, { exitCode: 1 });
}
