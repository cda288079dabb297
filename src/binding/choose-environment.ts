// The search for the Python to use, on this machine: environment.ts with the real files, variables and interpreters.
// Called by bridge/interpreter.ts, the doctor and `wsgi-ts binding`.

import * as fs from 'node:fs';
import { findEnvironment, type Environment } from './environment.ts';
import { askInterpreter } from './interpreter-facts.ts';
import type { BindingSite } from './site.ts';

/**
 * Finds the environment as findEnvironment does, with its errors.
 *
 * @param python - `--python`, or null
 * @param directory - where `.venv` and `venv` are looked for, absolute: the app's
 */
export function chooseEnvironment(
  python: string | null,
  directory: string,
  { cwd, variables }: BindingSite,
): Environment {
  const ask = (executable: string): { version: string; basePrefix: string } | null => {
    try {
      const { binaryVersion, basePrefix } = askInterpreter(executable, variables);
      return { version: binaryVersion, basePrefix };
    } catch {
      return null;
    }
  };
  return findEnvironment({ python, directory, cwd, variables, files: fs, ask });
}
