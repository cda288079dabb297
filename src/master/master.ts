// The master: composition root of the process that `wsgi-ts app:app` starts. It opens what all workers share
// (log, pid file, interpreter, listening sockets), then has the supervisor keep the workers until it says finish.
// cli.ts calls `runMaster`, on the main thread. Here alone in this folder are the process and its signals. It must
// never accept a connection, import the app, or wait for anything but events.

import '../sigusr1.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { showProgress } from '../binding/progress.ts';
import { startInterpreter } from '../bridge/interpreter.ts';
import { inWords, WsgiTsError } from '../errors.ts';
import { ProcessLogs } from '../bridge/process-logs.ts';
import type { ProcessLogger } from '../log/logger.ts';
import type { ResolvedSettings } from '../settings/resolve.ts';
import { workingDirectory } from '../settings/working-directory.ts';
import { makeGeneration } from './generation.ts';
import type { GenerationSurroundings } from './generation.ts';
import { Terminal } from './hangup.ts';
import { openMasterHooks } from './hooks.ts';
import type { Launch } from './launch.ts';
import type { ParentOrders } from './parent-channel.ts';
import { closeListeners, openListeners } from './listeners.ts';
import { logPolicy } from './log-policy.ts';
import type { Listener } from './listeners.ts';
import { openRelays } from './output-relay.ts';
import type { OutputRelays } from './output-relay.ts';
import { claimPidfile, processExists } from './pidfile.ts';
import { findOwner } from './port-owner.ts';
import { PythonLogs } from './python-logs.ts';
import { preload } from './preload.ts';
import { signalTable, shortName, watchSignals } from './signals.ts';
import type { MasterSignal } from './signals.ts';
import { Readiness } from './readiness.ts';
import { supervise } from './supervise.ts';
import { enterSurroundings } from './surroundings.ts';
import { Succession } from './upgrade.ts';

/** Milliseconds that whoever reads our output gets to take the last of it; and where there is nobody any more. */
const lastWords = { heard: 2000, abandoned: 50 };

const workerProgram = new URL('../worker/worker.js', import.meta.url);

/** What the master is started with besides its settings. */
export interface MasterOptions {
  /** Reads all settings anew, at a SIGHUP. @throws WsgiTsError (operator) where one is wrong. */
  readonly reread: () => Promise<ResolvedSettings>;
  /** The program of a worker; a test may have one of its own. */
  readonly worker?: URL;
  /** Who waits for the server. */
  readonly launch: Launch;
}

/**
 * Serves until a signal ends it, or the app turns out not to be loadable.
 *
 * @returns the exit code: 0 after TERM, INT or QUIT; 1 where the server could not start (the log says why);
 *   3 or 4 where no worker could be booted
 * @throws WsgiTsError (operator) when there is no log to write to, no app, or no right to --user
 */
