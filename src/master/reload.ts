// A reload (SIGHUP), up to where workers come in: settings are read anew, and what they need is made, while the
// server goes on. Called by supervisor.ts on the master's main thread. Nothing that is wrong here may end the server.

import { inWords, WsgiTsError } from '../errors.ts';
import type { Logger } from '../log/logger.ts';
import type { ResolvedSettings } from '../settings/resolve.ts';
import type { SettingKey, Settings } from '../settings/table.ts';
import { changedSettings } from '../settings/render.ts';
import { makeGeneration } from './generation.ts';
import type { Generation, GenerationSurroundings } from './generation.ts';

/** What the master has taken once and for all: a reload changes it for workers, or not at all. */
const taken: readonly SettingKey[] = [
  ...(['python', 'daemon', 'pid', 'user', 'group', 'initgroups', 'umask', 'procName'] as const),
  ...(['errorLogFile', 'logLevel', 'logFormat', 'syslog', 'logConfig', 'logConfigDict'] as const),
  ...(['logConfigJson', 'captureOutput', 'statsdHost', 'reload'] as const),
  ...(['readyFd', 'readyFile'] as const),
];

/** What {@link Reloader} needs. */
export interface ReloaderOptions {
  /** Reads all settings anew. @throws WsgiTsError (operator) where one is wrong. */
  readonly reread: () => Promise<ResolvedSettings>;
  readonly surroundings: GenerationSurroundings;
  readonly logger: Logger;
  /** Is told of the new settings, which workers will be started with. @throws WsgiTsError where they are of no use */
  readonly onReread: (settings: Settings) => void;
  /** Called with the reason when it came to nothing. */
  readonly onFailure: (error: unknown) => void;
  /** Whether the server stops: then a reload comes too late, and says nothing. */
  readonly isStopping: () => boolean;
  /** Gets a generation that workers can be started with. */
  readonly onGeneration: (generation: Generation) => void;
}

/** Makes generations, one after the other. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #number: number;
  #current: Generation;
  #busy = false;
  #again = false;

  /** `current` is the one that serves. */
  constructor(current: Generation, options: ReloaderOptions) {
    this.#options = options;
    this.#current = current;
    this.#number = current.number;
  }

  /** Reads all anew. A wish that comes meanwhile is done afterwards: files may have changed since they were read. */
  reload(): void {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    void this.#reload().finally(() => {
      this.#busy = false;
      if (!this.#again) return;
      this.#again = false;
      this.reload();
    });
  }

  /** The generation that serves, once another one was given up. */
  goBack(current: Generation): void {
    this.#current = current;
  }

  async #reload(): Promise<void> {
    const { reread, surroundings, logger, onReread, onGeneration, isStopping } = this.#options;
    try {
      const { settings, warnings, notes } = await reread();
      for (const warning of warnings) logger.warning(warning);
      for (const note of notes) logger.info(note);
      const changes = changedSettings(this.#current.settings, settings);
      onReread(settings);
      const generation = await makeGeneration(this.#number + 1, settings, surroundings);
      logger.info(
        changes.length === 0
          ? 'Reloading: the settings are as they were'
          : `Reloading: ${changes.join(', ')}`,
      );
      const late = changedSettings(this.#current.settings, settings, taken);
      if (late.length > 0) {
        logger.warning(`For this the master has to be started anew: ${late.join(', ')}`);
      }
      this.#number++;
      this.#current = generation;
      onGeneration(generation);
    } catch (error) {
      if (isStopping()) return;
      this.#options.onFailure(error);
      const fault = error instanceof WsgiTsError ? '' : 'a fault in wsgi-ts itself: ';
      logger.error(`The reload failed: ${fault}${inWords(error)}\nThe workers go on as they were.`);
    }
  }
}
