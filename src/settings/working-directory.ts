// The directory that a process was started in, as the person names it. Used by the composition roots of command and
// master, at the start only: later the process is elsewhere. A link that a deployment swaps (`current` → `releases/42`)
// must lead elsewhere at the next reload, which process.cwd() would not: it has followed the link.

import { statSync } from 'node:fs';

/** The working directory, absolute: by the shell's name for it, where that is still the same directory (POSIX, `pwd -L`). */
export function workingDirectory(variables: Readonly<Record<string, string | undefined>>): string {
  const actual = process.cwd();
  const { PWD: named } = variables;
  if (named?.startsWith('/') !== true) return actual;
  try {
    const [one, other] = [statSync(named), statSync(actual)];
    return one.dev === other.dev && one.ino === other.ino ? named : actual;
  } catch {
    return actual;
  }
}
