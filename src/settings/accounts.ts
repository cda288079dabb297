// The users and groups of this machine, by name: what --user and --group mean. Node has no getpwnam(3), so
// /etc/passwd and /etc/group are read, and who isn't there (LDAP, SSSD) is asked for with id(1) and getent(1).
// The checks of settings call it through their world, the master for a user's own group; on its main thread,
// before a worker runs. It must never throw: an account that can't be found is undefined.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Where accounts are looked for; tests have others. */
export interface AccountSources {
  /** The text of `/etc/passwd` or `/etc/group`; empty where it can't be read. */
  file(name: 'passwd' | 'group'): string;
  /** What a program prints; empty where it fails. */
  ask(program: string, args: readonly string[]): string;
}

const system: AccountSources = {
  file: (name) => {
    try {
      return readFileSync(`/etc/${name}`, 'utf8');
    } catch {
      return '';
    }
  },
  ask: (program, args) => {
    const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
    return status === 0 ? stdout : '';
  },
};

/** Accounts have such names (useradd(8), and what directories add): nothing that a program takes for an option. */
const accountName = /^[\p{L}\p{N}_.][\p{L}\p{N}_.@\\+ -]*\$?$/u;

/** The uid of the user called `name`. */
export function userId(name: string, sources: AccountSources = system): number | undefined {
  return numberOf(
    entry(sources.file('passwd'), 0, name)?.[2] ?? outside(name, ['-u', name], sources),
  );
}

/** The gid of the group called `name`. */
export function groupId(name: string, sources: AccountSources = system): number | undefined {
  const known = entry(sources.file('group'), 0, name);
  if (known !== undefined) return numberOf(known[2]);
  if (!accountName.test(name)) return undefined;
  return numberOf(sources.ask('getent', ['group', name]).split(':')[2]);
}

/** The gid of the group that the user with this uid belongs to first; undefined where there is no such user. */
export function primaryGroup(uid: number, sources: AccountSources = system): number | undefined {
  const text = String(uid);
  return numberOf(
    entry(sources.file('passwd'), 2, text)?.[3] ?? outside(text, ['-g', text], sources),
  );
}

/** The fields of the line whose field number `index` is `value` (passwd(5), group(5)). */
function entry(file: string, index: number, value: string): string[] | undefined {
  return file
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[index] === value);
}

function outside(name: string, args: readonly string[], sources: AccountSources): string {
  return accountName.test(name) ? sources.ask('id', args) : '';
}

function numberOf(text: string | undefined): number | undefined {
  const digits = text?.trim() ?? '';
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}
