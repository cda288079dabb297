// Changes of the watched files as the system tells of them (inotify, FSEvents): one watch for each folder, none for
// files. Made by reloader.ts; runs on the master's event loop.
// A folder is watched before it is read, so that nothing falls between the two. It must never hold up the end of the
// process, and never keep a watch on a folder that has gone elsewhere.

import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { folderAt, survey } from './survey.ts';
import type { Folder, WatchedFiles } from '../development/watched-files.ts';

/** What a way of watching is given. */
export interface WatchOptions {
  readonly watched: WatchedFiles;
  /** A file that counts was written, made, renamed or removed. */
  readonly onChange: (path: string) => void;
  /** Folders that are watched at most: each takes a watch of the kernel's, or time. */
  readonly most: number;
  /** There are more; told once. */
  readonly onTooMany: () => void;
}

/** A way of watching. */
export interface Watch {
  /** Resolves when everything is watched. @throws Error when that can't be */
  start(): Promise<void>;
  close(): void;
}

/** Watches by the system's help. */
export class NativeWatch implements Watch {
  readonly #options: WatchOptions;
  readonly #onExhausted: (error: Error) => void;
  readonly #folders = new Map<string, FSWatcher>();
  #full = false;
  #closed = false;

  /** @param onExhausted - a new folder can't be watched: the system has no watch left */
  constructor(options: WatchOptions, onExhausted: (error: Error) => void) {
    this.#options = options;
    this.#onExhausted = onExhausted;
  }

  async start(): Promise<void> {
    const { watched } = this.#options;
    for (const root of watched.roots)
      await survey(watched, root, {
        enter: (folder) => this.#enter(folder),
        file: () => undefined,
      });
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #enter(folder: Folder): boolean {
    if (this.#closed || this.#folders.has(folder.path)) return false;
    if (this.#folders.size >= this.#options.most) {
      if (!this.#full) this.#options.onTooMany();
      this.#full = true;
      return false;
    }
    try {
      const watcher = watch(folder.path, { persistent: false }, (event, name) => {
        if (name !== null) this.#heard(folder, event, name);
      });
      watcher.on('error', () => {
        this.#forget(folder.path);
      });
      this.#folders.set(folder.path, watcher);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // No watch, or no inotify at all, is left. Else it has gone, or is not ours to look into.
      if (code === 'ENOSPC' || code === 'EMFILE' || code === 'ENFILE') throw error;
      return false;
    }
  }

  #heard(folder: Folder, event: string, name: string): void {
    const { watched, onChange } = this.#options;
    if (watched.counts(folder, name)) onChange(join(folder.path, name));
    // `rename`: what had this name has lost it, or has it now.
    if (event === 'rename') {
      this.#renamed(folder, name).catch((error: unknown) => {
        if (!this.#closed) this.#onExhausted(error as Error);
      });
    }
  }

  async #renamed(folder: Folder, name: string): Promise<void> {
    const { watched, onChange } = this.#options;
    const path = join(folder.path, name);
    // The watches follow the folder to wherever it has gone.
    if (this.#folders.has(path)) {
      this.#forget(path);
      onChange(path);
    }
    const found = await folderAt(watched, folder, name);
    if (found === null) return;
    await survey(watched, found, { enter: (each) => this.#enter(each), file: onChange });
  }

  #forget(path: string): void {
    for (const [each, watcher] of this.#folders) {
      if (each !== path && !each.startsWith(`${path}/`)) continue;
      watcher.close();
      this.#folders.delete(each);
    }
  }
}