export async function runMaster(
  resolved: ResolvedSettings,
  version: string,
  { reread, worker = workerProgram, launch }: MasterOptions,
): Promise<number> {
  const { settings, warnings, notes } = resolved;
  const startedIn = workingDirectory(process.env);
  process.chdir(settings.chdir); // every relative path of the settings starts there
  const surroundings = enterSurroundings(settings, process.env);
  const logs = new ProcessLogs(logPolicy(settings), false);
  const { logger } = logs;
  // Until workers run, a signal to stop only has to interrupt the waiting for an address.
  const interruption = new AbortController();
  let onSignal = (signal: MasterSignal): void => {
    if (signalTable[signal].kind !== 'stop') return;
    logger.info(`Handling signal: ${shortName(signal)}`);
    interruption.abort();
  };
  const terminal = new Terminal(process.env);
  const unwatch = watchSignals(process, (signal) => {
    onSignal(terminal.meant(signal, logger));
  });
  let onGone: ParentOrders['gone'] = (why) => {
    logger.warning(`${why}: stopping`);
    interruption.abort();
  };
  let drainLogs = (): Promise<void> => logger.drain();
  launch.listen({
    drainLogs: () => drainLogs(),
    gone: (...facts) => {
      onGone(...facts);
    },
    reload: () => {
      onSignal('SIGHUP');
    },
  });
  const patience = (): number => (launch.isAbandoned ? lastWords.abandoned : lastWords.heard);
  const cleanups: (() => Promise<void> | void)[] = [
    unwatch,
    () => {
      launch.close();
    },
  ];
  try {
    const succession = new Succession({ directory: startedIn, logger, env: process.env });
    const readiness = new Readiness(settings, logger, succession.isSuccessor);
    launch.add(readiness);
    cleanups.push(() => {
      if (!succession.isShared()) readiness.close();
    });
    if (settings.pid !== null) {
      const pidfile = claimPidfile(
        succession.pidfilePath(settings.pid),
        process.pid,
        processExists,
      );
      succession.onPromotion(() => {
        if (settings.pid !== null) pidfile.rename(settings.pid);
      });
      cleanups.push(() => {
        pidfile.release();
      });
    }
    const interpreter = await startInterpreter({
      python: settings.python,
      directory: settings.chdir,
      noBuild: settings.noBuild,
      listener: showProgress(2),
      signal: interruption.signal,
    });
    cleanups.push(() => {
      closeListeners(interpreter, !succession.isShared());
    });
    readiness.keep(interpreter);
    const pythonLogs = new PythonLogs(logs, settings, interpreter);
    cleanups.push(() => {
      pythonLogs.close();
    });
    logger.info(`Starting wsgi-ts ${version}`);
    for (const warning of warnings) logger.warning(warning);
    for (const note of notes) logger.info(note);
    logger.debug(launch.watch);
    const { configFile: file } = resolved;
    const hooks = openMasterHooks({ file, settings, interpreter, logger });
    cleanups.splice(1, 0, hooks.onExit); // of all but the signals, the last
    hooks.onStarting();
    const inherited = succession.inheritListeners(interpreter);
    let held = (): readonly Listener[] => inherited;
    const basis: GenerationSurroundings = {
      python: interpreter.executable === '' ? settings.python : interpreter.executable,
      scriptName: process.env['SCRIPT_NAME'] ?? '',
      argv: process.argv.slice(1),
      identity: surroundings.identity,
      openListeners: (wanted, tls) =>
        openListeners({
          ...surroundings.listening(wanted),
          ...{ held: held(), backlog: wanted.backlog, secure: tls !== null },
          ...{ interpreter, logger, findOwner },
          pause: () => sleep(1000, undefined, { signal: interruption.signal }),
        }),
    };
    if (settings.preloadApp) await preload(startedIn, logger, interruption.signal);
    const first = await makeGeneration(1, settings, basis);
    logger.info(
      `Listening at: ${first.listeners.map(({ url }) => url).join(',')} (${process.pid})`,
    );
    logger.info(`Using worker: ${settings.threads > 1 ? 'gthread' : 'sync'}`);
    hooks.whenReady(first.listeners);
    // Workers write to the same place: what is said of the start comes first.
    await logger.drain();
    const relays = openRelays(1, 2);
    cleanups.push(() => orAfter(patience(), endRelays(relays)));
    const notifier = surroundings.notifier(interpreter, logger);
    interruption.signal.throwIfAborted();
    return await new Promise((finish) => {
      const supervisor = supervise(first, {
        worker,
        logger,
        pythonLogs,
        interpreter,
        relays,
        hooks,
        succession,
        notifier,
        surroundings,
        finish: (exitCode) => {
          if (exitCode === 0) finish(exitCode);
          else
            void launch.bootless(exitCode).then(() => {
              finish(exitCode);
            });
        },
        reread,
        basis,
        interruption,
        launch,
      });
      onSignal = supervisor.signal;
      drainLogs = supervisor.drainLogs;
      onGone = (why, mayFinish) => {
        supervisor.abandoned(why, mayFinish);
      };
      held = () => supervisor.listeners;
      // While the first workers load the app: the start need not wait for it.
      void useWinston(logger);
    });
  } catch (error) {
    if (interruption.signal.aborted) return 0;
    if (!(error instanceof WsgiTsError)) throw error;
    await launch.failed(error, false);
    logger.error(inWords(error));
    return error.exitCode;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
    await orAfter(patience(), logger.drain());
    logger.close();
  }
}

/** Has the log's lines go through winston, once that is loaded. */
async function useWinston(logger: ProcessLogger): Promise<void> {
  try {
    const { throughWinston } = await import('../log/winston.ts');
    logger.carryBy(throughWinston);
  } catch (error) {
    // No descriptors left, say: it must not end a server that serves.
    logger.warning(`The log goes on without winston: ${String(error)}`);
  }
}

/** Waits for `promise`, but no longer than `milliseconds`: nobody may be reading. */
async function orAfter(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  await Promise.race([promise, sleep(milliseconds, undefined, { ref: false })]);
}

async function endRelays({ stdout, stderr }: OutputRelays): Promise<void> {
  await stdout?.end();
  if (stderr !== stdout) await stderr?.end();
}
