// Node's IPC channel to whoever has started the master, if there is one: the command of --daemon, `serve()`, or somebody
// else's program (child_process.fork, PM2), which hears the message `ready` and nothing else. Opened by the command
// before anything is read, on the master's main thread. When the channel closes, that program is gone, and the server with it; but
// not a daemon's: its command ends as soon as it knows how the start went.

import type { ErrorReport } from '../error-report.ts';
import { isStarterWord, launchVariable } from '../launch-words.ts';
import type { LaunchedBy, ServerWord } from '../launch-words.ts';

/** Who is at the other end. */
export type Starter = LaunchedBy | 'other';

/** The part of `process` that is needed here. */
export type ChannelSource = Pick<
  NodeJS.Process,
  'send' | 'connected' | 'disconnect' | 'on' | 'pid' | 'kill'
>;

/** What whoever has started the server asks for, or its end. */
export interface ParentOrders {
  /** Do as at SIGHUP. */
  reload(): void;
  /** Resolves when all that was logged so far is written. */
  drainLogs(): Promise<void>;
  /** It is gone: a sentence with no full stop says who. `mayFinish`: whether a stop under way may take its time. */
  gone(why: string, mayFinish: boolean): void;
}

/** The channel. */
export class ParentChannel {
  readonly starter: Starter;
  readonly #process: ChannelSource;

  private constructor(starter: Starter, source: ChannelSource, orders: ParentOrders) {
    this.starter = starter;
    this.#process = source;
    if (starter === 'daemon') return;
    source.on('disconnect', () => {
      orders.gone('The program that has started this server is gone', false);
    });
    source.on('message', (message) => {
      if (starter !== 'serve' || !isStarterWord(message)) return;
      if (message.type === 'reload') orders.reload();
      else
        void orders.drainLogs().then(() => {
          this.#tell({ type: 'logs-drained' });
        });
    });
  }

  /** Opens it, and takes the mark out of the environment; null: there is none. */
  static open(
    source: ChannelSource,
    env: NodeJS.ProcessEnv,
    orders: ParentOrders,
  ): ParentChannel | null {
    const mark = env[launchVariable];
    Reflect.deleteProperty(env, launchVariable);
    if (source.send === undefined || !source.connected) return null;
    const starter = mark === 'daemon' || mark === 'serve' ? mark : 'other';
    return new ParentChannel(starter, source, orders);
  }

  /** A worker serves. */
  serving(urls: readonly string[], patience: number): void {
    if (this.starter === 'other') this.#send('ready');
    else this.#tell({ type: 'serving', urls, patience });
  }

  /** The server can't start. Resolves when that is on its way: the process may end. */
  failed(error: ErrorReport, isReported: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#tell({ type: 'failed', error, isReported }, resolve);
    });
  }

  /** A reload is over; `error`: it came to nothing. */
  reloaded(error: ErrorReport | null): void {
    this.#tell(error === null ? { type: 'reloaded' } : { type: 'reload-failed', error });
  }

  #tell(word: ServerWord, sent: () => void = () => undefined): void {
    if (this.starter === 'other') {
      sent();
      return;
    }
    this.#send(word, () => {
      // Who waited may be gone; either way there is no more to say.
      if (this.starter === 'daemon' && this.#process.connected) this.#process.disconnect();
      sent();
    });
  }

  #send(message: unknown, sent: () => void = () => undefined): void {
    if (this.#process.connected) this.#process.send?.(message, undefined, undefined, sent);
    else sent();
  }
}
