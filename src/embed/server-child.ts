// The process of a server that `serve()` has started, as its program sees it: what it says, how it is stopped, and its
// end. Made by serve.ts and by the smoke test. It must never leave the process behind, nor wait for it without a limit once it was told to end.

import type { ChildProcess } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorOf } from '../error-report.ts';
import { WsgiTsError } from '../errors.ts';
import { isServerWord } from '../launch-words.ts';
import type { ServerWord, StarterWord } from '../launch-words.ts';

/** Seconds that a server may take to stop until it has said itself; its default. */
const defaultPatience = 30;
/** Seconds beyond, before it is killed. */
const lastWords = 5;
/** Milliseconds that the rest of its words and output may take when it is gone: a process that the app left behind may hold the pipes. */
const restOfOutput = 1000;

/** How a server has ended. */
export interface ServerEnd {
  /** Its exit code; null where a signal has killed it. */
  readonly code: number | null;
  readonly signal: string | null;
}

/** A wish for a reload, to be told how it went. */
interface ReloadWish {
  readonly resolve: () => void;
  readonly reject: (error: WsgiTsError) => void;
}

/** One server process. */
export class ServerChild {
  /**
   * Resolves when a worker serves; rejects, once the process is gone, with why none does: the reason of the signal where
   * that was aborted.
   */
  readonly serving: Promise<void>;
  readonly closed: Promise<ServerEnd>;
  readonly #child: ChildProcess;
  #serves: () => void = () => undefined;
  /** Why it does not serve, as it has said itself. */
  #refusal: WsgiTsError | null = null;
  #urls: readonly string[] = [];
  #patience = defaultPatience;
  #isOver = false;
  #isReported = false;
  #close: Promise<void> | undefined;
  /** What the reload under way is to be told, and those that came since: files may have changed after it began. */
  #reloading: ReloadWish[] = [];
  #reloadNext: ReloadWish[] = [];
  /** Who waits for the log to be written. */
  #drains: (() => void)[] = [];

