// The master: composition root of the process that `wsgi-ts app:app` starts. It opens what all workers share
// (log, pid file, interpreter, listening sockets), then performs what the arbiter decides until it says finish.
// cli.ts calls `runMaster`, on the main thread. Here alone in this folder are the process, its signals and the
// clock. It must never accept a connection, import the app, or wait for anything but events.

import '../sigusr1.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { showProgress } from '../binding/progress.ts';
import { startInterpreter } from '../bridge/interpreter.ts';
import type { Interpreter } from '../bridge/interpreter.ts';
import { WsgiTsError } from '../errors.ts';
import { readCertificates } from '../certificates.ts';
import type { TlsPolicy } from '../http/policy.ts';
import { ProcessLogs } from '../bridge/process-logs.ts';
import { createAccessLog } from '../log/access-log.ts';
import type { Logger, ProcessLogger } from '../log/logger.ts';
import { parseAddress } from '../settings/address.ts';
import type { Settings } from '../settings/table.ts';
import { decide } from './arbiter.ts';
import { configure, tlsPolicy } from './configuration.ts';
import { closeListeners, openListeners } from './listeners.ts';
import { logPolicy } from './log-policy.ts';
import type { Listener } from './listeners.ts';
import { openRelays } from './output-relay.ts';
import type { OutputRelays } from './output-relay.ts';
import { claimPidfile } from './pidfile.ts';
import { PythonLogs } from './python-logs.ts';
import { findOwner } from './port-owner.ts';
import { signalTable, shortName, watchSignals } from './signals.ts';
import type { MasterSignal } from './signals.ts';
import { initialState, tickEvery } from './supervision.ts';
import type { Action, Event } from './supervision.ts';
import { WorkerHandle } from './worker-handle.ts';

/** Milliseconds beyond --graceful-timeout, before a worker is killed: for saying what it cut off. */
const lastWords = 1000;

/** Milliseconds that an order waits for the log, at most: nobody may be reading it. */
const logPatience = 100;

/** What a test may replace. */
export interface MasterOptions {
  /** The program of a worker. */
  readonly worker?: URL;
}

/**
 * Serves until a signal ends it, or the app turns out not to be loadable.
 *
 * @returns the exit code: 0 after TERM, INT or QUIT; 1 where the server could not start (the log says why);
 *   3 or 4 where no worker could be booted
 * @throws WsgiTsError (operator) when there is no log to write to, or no app
 */
export async function runMaster(
  settings: Settings,
  version: string,
  { worker = new URL('../worker/worker.js', import.meta.url) }: MasterOptions = {},
): Promise<number> {
  process.chdir(settings.chdir); // every relative path of the settings starts there
  const logs = new ProcessLogs(logPolicy(settings), false);
  const { logger } = logs;
  // Until workers run, a signal to stop only has to interrupt the waiting for an address.
  const interruption = new AbortController();
  let onSignal = (signal: MasterSignal): void => {
    if (signalTable[signal].kind !== 'stop') return;
    logger.info(`Handling signal: ${shortName(signal)}`);
    interruption.abort();
  };
  const unwatch = watchSignals(process, (signal) => {
    onSignal(signal);
  });
  const cleanups: (() => Promise<void> | void)[] = [unwatch];
  try {
    if (settings.pid !== null) {
      const pidfile = claimPidfile(settings.pid, process.pid, processExists);
      cleanups.push(() => {
        pidfile.release();
      });
    }
    if (settings.accessLogFile !== null) {
      // The workers write it; that it can be opened is to be known before the first of them starts.
      createAccessLog({ file: settings.accessLogFile, format: settings.accessLogFormat }).close();
    }
    const tls = tlsPolicy(settings);
    if (tls !== null) readCertificates(tls);
    const interpreter = await startInterpreter({
      python: settings.python,
      directory: settings.chdir,
      noBuild: settings.noBuild,
      listener: showProgress(2),
      signal: interruption.signal,
    });
    cleanups.push(() => {
      closeListeners(interpreter);
    });
    const pythonLogs = new PythonLogs(logs, settings, interpreter);
    cleanups.push(() => {
      pythonLogs.close();
    });
    logger.info(`Starting wsgi-ts ${version}`);
    const listeners = await openListeners({
      addresses: settings.bind.map(parseAddress),
      backlog: settings.backlog,
      secure: tls !== null,
      interpreter,
      logger,
      pause: () => sleep(1000, undefined, { signal: interruption.signal }),
      findOwner,
    });
    const urls = listeners
      .map(({ url }) => (tls === null ? url : url.replace(/^http:/, 'https:')))
      .join(',');
    logger.info(`Listening at: ${urls} (${process.pid})`);
    logger.info(`Using worker: ${settings.threads > 1 ? 'gthread' : 'sync'}`);
    // Workers write to the same place: what is said of the start comes first.
    await logger.drain();
    const relays = openRelays(1, 2);
    cleanups.push(() => endRelays(relays));
    return await new Promise((resolve) => {
      const shared = {
        settings,
        version,
        worker,
        logger,
        pythonLogs,
        interpreter,
        listeners,
        relays,
      };
      onSignal = supervise(shared, resolve);
    });
  } catch (error) {
    if (interruption.signal.aborted) return 0;
    if (!(error instanceof WsgiTsError)) throw error;
    logger.error([error.message, error.remedy, error.traceback].filter(Boolean).join('\n'));
    return error.exitCode;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
    await logger.drain();
    logger.close();
  }
}

