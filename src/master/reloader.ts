// --reload: says when a file of the project has changed. Imported by master.ts only where it is wanted; runs on the
// master's event loop. What becomes of a change is the arbiter's business (replacement.ts).
// Of what can't be watched it says so, and the server goes on.

import { readdirSync, realpathSync, unlinkSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Logger } from '../log/logger.ts';
import type { Settings } from '../settings/table.ts';
import { isGlob, parseGlob } from '../development/glob.ts';
import { NativeWatch, type Watch } from './native-watch.ts';
import { PollingWatch } from './polling-watch.ts';
import { WatchedFiles } from '../development/watched-files.ts';

/** Milliseconds of quiet after which changes are told: a `git checkout`, or saving all files, is one change. */
const quiet = 50;
/** Milliseconds after which they are told in any case. */
const longest = 1000;

/** What the reloader needs. */
export interface ReloaderOptions {
  readonly settings: Pick<Settings, 'chdir' | 'pythonpath' | 'reloadEngine' | 'reloadExtraFiles'>;
  readonly logger: Logger;
  /** Files have changed; those below --chdir as they are called from there. */
  readonly onChange: (paths: readonly string[]) => void;
  /** Folders that are watched at most; a test may replace it. */
  readonly mostFolders?: number;
}

/** A reloader at work. */
export interface Reloader {
  /** Resolves when everything is watched. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Starts to watch. Never throws. */
export function startReloader({
  settings,
  logger,
  onChange,
  mostFolders = 10_000,
}: ReloaderOptions): Reloader {
  const top = real(settings.chdir);
  const watched = whatIsWatched(settings, logger);
  const changes = new Changes((paths) => {
    for (const path of paths) dropBytecode(path);
    onChange(paths.map((path) => (path.startsWith(`${top}/`) ? relative(top, path) : path)));
  });
  const options = {
    watched,
    most: mostFolders,
    onChange: (path: string) => {
      changes.add(path);
    },
    onTooMany: () => {
      logger.warning(
        `There are more than ${mostFolders} folders below ${top}: --reload watches the nearest ones. ` +
          'Start it in the folder of the app.',
      );
    },
  };
  let watch: Watch;
  const poll = (why: Error): Promise<void> => {
    watch.close();
    logger.warning(
      `The system can't watch all files (${why.message}): --reload looks by itself from now on, which is slower. ` +
        'On Linux, fs.inotify.max_user_watches is too low, or another program has used them up.',
    );
    watch = new PollingWatch(options);
    return watch.start();
  };
  watch =
    settings.reloadEngine === 'poll'
      ? new PollingWatch(options)
      : new NativeWatch(options, (error) => void poll(error));
  return {
    ready: watch
      .start()
      .catch(poll)
      .then(() => {
        logger.debug(`Reloader is watching ${top}`);
      }),
    close: () => {
      watch.close();
      changes.close();
    },
  };
}

/** Changes that come together are one. */
class Changes {
  readonly #tell: (paths: readonly string[]) => void;
  readonly #paths = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #since = 0;

  constructor(tell: (paths: readonly string[]) => void) {
    this.#tell = tell;
  }

  add(path: string): void {
    const now = performance.now();
    if (this.#paths.size === 0) this.#since = now;
    this.#paths.add(path);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        const paths = [...this.#paths].sort();
        this.#paths.clear();
        this.#tell(paths);
      },
      Math.max(0, Math.min(quiet, this.#since + longest - now)),
    ).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Removes what Python has compiled of a source that has changed: it takes it for the new one's where both are of the
 * same size and the same second (PEP 3147, PEP 552), as a formatter's work right after a save may be.
 */
function dropBytecode(path: string): void {
  if (!path.endsWith('.py')) return;
  const folder = join(dirname(path), '__pycache__');
  try {
    for (const name of readdirSync(folder))
      if (name.startsWith(`${basename(path, '.py')}.`) && name.endsWith('.pyc'))
        unlinkSync(join(folder, name));
  } catch {
    // There is none, or it is not ours to change.
  }
}

function whatIsWatched(settings: ReloaderOptions['settings'], logger: Logger): WatchedFiles {
  const { chdir, pythonpath, reloadExtraFiles } = settings;
  const further = pythonpath
    .map((path) => real(resolve(chdir, path)))
    // Packages of others, which nobody edits.
    .filter((path) => !/\/(?:site|dist)-packages(?:\/|$)/.test(path));
  const files = reloadExtraFiles.filter((text) => !isGlob(text));
  for (const file of files)
    if (!exists(file)) logger.warning(`There is no ${file} yet (--reload-extra-file)`);
  return new WatchedFiles({
    project: [...new Set([real(chdir), ...further])],
    files: files.flatMap((file) => [join(real(dirname(file)), basename(file)), real(file)]),
    globs: reloadExtraFiles.filter(isGlob).map((text) => {
      const glob = parseGlob(text);
      return { ...glob, folder: real(glob.folder) };
    }),
  });
}

/** `path` without symbolic links; as it is where there is nothing. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function exists(path: string): boolean {
  try {
    realpathSync(path);
    return true;
  } catch {
    return false;
  }
}
