// The hooks of the settings file in a worker, around the loading and the end of its app. Made by worker.ts; called
// by it and by the bridge's handler, on the main thread, only where the event loop may wait for Python: while the
// app is loaded, and when the worker ends. Hooks around requests are Python's own business (gateway.py).
// Without a settings file it does nothing.

import type { AppHooks } from '../bridge/handler-options.ts';
import type { Interpreter, Plain } from '../bridge/interpreter.ts';
import { loadFailure, type LoadFailure } from '../bridge/load-failure.ts';
import type { Logger } from '../log/logger.ts';
import type { LogLevel, WorkerConfiguration } from '../messages.ts';

/** One worker's hooks. */
export class WorkerHooks implements AppHooks {
  readonly #configuration: WorkerConfiguration;
  readonly #logger: Logger;
  #interpreter: Interpreter | undefined;
  /** Whether worker_int is still to be called, should the worker be told to hurry. */
  #interruptible = false;

  constructor(configuration: WorkerConfiguration, logger: Logger) {
    this.#configuration = configuration;
    this.#logger = logger;
  }

  /**
   * Executes the settings file and calls post_fork.
   * @throws WsgiTsError (exit code 3) where one of the two raises
   */
  beforeLoad(interpreter: Interpreter): void {
    const { hooks, listeners, argv } = this.#configuration;
    if (hooks === undefined) return;
    this.#interpreter = interpreter;
    const facts = { ...hooks, listeners, argv } as unknown as Plain;
    const answer = interpreter.call('worker_hooks', 'open_file', facts) as
      { readonly ok: true; readonly hooks: readonly string[] } | LoadFailure;
    this.#log(interpreter.call('worker_hooks', 'lines'));
    if (!answer.ok) throw loadFailure(answer);
    this.#interruptible = answer.hooks.includes('worker_int');
  }

  /** Writes what post_worker_init has logged, where that failed: else it comes down the channel. */
  afterLoad(): void {
    if (this.#interpreter !== undefined) this.#log(this.#interpreter.call('worker_hooks', 'lines'));
  }

  /** Calls worker_int, once: INT or QUIT came, by a signal or by the master's word, and mostly by both. */
  interrupted(): void {
    if (this.#interpreter === undefined || !this.#interruptible) return;
    this.#interruptible = false;
    this.#log(this.#interpreter.call('worker_hooks', 'interrupted'));
  }

  /** Calls worker_exit, once. */
  exiting(served: number): void {
    const interpreter = this.#interpreter;
    if (interpreter === undefined) return;
    this.#interpreter = undefined;
    this.#log(interpreter.call('worker_hooks', 'exiting', served));
  }

  #log(lines: Plain): void {
    for (const [level, text] of lines as unknown as (readonly [LogLevel, string])[])
      this.#logger.log(level, text);
  }
}
