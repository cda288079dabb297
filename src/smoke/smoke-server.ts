// Stand-in until serve() is there.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WsgiTsError } from '../errors.ts';

export interface SmokeServerOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: number;
  readonly signal: AbortSignal;
}

export interface SmokeServer {
  readonly url: string;
  settle(): Promise<void>;
  renew(): Promise<void>;
  close(): Promise<void>;
}

export async function startSmokeServer({
  argv,
  env,
  output,
  signal,
}: SmokeServerOptions): Promise<SmokeServer | { readonly error: WsgiTsError }> {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const child = spawn(process.execPath, [cli, ...argv], { env, stdio: ['ignore', output, output] });
  const ended = once(child, 'exit');
  const written = (): string => readFileSync(`/proc/self/fd/${output}`, 'utf8');
  for (;;) {
    const [, url] = /Listening at: (\S+) /.exec(written()) ?? [];
    if (child.exitCode !== null) {
      const exitCode = child.exitCode;
      return { error: new WsgiTsError('ERR_WSGI_BOOT', 'application', 'no boot', { exitCode }) };
    }
    if (url !== undefined && /Booting/.test(written()))
      return {
        url,
        settle: () => sleep(30),
        renew: async () => {
          child.kill('SIGHUP');
          await sleep(1000);
        },
        close: async () => {
          child.kill();
          await ended;
        },
      };
    await sleep(10);
    signal.throwIfAborted();
  }
}
