// What --reload watches: which folders are looked into, and which files count. Used by the reloader's walk and by
// what hears of changes. Pure: it judges by names and never looks at the disk.
//
// A file counts if the app reads it once and keeps it: code, templates, configuration. What apps write by
// themselves (data as .json or .txt, databases, logs) must not count, or a request could restart its own server.

import { dirname, extname, join } from 'node:path';
import { globExpression, type Glob } from './glob.ts';

/** A folder that is watched. */
export interface Folder {
  /** Absolute, with no symbolic link in it. */
  readonly path: string;
  /** Whether files count by their names alone; else only those that were asked for by name. */
  readonly project: boolean;
  /** Whether it is one of templates, where nearly all files count. */
  readonly templates: boolean;
  /** How many folders further down are looked into. */
  readonly depth: number;
}

/** What was asked for: absolute paths, whose folders have no symbolic link in them. */
export interface Wanted {
  /** Folders of code. */
  readonly project: readonly string[];
  /** Further files. */
  readonly files: readonly string[];
  readonly globs: readonly Glob[];
}

/** Folders that are never looked into, besides those with a dot in front. */
const skipped = new Set(['node_modules', '__pycache__', 'site-packages', 'dist-packages']);
/** What a root folder has, in a container whose app is at home there. */
const system = new Set(
  (
    'bin boot dev etc lib lib32 lib64 libx32 lost+found media mnt proc root run sbin snap sys tmp usr var ' +
    'System Library private Volumes'
  ).split(' '),
);
/** Flask's and Django's names for them. */
const templateFolders = new Set(['templates', 'jinja2']);
/** Code; templates wherever they are; configuration; translations, which are kept in memory. */
const counting = new Set(
  '.py .html .htm .jinja .jinja2 .j2 .mako .toml .yaml .yml .ini .cfg .env .mo'.split(' '),
);
/** What editors, merges and Python leave beside a file. */
const leftovers = /~$|#$|___jb_\w+___$|\.(?:sw[a-z]|tmp|temp|bak|orig|rej|part|pyc|pyo)$/i;
/** Files with a dot in front that Flask and python-dotenv read. */
const dotFiles = /^\.(?:env(?:\..+)?|flaskenv)$/;

/** What is watched. */
export class WatchedFiles {
  /** Where to begin; those that are looked into the deepest come first. */
  readonly roots: readonly Folder[];
  readonly #files: Set<string>;
  readonly #globs: readonly { readonly folder: string; readonly expression: RegExp }[];

  constructor({ project, files, globs }: Wanted) {
    const extra = { project: false, templates: false };
    this.#files = new Set(files);
    this.#globs = globs.map(({ folder, pattern }) => ({
      folder: folder === '/' ? '/' : `${folder}/`,
      expression: globExpression(pattern),
    }));
    this.roots = [
      ...project.map((path) => ({ path, project: true, templates: false, depth: Infinity })),
      ...globs
        .map(({ folder, depth }) => ({ path: folder, ...extra, depth }))
        .sort((one, other) => (one.depth > other.depth ? -1 : 1)),
      ...[...this.#files].map((file) => ({ path: dirname(file), ...extra, depth: 0 })),
    ];
  }

  /** The folder `name` in `folder`; null: it is not looked into. */
  below(folder: Folder, name: string): Folder | null {
    if (folder.depth === 0 || name.startsWith('.') || skipped.has(name)) return null;
    if (folder.path === '/' && system.has(name)) return null;
    return {
      path: join(folder.path, name),
      project: folder.project,
      templates: folder.templates || templateFolders.has(name),
      depth: folder.depth - 1,
    };
  }

  /** Whether a change of the file `name` in `folder` is to be told. */
  counts(folder: Folder, name: string): boolean {
    const path = join(folder.path, name);
    if (this.#files.has(path)) return true;
    for (const { folder: top, expression } of this.#globs)
      if (path.startsWith(top) && expression.test(path.slice(top.length))) return true;
    return folder.project && countsByName(name, folder.templates);
  }

  /** Watches what a symbolic link of the project's leads to; returns the folder to watch for it. */
  add(file: string): Folder {
    this.#files.add(file);
    return { path: dirname(file), project: false, templates: false, depth: 0 };
  }

  /** Whether a folder that a link leads to is to be watched: not what others own, nor what holds all of this. */
  follows(target: string): boolean {
    if (target.split('/').some((part) => skipped.has(part))) return false;
    const inside = target === '/' ? '/' : `${target}/`;
    return !this.roots.some(({ path }) => `${path}/`.startsWith(inside));
  }
}

function countsByName(name: string, inTemplates: boolean): boolean {
  if (leftovers.test(name)) return false;
  if (name.startsWith('.')) return dotFiles.test(name);
  // Emacs' and vim's own; what has no suffix is no template (vim tries a folder out with a file named 4913).
  if (name.startsWith('#')) return false;
  const suffix = extname(name).toLowerCase();
  return counting.has(suffix) || (inTemplates && suffix.length > 1);
}

/** `app.py, shop/models.py and 3 more`. */
export function describeChange(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).map((path) => path.replace(/[\n\r\t]/g, '?'));
  const more = paths.length - shown.length;
  return more === 0 ? shown.join(', ') : `${shown.join(', ')} and ${more} more`;
}
