// A worker becomes who it shall be: its title, and the rights of --user and --group in place of the master's. worker.ts
// calls it when the logs are open and before the app is imported, on the main thread. It must never leave a worker with rights
// that it was to give up: whatever fails here ends the worker.

import { accessSync, constants, fchownSync, fstatSync, realpathSync } from 'node:fs';
import { startInterpreter } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';
import { leaveLostTerminal } from '../log/lost-terminal.ts';
import type { WorkerConfiguration, WorkerIdentity } from '../messages.ts';

/**
 * Takes on title and identity.
 *
 * @throws WsgiTsError `ERR_WSGI_PRIVILEGES` (operator) where the kernel refuses, or the user may not read
 *   app and Python; and what {@link startInterpreter} throws
 */
export async function assumeIdentity(
  configuration: Pick<WorkerConfiguration, 'title' | 'identity' | 'python' | 'chdir' | 'noBuild'>,
): Promise<void> {
  const { title, identity, python, chdir, noBuild } = configuration;
  process.title = title;
  leaveLostTerminal();
  if (identity === null) return;
  // While we may still read it: the binding of a server that root has started lies in root's home.
  const interpreter = await startInterpreter({
    python,
    directory: chdir,
    noBuild,
    listener: silent,
  });
  // What is behind links is looked up with the same rights.
  const program = interpreter.executable === '' ? null : realpathSync(interpreter.executable);
  giveOutput(identity);
  try {
    drop(identity);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refusal(`A worker can't become user ${identity.uid}: ${reason}`, cause);
  }
  assertReadable(identity, chdir, 'where the app is');
  if (program !== null) assertReadable(identity, program, "the app's Python");
}

/** What root may read its user may not, most often because it is below /root: each import would fail without saying so. */
function assertReadable({ uid }: WorkerIdentity, path: string, what: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw refusal(`User ${uid} may not read ${path}, ${what}`, cause);
  }
}

function refusal(message: string, cause: unknown): WsgiTsError {
  return new WsgiTsError('ERR_WSGI_PRIVILEGES', 'operator', message, {
    remedy:
      'Put the app and its Python where that user may read them, not below /root; or start the server as the user that ' +
      'it shall run as, without --user and --group.',
    cause,
  });
}

/** The master has built it, if it had to be built. */
const silent = { begin: () => undefined, step: () => undefined, end: () => undefined };

/** The pipes to the master are this worker's own: who opens /dev/stdout needs a right to them. */
function giveOutput({ uid, gid }: WorkerIdentity): void {
  for (const fd of [1, 2]) if (fstatSync(fd).isFIFO()) fchownSync(fd, uid, gid);
}

/** @types/node has left it out. */
interface WithInitgroups {
  readonly initgroups?: (user: number, extraGroup: number) => void;
}

/** The groups first: who is no longer root can't change them. Each call is for all threads of the process. */
function drop({ uid, gid, initgroups }: WorkerIdentity): void {
  if (initgroups) (process as WithInitgroups).initgroups?.(uid, gid);
  else process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  const is = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  if (is.join() !== [uid, uid, gid, gid].join()) throw new Error(`it is ${is.join()}`);
}
