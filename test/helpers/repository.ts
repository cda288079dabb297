// Where things of this repository are, seen from the compiled tests in dist/test/**.
// Every test asks here: none counts `../` by itself, and none depends on the directory it was started in.

import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** Absolute path of the repository's top folder. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Absolute path of something in the repository, given by its parts below the top folder. */
export function inRepository(...parts: string[]): string {
  return join(repositoryRoot, ...parts);
}
