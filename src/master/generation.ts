// A generation: one set of settings with all that its workers need, made before the first of them starts. The first
// one is made at the start, each further one by a reload (SIGHUP). master.ts and reload.ts call this, on the
// master's main thread. Whatever is wrong shows here, while the generation before goes on untouched.

import { readCertificates } from '../certificates.ts';
import { readQuotas } from '../quotas.ts';
import type { TlsPolicy } from '../http/policy.ts';
import { createAccessLog } from '../log/access-log.ts';
import type { WorkerConfiguration, WorkerIdentity } from '../messages.ts';
import type { Settings } from '../settings/table.ts';
import { configure, noApp, tlsPolicy } from './configuration.ts';
import type { Listener } from './listeners.ts';
import type { ArbiterSettings } from './supervision.ts';

/** Milliseconds beyond --graceful-timeout, before a worker is killed: for saying what it cut off. */
const lastWords = 1000;

/** One set of settings, ready for workers. */
export interface Generation {
  /** Counts up from 1. */
  readonly number: number;
  readonly settings: Settings;
  readonly listeners: readonly Listener[];
  readonly configuration: WorkerConfiguration;
}

/** What of the master every generation has. */
export interface GenerationSurroundings {
  /** The interpreter that the master has found, as workers shall name it; null: none. */
  readonly python: string | null;
  /** The environment variable SCRIPT_NAME, or ''. */
  readonly scriptName: string;
  /** The command line as the app shall see it, the program first. */
  readonly argv: readonly string[];
  /** Whom the workers shall be; null: who the master is. */
  readonly identity: WorkerIdentity | null;
  /** Opens the listening sockets, or takes those that are there. */
  readonly openListeners: (settings: Settings, tls: TlsPolicy | null) => Promise<Listener[]>;
}

/**
 * Makes what workers with these settings need.
 *
 * @throws WsgiTsError (operator) where a file of the settings can't be used, or an address can't be had; what was
 *   opened before it is closed
 */
export async function makeGeneration(
  number: number,
  settings: Settings,
  { python, scriptName, argv, identity, openListeners }: GenerationSurroundings,
): Promise<Generation> {
  if (settings.app === null) throw noApp();
  if (settings.accessLogFile !== null) {
    // The workers write it; that it can be opened is to be known before the first of them starts.
    createAccessLog({ file: settings.accessLogFile, format: settings.accessLogFormat }).close();
  }
  const tls = tlsPolicy(settings);
  if (tls !== null) readCertificates(tls);
  const listeners = await openListeners(settings, tls);
  const configuration = configure(settings, listeners, python, argv, scriptName, identity);
  return { number, settings, listeners, configuration };
}

/** What the arbiter must know of settings. */
export function arbiterSettings(settings: Settings): ArbiterSettings {
  return {
    workers: settings.workers,
    processors: Math.max(1, Math.ceil(readQuotas().cpu)),
    timeout: settings.timeout * 1000,
    bootTimeout: settings.bootTimeout * 1000,
    gracefulTimeout: settings.gracefulTimeout * 1000 + lastWords,
    drainDelay: settings.drainDelay * 1000,
    daemonized: settings.daemon,
    reload: settings.reload,
  };
}
