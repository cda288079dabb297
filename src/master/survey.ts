// The walk over what --reload watches: nearest folders first, each once, so that links can't loop. Used by
// native-watch.ts and polling-watch.ts, on the master's event loop, which it never blocks. It reads folders only,
// never a file, and must not fail because something vanishes under it.

import { access, lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Folder, WatchedFiles } from '../development/watched-files.ts';

/** What is made of the walk. */
export interface Visitor {
  /** Before a folder is read. False: it is known already, or can't be looked into. */
  enter(folder: Folder): boolean;
  /** A file that counts. */
  file(path: string): void;
}

/** Walks over `top` and what is below it. @throws what `visitor` throws */
export async function survey(watched: WatchedFiles, top: Folder, visitor: Visitor): Promise<void> {
  const waiting: Folder[] = [top];
  for (const folder of waiting) {
    // An environment made in the project's own folder (`python -m venv .`) doesn't hide the project.
    if (!watched.roots.includes(folder) && (await isEnvironment(folder.path))) continue;
    if (!visitor.enter(folder)) continue;
    for (const entry of await entriesOf(folder.path)) {
      const { name } = entry;
      const path = join(folder.path, name);
      if (entry.isSymbolicLink()) {
        const [next, counts] = await follow(watched, folder, name);
        if (next !== null) waiting.push(next);
        if (counts) visitor.file(path);
      } else if (entry.isDirectory()) {
        const next = watched.below(folder, name);
        if (next !== null) waiting.push(next);
      } else if (entry.isFile() && watched.counts(folder, name)) {
        visitor.file(path);
      }
    }
  }
}

/** The folder that `name` in `folder` is, or leads to; null: it is none, or none that is looked into. */
export async function folderAt(
  watched: WatchedFiles,
  folder: Folder,
  name: string,
): Promise<Folder | null> {
  const next = watched.below(folder, name);
  try {
    const stats = await lstat(join(folder.path, name));
    if (stats.isDirectory()) return next;
    return stats.isSymbolicLink() ? (await follow(watched, folder, name))[0] : null;
  } catch {
    return null;
  }
}

/** Where the link `name` leads: the folder to watch, and whether it is a file that counts. */
async function follow(
  watched: WatchedFiles,
  folder: Folder,
  name: string,
): Promise<[Folder | null, boolean]> {
  try {
    const target = await realpath(join(folder.path, name));
    if (!(await stat(target)).isDirectory()) {
      // A change of the file is told where the file is.
      return watched.counts(folder, name) ? [watched.add(target), true] : [null, false];
    }
    const next = watched.below(folder, name);
    if (next === null || !watched.follows(target)) return [null, false];
    return [{ ...next, path: target }, false];
  } catch {
    return [null, false]; // it leads nowhere
  }
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch {
    return []; // gone meanwhile, or not ours to read
  }
}

/** Whether it is a virtual environment (PEP 405) or one of conda's. */
async function isEnvironment(path: string): Promise<boolean> {
  for (const mark of ['pyvenv.cfg', 'conda-meta']) {
    try {
      await access(join(path, mark));
      return true;
    } catch {
      continue;
    }
  }
  return false;
}
