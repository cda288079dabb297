// What the setting `python` means: relative to the app's directory, where the server will be. Used by whoever starts a Python
// in a process that is in another one. It looks whether there is such a file, and does nothing else.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Settings } from './table.ts';

/** A path from `chdir` on, where there is one, or a command's name; null: the one that is found. */
export function pythonFrom({ python, chdir }: Pick<Settings, 'python' | 'chdir'>): string | null {
  if (python === null) return null;
  const path = resolve(chdir, python);
  return existsSync(path) ? path : python;
}
