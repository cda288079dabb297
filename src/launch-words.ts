// What a server and the program that has started it say to each other over Node's IPC channel, and how a server knows that
// it is one of ours: the command of --daemon (src/master/daemon.ts) or `serve()` (src/embed/serve.ts). The server's side
// is src/master/parent-channel.ts. Words only; both sides import this file.

import type { ErrorReport } from './error-report.ts';

/** The variable that tells a server who has started it; it is taken out before anything of the app's can see it. */
export const launchVariable = 'WSGI_TS_LAUNCH';

/** Its values: by `--daemon` (nothing is said after the start), or by `serve()` (which talks for the server's life). */
export type LaunchedBy = 'daemon' | 'serve';

/** What the server says. */
export type ServerWord =
  /** A worker serves; also said when the addresses have changed since. */
  | {
      readonly type: 'serving';
      /** As the log shows them, with the ports that were really bound. */
      readonly urls: readonly string[];
      /** Seconds that a stop may take by the settings. */
      readonly patience: number;
    }
  /** It can't start, and ends. */
  | {
      readonly type: 'failed';
      readonly error: ErrorReport;
      /** Whether the command says it on standard error as it ends; else its log does. */
      readonly isReported: boolean;
    }
  /** A reload is over: the workers are new, and the old ones are gone. */
  | { readonly type: 'reloaded' }
  /** A reload came to nothing: the workers are as they were. */
  | { readonly type: 'reload-failed'; readonly error: ErrorReport }
  /** All that the server had logged when it was asked to drain its logs is written. */
  | { readonly type: 'logs-drained' };

/** What `serve()` says. */
export interface StarterWord {
  readonly type: 'reload' | 'drain-logs';
}

const words: ReadonlySet<unknown> = new Set<ServerWord['type']>([
  'serving',
  'failed',
  'reloaded',
  'reload-failed',
  'logs-drained',
]);
const starterWords: ReadonlySet<unknown> = new Set<StarterWord['type']>(['reload', 'drain-logs']);

/** Whether a message is a server's word. */
export function isServerWord(message: unknown): message is ServerWord {
  return words.has(typeOf(message));
}

/** Whether a message is one of `serve()`'s. */
export function isStarterWord(message: unknown): message is StarterWord {
  return starterWords.has(typeOf(message));
}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'type' in message
    ? message.type
    : undefined;
}
