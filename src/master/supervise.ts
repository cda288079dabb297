// Ties together what the running server consists of: the supervisor with its workers, the reloader that makes generations
// for it, and those who are told how it goes (the service manager, whoever waits for the server, hooks). Called once by
// master.ts, on the master's main thread. It must never decide anything: it says who hears of what.

import type { Interpreter } from '../bridge/interpreter.ts';
import type { Logger, ProcessLogger } from '../log/logger.ts';
import type { ResolvedSettings } from '../settings/resolve.ts';
import type { Settings } from '../settings/table.ts';
import type { Generation, GenerationSurroundings } from './generation.ts';
import type { MasterHooks } from './hooks.ts';
import type { Launch } from './launch.ts';
import type { ServiceNotifier } from './notify.ts';
import type { OutputRelays } from './output-relay.ts';
import type { PythonLogs } from './python-logs.ts';
import { Reloader } from './reload.ts';
import { Supervisor } from './supervisor.ts';
import type { Surroundings } from './surroundings.ts';
import type { Succession } from './upgrade.ts';

/** What {@link supervise} ties together. */
export interface Parts {
  readonly worker: URL;
  readonly logger: ProcessLogger;
  readonly pythonLogs: PythonLogs;
  readonly interpreter: Interpreter;
  readonly relays: OutputRelays;
  readonly hooks: MasterHooks;
  readonly succession: Succession;
  readonly finish: (exitCode: number) => void;
  readonly reread: () => Promise<ResolvedSettings>;
  readonly basis: GenerationSurroundings;
  readonly surroundings: Surroundings;
  readonly notifier: ServiceNotifier;
  /** Who waits for the server. */
  readonly launch: Launch;
  /** Ends whatever waits. */
  readonly interruption: AbortController;
}

/** Starts the workers of the first generation. */
export function supervise(first: Generation, parts: Parts): Supervisor {
  const { succession, reread, basis, surroundings, logger, pythonLogs, hooks, notifier } = parts;
  const { launch } = parts;
  const reloader = new Reloader(first, {
    reread,
    surroundings: basis,
    logger,
    onReread: (settings) => {
      hooks.onReload(settings);
    },
    onFailure: (error) => {
      notifier.reloaded();
      launch.reloadFailed(error);
    },
    isStopping: () => parts.interruption.signal.aborted,
    onGeneration: (generation) => {
      launch.reloading(generation.number);
      supervisor.begin(generation);
    },
  });
  const supervisor = new Supervisor(first, {
    ...parts,
    reload: () => {
      notifier.reloading();
      reloader.reload();
    },
    onGoBack: (generation) => {
      reloader.goBack(generation);
      launch.discarded();
    },
    upgrade: (listeners) => {
      if (hooks.preExec()) succession.start(listeners, surroundings.passedOn(notifier));
    },
    onBootFailure: (error) => {
      launch.bootFailed(error);
    },
    observe: (state, current) => {
      launch.observe(state, current);
      // Whoever goes on is the service now; its stop is not.
      if (state.stop === null || succession.successor === null) notifier.observe(state);
      else notifier.mainPid(succession.successor);
    },
    workers: (count) => {
      pythonLogs.workers(count);
    },
    reopenLogs: () => {
      pythonLogs.reopen();
      surroundings.giveLogs();
    },
    onReloaded: () => {
      notifier.reloaded();
    },
    onStop: () => {
      parts.interruption.abort();
    },
    isShared: () => succession.isShared(),
    onTick: () => {
      succession.look();
    },
  });
  if (first.settings.reload) void watchFiles(first.settings, logger, supervisor.changed);
  return supervisor;
}

/** Has workers replaced whenever a file of the app changes (--reload). */
async function watchFiles(
  settings: Settings,
  logger: Logger,
  onChange: (paths: readonly string[]) => void,
): Promise<void> {
  logger.warning('Reloader is on. Use in development only!');
  const { startReloader } = await import('./reloader.ts');
  startReloader({ settings, logger, onChange });
}
