// The kinds of value that only settings of the process have: a user, a group, a mask of file modes. Used by
// rows/process.ts. As with value-types.ts everything comes as text, and what must be asked of the system is
// asked of the SettingsWorld; never of the system itself.

import { WsgiTsError } from '../errors.ts';
import type { SettingsWorld, ValueType } from './value-types.ts';

/** (uid_t)-1 means "leave as it is" to chown(2) and its kin. */
const largestId = 2 ** 32 - 2;
const largestMask = 0o777;

/** One text, without the spaces around it. */
function last(texts: readonly string[]): string {
  return (texts.at(-1) ?? '').trim();
}

function account(
  what: 'user' | 'group',
  find: (world: SettingsWorld, name: string) => number | undefined,
): ValueType<number> {
  return {
    use: 'once',
    parse: (texts, world) => {
      const text = last(texts);
      const id = /^\d+$/.test(text) ? Number(text) : find(world, text);
      if (id !== undefined && id <= largestId) return id;
      throw new WsgiTsError('ERR_WSGI_ACCOUNT', 'operator', `No such ${what}: '${text}'`, {
        remedy: `A ${what} is a name that this machine knows (\`getent ${what === 'user' ? 'passwd' : 'group'}\` lists them), or a number.`,
      });
    },
  };
}

/** A user, by name or number; the value is the uid. */
export const user: ValueType<number> = account('user', (world, name) => world.userId(name));

/** A group, by name or number; the value is the gid. */
export const group: ValueType<number> = account('group', (world, name) => world.groupId(name));

/** Bits of a file's mode, as gunicorn takes them: `022` and `0o22` are octal, `18` is decimal, `0x12` too is one. */
export const umask: ValueType<number> = {
  use: 'once',
  parse: (texts) => {
    const text = last(texts);
    const octal = /^0[0-7]+$/.test(text) ? `0o${text}` : text;
    const value = /^(?:0|[1-9]\d*|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.test(octal) ? Number(octal) : NaN;
    if (value <= largestMask) return value;
    throw new WsgiTsError(
      'ERR_WSGI_SETTING',
      'operator',
      `'${text}' is not a mask of file modes: 0 to 0777, octal with a leading 0 (022)`,
    );
  },
};