/** What every worker is started with. */
interface Shared {
  readonly settings: Settings;
  readonly worker: URL;
  readonly logger: ProcessLogger;
  readonly pythonLogs: PythonLogs;
  readonly interpreter: Interpreter;
  readonly listeners: readonly Listener[];
  readonly relays: OutputRelays;
}

/**
 * Starts the workers and keeps the arbiter's orders.
 *
 * @param finish - is given the exit code when no worker is left
 * @returns where signals are to be reported
 */
function supervise(shared: Shared, finish: (exitCode: number) => void): (s: MasterSignal) => void {
  const { settings, logger, interpreter, listeners } = shared;
  const handles = new Map<number, WorkerHandle>();
  const configuration = configure(
    settings,
    listeners,
    interpreter.executable === '' ? settings.python : interpreter.executable,
    process.argv.slice(1),
    process.env['SCRIPT_NAME'] ?? '',
  );
  const clock = (): number => performance.now();
  const milliseconds = (seconds: number): number => seconds * 1000;
  let state = initialState(
    {
      workers: settings.workers,
      timeout: milliseconds(settings.timeout),
      gracefulTimeout: milliseconds(settings.gracefulTimeout) + lastWords,
    },
    clock(),
  );

  const happened = (event: EventWithoutTime): void => {
    const decision = decide(state, { ...event, now: clock() });
    state = decision.state;
    for (const action of decision.actions) perform(action);
  };
  const tick = (): void => {
    happened({ type: 'tick' });
    if (state.finished) return;
    timer = setTimeout(tick, state.stop === null ? tickEvery.running : tickEvery.stopping);
  };
  const spawn = (id: number): void => {
    const handle = new WorkerHandle({
      script: shared.worker,
      configuration,
      listenerFds: listeners.map(({ fd }) => fd),
      relays: shared.relays,
      makePipe: () => interpreter.call('sockets', 'pipe') as unknown as [number, number],
      onMessage: (message) => {
        happened({ ...message, id });
      },
      onExit: (exit) => {
        handles.delete(id);
        shared.pythonLogs.workers(handles.size);
        happened({ type: 'exited', id, ...exit });
      },
    });
    handles.set(id, handle);
    shared.pythonLogs.workers(handles.size);
    if (handle.pid !== undefined) happened({ type: 'started', id, pid: handle.pid });
  };
  const perform = (action: Action): void => {
    switch (action.type) {
      case 'spawn':
        spawn(action.id);
        return;
      case 'stop':
        void stopBehindLog(logger, handles.get(action.id), action);
        return;
      case 'signal':
        handles.get(action.id)?.signal(action.signal);
        return;
      case 'reopen-logs':
        shared.pythonLogs.reopen();
        return;
      case 'renew-certificates':
        if (certificatesAreGood(tlsPolicy(settings), logger))
          for (const handle of handles.values()) handle.renewCertificates();
        return;
      case 'close-listeners':
        closeListeners(interpreter);
        // The end is near: look more often.
        clearTimeout(timer);
        timer = setTimeout(tick, tickEvery.stopping);
        return;
      case 'log':
        logger.log(action.level, action.message);
        return;
      case 'finish':
        clearTimeout(timer);
        finish(action.exitCode);
        return;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  tick();
  return (signal) => {
    happened({ type: 'signal', signal });
  };
}

/** An event as it is reported; the clock is read here. */
type EventWithoutTime = Event extends infer E ? (E extends Event ? Omit<E, 'now'> : never) : never;

/** Workers write to the same place as the master: why they stop comes before what they say of it. */
async function stopBehindLog(
  logger: ProcessLogger,
  handle: WorkerHandle | undefined,
  { graceful, signal }: Action & { readonly type: 'stop' },
): Promise<void> {
  await Promise.race([logger.drain(), sleep(logPatience, undefined, { ref: false })]);
  handle?.stop(graceful, signal);
}

/** Checks the files of TLS, and says what comes of a HUP. */
function certificatesAreGood(policy: TlsPolicy | null, logger: Logger): boolean {
  if (policy === null) {
    logger.warning(
      'HUP renews certificates, and there are none. To load new code or settings, stop the server and ' +
        'start it again.',
    );
    return false;
  }
  try {
    readCertificates(policy);
  } catch (error) {
    if (!(error instanceof WsgiTsError)) throw error;
    logger.error(`The certificates stay as they are: ${error.message}`);
    return false;
  }
  logger.info('New connections get the certificates that the files hold now');
  return true;
}

async function endRelays({ stdout, stderr }: OutputRelays): Promise<void> {
  await stdout?.end();
  if (stderr !== stdout) await stderr?.end();
}

/** Whether a process runs, be it another user's (EPERM). */
function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
