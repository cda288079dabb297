// What the service manager hears of the server (sd_notify(3)): that it serves, reloads, stops, and still lives.
// surroundings.ts makes one, on the master's main thread; the datagrams go through Python (wsgi_ts/notify.py), since
// Node can't send them. Without NOTIFY_SOCKET every call is a no-op. The variables are taken out of the environment:
// workers and the app's children must not speak for the server.

import type { Interpreter } from '../bridge/interpreter.ts';
import type { Logger } from '../log/logger.ts';
import type { ArbiterState } from './supervision.ts';

/** What the environment says of the service manager. */
export interface ServiceManager {
  /** A path, or `@` and the name of an abstract socket; null: nobody wants to hear. */
  readonly socket: string | null;
  /** Milliseconds within which it must hear that we live; null: it doesn't ask. */
  readonly watchdog: number | null;
  /** The variables as they were: for a successor that speaks in our place (USR2). */
  readonly variables: Readonly<Record<string, string>>;
}

const names = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Takes what `env` says of the service manager; `pid` is this process: a watchdog for another one is none. */
export function takeServiceManager(env: NodeJS.ProcessEnv, pid: number): ServiceManager {
  const variables: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined) variables[name] = value;
    Reflect.deleteProperty(env, name);
  }
  const { NOTIFY_SOCKET: given = '', WATCHDOG_USEC: period = '' } = variables;
  const socket = /^[/@]./.test(given) ? given : null;
  const isOurs = [undefined, String(pid)].includes(variables['WATCHDOG_PID']);
  const asks = socket !== null && isOurs && /^[1-9]\d*$/.test(period);
  return { socket, watchdog: asks ? Number(period) / 1000 : null, variables };
}

/** The part of the arbiter's state that the service manager hears of. */
type Seen = Pick<ArbiterState, 'workers' | 'stop'>;

/** Speaks to the service manager. No call ever throws. */
export class ServiceNotifier {
  /** See {@link ServiceManager.variables}. */
  readonly variables: Readonly<Record<string, string>>;
  readonly #socket: string | null;
  readonly #interpreter: Pick<Interpreter, 'call'>;
  readonly #logger: Pick<Logger, 'warning'>;
  readonly #timer: NodeJS.Timeout | undefined;
  #serving = 0;
  #wasReady = false;
  #mainPid = 0;
  #isReloading = false;
  #isStopping = false;
  #status = '';
  #complained = false;

  constructor(
    { socket, watchdog, variables }: ServiceManager,
    interpreter: Pick<Interpreter, 'call'>,
    logger: Pick<Logger, 'warning'>,
  ) {
    this.variables = variables;
    this.#socket = socket;
    this.#interpreter = interpreter;
    this.#logger = logger;
    if (watchdog === null) return;
    // At half of the time, as sd_watchdog_enabled(3) recommends. On this timer, so that a loop that hangs says nothing.
    this.#timer = setInterval(() => {
      if (this.#serving > 0 || this.#isStopping) this.watchdog();
    }, watchdog / 2).unref();
  }

  /** Says what has changed between this state of the arbiter and the last one: ready, stopping, how many serve. */
  observe({ workers, stop }: Seen): void {
    this.#serving = workers.filter(({ phase }) => phase === 'ready' || phase === 'retiring').length;
    if (stop !== null) {
      if (!this.#isStopping) this.stopping();
      return;
    }
    if (this.#serving > 0 && !this.#wasReady) this.ready();
    if (!this.#wasReady) return;
    const workerCount = this.#serving === 1 ? '1 worker serves' : `${this.#serving} workers serve`;
    this.status(this.#serving === 0 ? 'No worker serves' : workerCount);
  }

  /** The listeners are open and a worker serves; also said when a reload is over. */
  ready(): void {
    this.#wasReady = true;
    this.#isReloading = false;
    this.#send('READY=1');
  }

  /** A reload begins; {@link ready} says when it is over. */
  reloading(): void {
    if (!this.#wasReady) return;
    this.#isReloading = true;
    // CLOCK_MONOTONIC, which is what Node's clock reads on Linux: the manager orders its own requests by it.
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** A reload is over, one way or the other. */
  reloaded(): void {
    if (this.#isReloading) this.ready();
  }

  /** A stop begins. */
  stopping(): void {
    this.#isStopping = true;
    this.#send('STOPPING=1\nSTATUS=Stopping');
  }

  /** One line for people: `systemctl status` shows it. The same one is not said twice. */
  status(text: string): void {
    const line = text.replaceAll(/\s+/g, ' ');
    if (line === this.#status) return;
    this.#status = line;
    this.#send(`STATUS=${line}`);
  }

  /** We live. */
  watchdog(): void {
    this.#send('WATCHDOG=1');
  }

  /** Another process is the service's main one from now on; the same one is not said twice. */
  mainPid(pid: number): void {
    if (this.#mainPid === pid) return;
    this.#mainPid = pid;
    this.#send(`MAINPID=${pid}`);
  }

  /** Says nothing any more by itself. */
  close(): void {
    clearInterval(this.#timer);
  }

  #send(text: string): void {
    if (this.#socket === null) return;
    const problem = this.#interpreter.call('notify', 'send', this.#socket, text);
    if (problem === '' || this.#complained) return;
    this.#complained = true;
    this.#logger.warning(
      `The service manager can't be told (${this.#socket}): ${JSON.stringify(problem)}`,
    );
  }
}
