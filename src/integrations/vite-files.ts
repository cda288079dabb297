// Which of the files that Vite watches are the app's: by the same rules as --reload (master/watched-files.ts). Used by
// vite.ts. It judges by names; only at the start it looks for virtual environments, which are not to be watched.

import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isGlob, parseGlob } from '../development/glob.ts';
import { WatchedFiles } from '../development/watched-files.ts';

/** Folders full of files that never change by hand, and that Vite would watch one by one. */
const SKIPPED =
  /[\\/](?:__pycache__|site-packages|\.venv|\.tox|\.nox|\.mypy_cache|\.pytest_cache)(?:[\\/]|$)/;

/** The files of one app. */
export class AppFiles {
  readonly #watched: WatchedFiles;
  readonly #environments: readonly string[];

  /**
   * @param folders - the app's folders, absolute
   * @param patterns - further files, absolute or from the current directory
   */
  constructor(folders: readonly string[], patterns: readonly string[]) {
    const paths = patterns.map((pattern) => resolve(pattern));
    this.#watched = new WatchedFiles({
      project: folders,
      files: paths.filter((path) => !isGlob(path)),
      globs: paths.filter(isGlob).map(parseGlob),
    });
    this.#environments = folders.flatMap(environmentsIn);
  }

  /** What is to be watched besides Vite's own root. */
  outside(root: string): string[] {
    return this.#watched.roots.map(({ path }) => path).filter((path) => !isBelow(path, root));
  }

  /** Whether Vite's watcher is to leave a path alone. */
  readonly ignored = (path: string): boolean =>
    SKIPPED.test(path) || this.#environments.some((environment) => isBelow(path, environment));

  /** Whether the app is to be loaded anew when this file changes. */
  count(path: string, root: string): boolean {
    const folder = dirname(path);
    for (const top of this.#watched.roots) {
      if (!isBelow(folder, top.path)) continue;
      let within: typeof top | null = top;
      for (const name of relative(top.path, folder).split(sep).filter(Boolean))
        within = within && this.#watched.below(within, name);
      if (within === null || !this.#watched.counts(within, basename(path))) continue;
      // A page of Vite's own, which it reloads by itself.
      const isPage = top.project && /\.html?$/i.test(path) && !within.templates;
      if (!isPage || !isBelow(path, root)) return true;
    }
    return false;
  }
}

/** The virtual environments right in a folder: what `python -m venv` makes has this file. */
function environmentsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .filter((path) => existsSync(join(path, 'pyvenv.cfg')));
  } catch {
    // There is no such folder: the app's start will say so.
    return [];
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
