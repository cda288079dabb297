// Changes of the watched files as one finds them by looking again and again: for folders whose changes the system
// doesn't tell of (network drives, mounts of some containers), and where it has no watches left.
// Made by reloader.ts; runs on the master's event loop. It must never take more than a quarter of the time.

import { stat } from 'node:fs/promises';
import type { Watch, WatchOptions } from './native-watch.ts';
import { survey } from './survey.ts';

/** Milliseconds between two looks. */
const pause = 300;
/** How many times longer than the look itself a pause is at least: in huge trees looking takes long. */
const patience = 3;

/** Watches by looking. */
export class PollingWatch implements Watch {
  readonly #options: WatchOptions;
  /** What each file was like at the last look. */
  #before = new Map<string, string>();
  #full = false;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const began = performance.now();
    this.#before = await this.#look();
    this.#rest(performance.now() - began);
  }

  close(): void {
    this.#closed = true;
  }

  #rest(took: number): void {
    setTimeout(
      () => {
        if (!this.#closed) void this.#again();
      },
      Math.max(pause, patience * took),
    ).unref();
  }

  async #again(): Promise<void> {
    const began = performance.now();
    const now = await this.#look();
    if (this.#closed) return;
    for (const [path, mark] of now)
      if (this.#before.get(path) !== mark) this.#options.onChange(path);
    for (const path of this.#before.keys()) if (!now.has(path)) this.#options.onChange(path);
    this.#before = now;
    this.#rest(performance.now() - began);
  }

  async #look(): Promise<Map<string, string>> {
    const { watched, most, onTooMany } = this.#options;
    const found = new Map<string, string>();
    const folders = new Set<string>();
    const marks: Promise<void>[] = [];
    for (const root of watched.roots) {
      await survey(watched, root, {
        enter: ({ path }) => {
          if (this.#closed || folders.has(path)) return false;
          if (folders.size >= most) {
            if (!this.#full) onTooMany();
            this.#full = true;
            return false;
          }
          folders.add(path);
          return true;
        },
        file: (path) => {
          marks.push(mark(path, found));
        },
      });
    }
    await Promise.all(marks);
    return found;
  }
}

/** Notes what the file is like. */
async function mark(path: string, found: Map<string, string>): Promise<void> {
  try {
    // Its number too: an older file may have been put in its place.
    const { mtimeMs, size, ino } = await stat(path);
    found.set(path, `${mtimeMs} ${size} ${ino}`);
  } catch {
    // gone meanwhile
  }
}
