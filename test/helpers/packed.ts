// wsgi-ts as npm would install it: from its tarball, into a project of its own, with its dependencies by links to this
// repository's. Needs no network. Used by tests of what is in the package.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { inRepository } from './repository.ts';

/**
 * Packs this package.
 *
 * @param folder - gets the tarball
 * @returns its path
 */
export function pack(folder: string): string {
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  return join(folder, execFileSync('npm', args, { cwd: inRepository(), encoding: 'utf8' }).trim());
}

/**
 * Unpacks a tarball of this package.
 *
 * @param modules - the project's `node_modules`
 * @param except - names of packages that are not linked
 */
export function install(tarball: string, modules: string, except: readonly string[] = []): void {
  const own = join(modules, 'wsgi-ts');
  fs.mkdirSync(own, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', own, '--strip-components=1']);
  for (const name of fs.readdirSync(inRepository('node_modules'))) {
    if (name !== 'wsgi-ts' && !name.startsWith('.') && !except.includes(name)) {
      fs.symlinkSync(inRepository('node_modules', name), join(modules, name));
    }
  }
}
