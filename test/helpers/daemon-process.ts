// A server that was started with --daemon: no child of ours any more, so it is known by its pid file and heard through
// its log, which tail(1) follows until the daemon has ended. A guard kills it when the test process ends without
// stopping it, be it by SIGKILL.

import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { activatedEnvironment } from './python-environment.ts';
import { runCli } from './server-process.ts';
import type { CliResult, ServerOptions } from './server-process.ts';
import { SpawnedProcess } from './spawned-process.ts';

/** A daemon under test. */
export class DaemonProcess {
  /** Its master. */
  readonly pid: number;
  /** What the command said that started it. */
  readonly started: CliResult;
  /** Its log as it grows; ends with the daemon. */
  readonly log: SpawnedProcess;
  readonly #guard: ReturnType<typeof spawn>;

  private constructor(folder: string, started: CliResult) {
    this.started = started;
    this.pid = Number(readFileSync(join(folder, 'daemon.pid'), 'utf8'));
    this.#guard = spawn('sh', ['-c', 'read -r _ || kill -9 "-$0"', String(this.pid)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#guard.unref();
    (this.#guard.stdin as Socket).unref();
    const follow = ['-n', '+1', '-F', '-s', '0.1', `--pid=${this.pid}`, join(folder, 'daemon.log')];
    this.log = new SpawnedProcess('tail', follow, { cwd: folder, env: activatedEnvironment() });
  }

  /** Starts one with its pid file and log in `folder`, and waits until its command has ended with 0. */
  static async start(
    folder: string,
    args: readonly string[],
    options: ServerOptions = {},
  ): Promise<DaemonProcess> {
    const files = ['--pid=daemon.pid', '--error-logfile=daemon.log', '--log-level=debug'];
    const command = ['--daemon', '--bind=127.0.0.1:0', '--chdir', folder, ...files, ...args];
    rmSync(join(folder, 'daemon.log'), { force: true }); // the last one's
    const started = await runCli(command, options);
    if (started.end !== 0) throw new Error(`It ended with ${started.end}: ${started.stderr}`);
    return new DaemonProcess(folder, started);
  }

  get port(): number {
    return Number(/Listening at: http:\/\/127\.0\.0\.1:(\d+)/.exec(this.log.output())?.[1]);
  }

  /** Stops it, and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.log.end === undefined) process.kill(this.pid, 'SIGTERM');
    await this.log.waitForEnd();
    if (this.#guard.stdin?.writableEnded === false) this.#guard.stdin.end('over\n');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
