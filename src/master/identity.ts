// Whose rights the workers have (--user, --group, --initgroups): who that is, whether it may be done, and that they can
// use what the master has opened. surroundings.ts calls it on the master's main thread, before anything is opened; the
// worker itself gives up its rights (worker/identity.ts). It must never give away a file that isn't plainly a log.

import { closeSync, constants, fchownSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { WsgiTsError } from '../errors.ts';
import type { WorkerIdentity } from '../messages.ts';
import { primaryGroup } from '../settings/accounts.ts';
import type { Settings } from '../settings/table.ts';

/** What this process is and may. */
export interface Rights {
  readonly uid: number;
  readonly gid: number;
  /** The capabilities of capabilities(7), by their numbers, as a bit mask; null where there are none to be read. */
  readonly capabilities: bigint | null;
}

/** What changing a worker's user takes; root may lack it in a container. */
const needed = { CAP_CHOWN: 0, CAP_KILL: 5, CAP_SETGID: 6, CAP_SETUID: 7 } as const;

/** This process' rights. */
function ownRights(): Rights {
  return {
    uid: process.geteuid?.() ?? -1,
    gid: process.getegid?.() ?? -1,
    capabilities: readCapabilities(),
  };
}

/**
 * Who the workers shall be; null: who the master is.
 *
 * @throws WsgiTsError `ERR_WSGI_PRIVILEGES` (operator, exit code 1) where this process may not do it
 */
export function workerIdentity(
  { user, group, initgroups }: Pick<Settings, 'user' | 'group' | 'initgroups'>,
  rights: Rights = ownRights(),
): WorkerIdentity | null {
  const uid = user ?? rights.uid;
  const ownGroup = uid === rights.uid ? rights.gid : (primaryGroup(uid) ?? rights.gid);
  const gid = group ?? ownGroup;
  if (uid === rights.uid && gid === rights.gid && !initgroups) return null;
  const problem = problemOf(rights);
  if (problem !== null) {
    const change = uid === rights.uid ? `group ${gid}` : `user ${uid}`;
    throw new WsgiTsError(
      'ERR_WSGI_PRIVILEGES',
      'operator',
      `Workers can't become ${change}: ${problem}`,
      {
        remedy:
          'Leave out --user, --group and --initgroups and start the server as the user that it shall run as.',
      },
    );
  }
  // As gunicorn: a number without an account has no groups that could be looked up.
  return { uid, gid, initgroups: initgroups && primaryGroup(uid) !== undefined };
}

function problemOf({ uid, capabilities }: Rights): string | null {
  // Others may hold the capabilities, but a worker would then keep them.
  if (uid !== 0) return 'only root can do that';
  if (capabilities === null) return null;
  const missing = Object.entries(needed).filter(
    ([, bit]) => ((capabilities >> BigInt(bit)) & 1n) === 0n,
  );
  if (missing.length === 0) return null;
  return `this root lacks ${missing.map(([name]) => name).join(', ')}`;
}

function readCapabilities(): bigint | null {
  try {
    const [, mask] =
      /^CapEff:\t([\da-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    return mask === undefined ? null : BigInt(`0x${mask}`);
  } catch {
    return null;
  }
}

/**
 * Makes the log files, where they are not there, and gives them to the workers' user, who opens them too. Links and
 * files that have a second name are left alone: whoever may write to the folder could have us give away any file.
 * A file that can't be had is not our business: whoever opens it to write says why.
 */
export function giveLogFiles(
  files: readonly (string | null)[],
  { uid, gid }: WorkerIdentity,
): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  for (const file of files) {
    if (file === null || file === '-') continue;
    let fd: number | undefined;
    try {
      fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
      const status = fstatSync(fd);
      if (status.isFile() && status.nlink === 1) fchownSync(fd, uid, gid);
    } catch {
      // See above.
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