  /** @param signal - ends it, be it while it starts */
  constructor(child: ChildProcess, signal?: AbortSignal) {
    this.#child = child;
    this.closed = this.#end();
    this.serving = new Promise((resolve, reject) => {
      this.#serves = resolve;
      void this.closed.then((end) => {
        if (signal?.aborted === true) reject(signal.reason as Error);
        else reject(this.#refusal ?? ended(end, 'ERR_WSGI_START'));
      });
    });
    this.serving.catch(() => undefined);
    const abort = (): void => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    void this.closed.then(() => signal?.removeEventListener('abort', abort));
    void this.closed.then((end) => {
      this.#isOver = true;
      for (const resolve of this.#drains.splice(0)) resolve();
      this.#answer([...this.#reloading, ...this.#reloadNext], ended(end, 'ERR_WSGI_RELOAD'));
    });
    child.on('message', (message) => {
      if (isServerWord(message)) this.#hear(message);
    });
    // A message or a signal that came too late: the end tells itself.
    child.on('error', () => undefined);
  }

  get url(): string {
    return this.#urls[0] ?? '';
  }

  get urls(): readonly string[] {
    return this.#urls;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether it has said on its standard error why it could not start. */
  get isReported(): boolean {
    return this.#isReported;
  }

  reload(): Promise<void> {
    return new Promise((resolve, reject) => {
      const wish = { resolve, reject };
      if (this.#isOver || !this.#child.connected) {
        const message = 'The server has ended: there is nothing to reload';
        reject(new WsgiTsError('ERR_WSGI_RELOAD', 'operator', message));
      } else if (this.#reloading.length > 0) this.#reloadNext.push(wish);
      else this.#askToReload([wish]);
    });
  }

  /** Resolves when all that the server has logged so far is written, or the server is gone. */
  drainLogs(): Promise<void> {
    if (this.#isOver || !this.#child.connected) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drains.push(resolve);
      this.#child.send({ type: 'drain-logs' } satisfies StarterWord);
    });
  }

  close(): Promise<void> {
    this.#close ??= this.#stop();
    return this.#close;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #stop(): Promise<void> {
    if (this.#isOver) return;
    const over = new AbortController();
    this.#child.kill('SIGTERM');
    const late = sleep((this.#patience + lastWords) * 1000, undefined, { signal: over.signal });
    late.then(() => this.#child.kill('SIGKILL')).catch(() => undefined);
    await this.closed;
    over.abort();
  }

  #hear(word: ServerWord): void {
    switch (word.type) {
      case 'serving':
        this.#urls = word.urls;
        this.#patience = word.patience;
        this.#serves();
        return;
      case 'reloaded':
      case 'reload-failed': {
        const [waiting, next] = [this.#reloading, this.#reloadNext];
        this.#reloading = [];
        this.#reloadNext = [];
        this.#answer(waiting, word.type === 'reloaded' ? null : errorOf(word.error));
        if (next.length > 0) this.#askToReload(next);
        return;
      }
      case 'logs-drained':
        for (const resolve of this.#drains.splice(0)) resolve();
        return;
      case 'failed':
        this.#refusal = errorOf(word.error);
        this.#isReported = word.isReported;
    }
  }

  #askToReload(waiting: ReloadWish[]): void {
    this.#reloading = waiting;
    this.#child.send({ type: 'reload' } satisfies StarterWord);
  }

  #answer(waiting: readonly ReloadWish[], error: WsgiTsError | null): void {
    for (const { resolve, reject } of waiting) {
      if (error === null) resolve();
      else reject(error);
    }
  }

  async #end(): Promise<ServerEnd> {
    const child = this.#child;
    if (child.pid === undefined) {
      const [cause] = await happens<[Error]>(child, 'error');
      this.#refusal = notStarted(cause);
      return { code: null, signal: null };
    }
    const [code, signal] = await happens<[number | null, string | null]>(child, 'exit');
    // What it has said and written is read before its end is told.
    const outputs = [child.stdout, child.stderr].flatMap((stream) => stream ?? []);
    const read = Promise.all([
      child.connected ? happens(child, 'disconnect') : null,
      ...outputs.map((stream) => finished(stream).catch(() => undefined)),
    ]);
    await Promise.race([read, sleep(restOfOutput, undefined, { ref: false })]);
    if (child.connected) child.disconnect();
    return { code, signal };
  }
}

/** What an event of the process brings; unlike `once` of node:events it never rejects. */
function happens<Facts extends unknown[]>(child: ChildProcess, event: string): Promise<Facts> {
  return new Promise((resolve) => {
    child.once(event, (...facts) => {
      resolve(facts as Facts);
    });
  });
}

/** What is known of an end that the server has said nothing of. */
function whyEnded({ code, signal }: ServerEnd): string {
  if (signal === 'SIGKILL') {
    return 'Something outside has killed it: the kernel does so where memory runs out, and then dmesg tells.';
  }
  if (code === 0) {
    return 'It was stopped, or told not to serve, as by --check-config in GUNICORN_CMD_ARGS or a config file.';
  }
  return 'What it wrote to standard error, or to its error log, tells why.';
}

function notStarted(cause: Error): WsgiTsError {
  const message = `The server's process could not be started: ${cause.message}`;
  return new WsgiTsError('ERR_WSGI_START', 'operator', message, { cause });
}

/** `with exit code 1`, `by SIGKILL`. */
export function howEnded({ code, signal }: ServerEnd): string {
  return signal === null ? `with exit code ${String(code)}` : `by ${signal}`;
}

function ended(end: ServerEnd, errorCode: string): WsgiTsError {
  const message = `The server ended ${howEnded(end)}`;
  const remedy = whyEnded(end);
  return new WsgiTsError(errorCode, 'operator', message, { remedy });
}
